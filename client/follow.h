/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Follow a job until it ends. */

#include "tkctl.h"

int event_open(Context *c, sd_event_signal_handler_t on_signal, void *userdata, sd_event **ret);

/* What Ctrl-C means to the one who follows. */
typedef enum Interrupt {
        INTERRUPT_LEAVES,  /* only watching, or nothing that can be cancelled */
        INTERRUPT_CANCELS, /* it is our job */
} Interrupt;

int follow_start(Context *c, sd_bus_message *call, Interrupt interrupt);
int follow_watch(Context *c, uint64_t id);
