/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl boot: bring up a twin that stays beside this kernel. */

#include "start.h"

int verb_boot(Context *c, int argc, char **argv) {
        _cleanup_message_ sd_bus_message *call = NULL;
        char what[128];
        int r;

        r = start_prepare(c, TKD_METHOD_BOOT, argv[0], true, &call);
        if (r != EXIT_OK)
                return r;
        snprintf(what, sizeof(what), "boot of %s", argv[0]);
        return start_run(c, call, INTERRUPT_CANCELS, what);
}
