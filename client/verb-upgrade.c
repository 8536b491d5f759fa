/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl upgrade: start an upgrade, and follow it unless told otherwise. */

#include "start.h"

int verb_upgrade(Context *c, int argc, char **argv) {
        _cleanup_message_ sd_bus_message *call = NULL;
        char what[128];
        int r;

        r = start_prepare(c, TKD_METHOD_UPGRADE, argv[0], true, &call);
        if (r != EXIT_OK)
                return r;
        snprintf(what, sizeof(what), "upgrade to %s", argv[0]);
        return start_run(c, call, INTERRUPT_CANCELS, what);
}
