/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TwinWatch: what the kernel says of the twin, kept up to date by its events.
 */
#pragma once

#include <systemd/sd-event.h>

#include "engine.h"

typedef struct TwinWatch {
        const TwinDeviceOps *ops;
        int fd;                         /* negative: this kernel has no twin support */
        struct twin_info info;
        sd_event_source *source;
        void (*changed)(void *userdata);
        void *userdata;
} TwinWatch;

/**
 * twin_watch_start() - begin to watch
 * @w:		to be released with twin_watch_done()
 * @event:	loop of the daemon
 * @ops:	the device
 * @changed:	called when info has changed
 * @userdata:	for @changed
 *
 * Return: 0, also when there is nothing to watch; or a negative errno.
 */
int twin_watch_start(TwinWatch *w, sd_event *event, const TwinDeviceOps *ops,
                     void (*changed)(void *userdata), void *userdata);

void twin_watch_done(TwinWatch *w);

/* Asks the kernel now; calls changed() when something is new. */
void twin_watch_refresh(TwinWatch *w);

/* TKD_TWIN_* */
const char *twin_watch_state(const TwinWatch *w);
