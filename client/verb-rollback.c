/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl rollback: upgrade to the kernel that ran before. */

#include "start.h"

int verb_rollback(Context *c, int argc, char **argv) {
        _cleanup_message_ sd_bus_message *call = NULL;
        int r;

        r = start_prepare(c, TKD_METHOD_ROLLBACK, NULL, true, &call);
        if (r != EXIT_OK)
                return r;
        return start_run(c, call, INTERRUPT_CANCELS, "rollback");
}
