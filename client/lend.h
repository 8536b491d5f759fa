/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What tkctl give and tkctl take share. */

#include "tkctl.h"

int lend_call(Context *c, const char *method, const char *address, const char *done);
