/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl take: have a PCI function back from the twin. */

#include "lend.h"

int verb_take(Context *c, int argc, char **argv) {
        return lend_call(c, TKD_METHOD_TAKE, argv[0], "is back from the twin");
}
