/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What the verbs share that start a job. */

#include "follow.h"

int start_prepare(Context *c, const char *method, const char *version, bool options, sd_bus_message **ret);
int start_run(Context *c, sd_bus_message *call, Interrupt interrupt, const char *what);
