/* SPDX-License-Identifier: GPL-2.0-only */

/* What the verbs share that start a job: the call, and what is done after it. */

#include "bus.h"
#include "fault.h"
#include "start.h"

/**
 * start_prepare() - the call of a method that starts a job
 * @c: the connection
 * @method: its name
 * @version: of the kernel, or NULL when the method takes none
 * @options: whether it takes options
 * @ret: the call, complete
 *
 * Return: EXIT_OK, or another exit code after a line on standard error.
 */
int start_prepare(Context *c, const char *method, const char *version, bool options, sd_bus_message **ret) {
        _cleanup_message_ sd_bus_message *m = NULL;
        int r;

        r = bus_prepare(c, &m, TKD_PATH, TKD_MANAGER_INTERFACE, method);
        if (r >= 0)
                r = bus_allow_password(c, m);
        if (r >= 0 && version)
                r = sd_bus_message_append(m, "s", version);
        if (r >= 0 && options)
                r = bus_append_options(m, c);
        if (r < 0)
                return fault_print_bus(c, NULL, r);

        *ret = TAKE_PTR(m);
        return EXIT_OK;
}

static void print_json_started(uint64_t id, const char *path) {
        _cleanup_json_ json_object *o = json_object_new_object();

        json_object_object_add(o, "id", id > 0 ? json_object_new_uint64(id) : NULL);
        json_object_object_add(o, "job", id > 0 ? json_object_new_string(path) : NULL);
        print_json(o);
}

/* With --dry-run tkd answers with no job. */
static int start_only(Context *c, sd_bus_message *call, const char *what) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *path;
        uint64_t id;
        int r;

        r = bus_send(c, call, &reply);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_read(reply, TKD_START_SIGNATURE_OUT, &id, &path);
        if (r < 0)
                return bus_bad_reply(c, r);

        if (c->json)
                print_json_started(id, path);
        else if (id == 0)
                printf("The %s would start. Nothing was touched.\n", what);
        else
                printf("Job %" PRIu64 " has started: \"tkctl monitor %" PRIu64 "\" follows it.\n", id, id);
        return EXIT_OK;
}

/**
 * start_run() - send the call, and follow the job unless told otherwise
 * @c: the connection
 * @call: the call
 * @interrupt: what Ctrl-C does
 * @what: would be started, for --dry-run: "upgrade to 7.2"
 *
 * Return: the exit code.
 */
int start_run(Context *c, sd_bus_message *call, Interrupt interrupt, const char *what) {
        return c->no_wait || c->dry_run ? start_only(c, call, what) : follow_start(c, call, interrupt);
}
