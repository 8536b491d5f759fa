/* SPDX-License-Identifier: GPL-2.0-only */

/* What tkctl give and tkctl take share. */

#include "bus.h"
#include "fault.h"
#include "lend.h"

/**
 * lend_call() - call one of the methods that move a PCI function, and say that it worked
 * @c: the connection
 * @method: its name
 * @address: of the function
 * @done: what has come of it: "is lent to the twin"
 *
 * Return: the exit code.
 */
int lend_call(Context *c, const char *method, const char *address, const char *done) {
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        int r;

        r = bus_prepare(c, &call, TKD_PATH, TKD_MANAGER_INTERFACE, method);
        if (r >= 0)
                r = bus_allow_password(c, call);
        if (r >= 0)
                r = sd_bus_message_append(call, "s", address);
        if (r < 0)
                return fault_print_bus(c, NULL, r);
        r = bus_send(c, call, &reply);
        if (r == EXIT_OK && !c->json)
                printf("%s %s.\n", address, done);
        return r;
}
