/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options a{sv} of Upgrade, Rollback, Boot and Check.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "util.h"

typedef struct Options {
        const char *mode;               /* a constant TKD_MODE_* */
        bool dry_run;
} Options;

typedef enum OptionFlags {
        OPTION_MODE    = 1 << 0,
        OPTION_DRY_RUN = 1 << 1,
} OptionFlags;

/**
 * options_read() - read the options from a call
 * @call:	its next argument
 * @allowed:	those that the method has; others are unknown
 * @ret:	defaults where the call says nothing
 * @error:	UnknownOption or BadOption
 *
 * Return: 0 or a negative errno.
 */
int options_read(sd_bus_message *call, OptionFlags allowed, Options *ret, sd_bus_error *error);
