/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl give: lend a PCI function to the twin. */

#include "lend.h"

int verb_give(Context *c, int argc, char **argv) {
        return lend_call(c, TKD_METHOD_GIVE, argv[0], "is lent to the twin");
}
