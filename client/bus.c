/* SPDX-License-Identifier: GPL-2.0-only */

/* The connection to tkd, and calls of its methods. */

#include "agent.h"
#include "bus.h"
#include "fault.h"

static int open_address(const char *address, sd_bus **ret) {
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(bus, address);
        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(bus, true);
        if (r < 0)
                return r;
        r = sd_bus_start(bus);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(bus);
        return 0;
}

static int open_transport(const Context *c, sd_bus **ret) {
        switch (c->transport) {
        case TRANSPORT_REMOTE:
                return sd_bus_open_system_remote(ret, c->target);
        case TRANSPORT_MACHINE:
                return sd_bus_open_system_machine(ret, c->target);
        case TRANSPORT_ADDRESS:
                return open_address(c->target, ret);
        default:
                return sd_bus_open_system(ret);
        }
}

/**
 * bus_open() - connect to the bus that the command line names
 * @c: the command line; gets the connection
 *
 * Return: EXIT_OK, or another exit code after a line on standard error.
 */
int bus_open(Context *c) {
        int r;

        r = open_transport(c, &c->bus);
        if (r >= 0)
                return EXIT_OK;

        print_error("Cannot connect to the bus%s%s: %s. %s", c->target ? " of " : "", strempty(c->target), strerror(-r),
                    c->target ? "Check the name, and that the machine runs." :
                                "\"systemctl status dbus\" says whether it runs.");
        return EXIT_UNREACHABLE;
}

/**
 * bus_prepare() - a new method call to tkd
 * @c: the connection
 * @ret: the message, to be completed and sent
 * @path: object
 * @interface: interface
 * @method: method
 *
 * Return: 0 or a negative errno.
 */
int bus_prepare(Context *c, sd_bus_message **ret, const char *path, const char *interface, const char *method) {
        int r;

        r = sd_bus_message_new_method_call(c->bus, ret, TKD_BUS_NAME, path, interface, method);
        return r < 0 ? r : 0;
}

/**
 * bus_allow_password() - let polkit ask for a password before it allows this call
 * @c: the command line, which may forbid it
 * @call: the message
 *
 * Return: 0 or a negative errno.
 */
int bus_allow_password(Context *c, sd_bus_message *call) {
        return sd_bus_message_set_allow_interactive_authorization(call, c->ask_password);
}

/**
 * bus_open_agent() - start polkit's agent if this call may make it ask
 * @c: the connection; on another machine our agent is of no use
 * @call: the message
 */
void bus_open_agent(Context *c, sd_bus_message *call) {
        if (c->transport == TRANSPORT_LOCAL && sd_bus_message_get_allow_interactive_authorization(call) > 0)
                agent_open();
}

/**
 * bus_send() - send a call and wait for the answer
 * @c: the connection
 * @call: the message
 * @ret: the answer
 *
 * Return: EXIT_OK, or another exit code after a line on standard error.
 */
int bus_send(Context *c, sd_bus_message *call, sd_bus_message **ret) {
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        bus_open_agent(c, call);
        r = sd_bus_call(c->bus, call, CALL_TIMEOUT_USEC, &error, ret);
        agent_close();
        return r < 0 ? fault_print_bus(c, &error, r) : EXIT_OK;
}

/**
 * bus_call_manager() - call a method of the manager that has no arguments
 * @c: the connection
 * @method: its name
 * @ret: the answer
 *
 * Return: EXIT_OK, or another exit code after a line on standard error.
 */
int bus_call_manager(Context *c, const char *method, sd_bus_message **ret) {
        _cleanup_message_ sd_bus_message *call = NULL;
        int r;

        r = bus_prepare(c, &call, TKD_PATH, TKD_MANAGER_INTERFACE, method);
        if (r < 0)
                return fault_print_bus(c, NULL, r);
        return bus_send(c, call, ret);
}

/**
 * bus_append_options() - the a{sv} of Upgrade and Check
 * @m: the call
 * @c: the command line; only what was given there is sent
 *
 * Return: 0 or a negative errno.
 */
int bus_append_options(sd_bus_message *m, const Context *c) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        if (c->mode) {
                r = sd_bus_message_append(m, "{sv}", TKD_OPTION_MODE, "s", c->mode);
                if (r < 0)
                        return r;
        }
        if (c->dry_run) {
                r = sd_bus_message_append(m, "{sv}", TKD_OPTION_DRY_RUN, "b", true);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(m);
}

/**
 * bus_bad_reply() - say that an answer could not be read
 * @c: the command line
 * @error: negative errno
 *
 * Return: EXIT_FAILED.
 */
int bus_bad_reply(const Context *c, int error) {
        fault_print(c, "Cannot read tkd's answer", SD_BUS_ERROR_UNKNOWN_METHOD, strerror(-error));
        return EXIT_FAILED;
}
