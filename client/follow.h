/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Follow a job until it ends. */

#include "tkctl.h"

int event_open(Context *c, sd_event **ret);
int follow_upgrade(Context *c, sd_bus_message *call);
int follow_watch(Context *c, uint64_t id);
