/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Long output goes through a pager when it goes to a terminal. */

#include "tkctl.h"

void pager_open(const Context *c);
void pager_close(void);
