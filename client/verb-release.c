/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl release: drop the twin. */

#include "start.h"

int verb_release(Context *c, int argc, char **argv) {
        _cleanup_message_ sd_bus_message *call = NULL;
        int r;

        r = start_prepare(c, TKD_METHOD_RELEASE, NULL, false, &call);
        if (r != EXIT_OK)
                return r;
        return start_run(c, call, INTERRUPT_LEAVES, "release");
}
