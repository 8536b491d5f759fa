/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options a{sv} of Upgrade and Check.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "util.h"

typedef struct Options {
        const char *mode;               /* a constant TKD_MODE_* */
        bool dry_run;
} Options;

/**
 * options_read() - read the options from a call
 * @call:	its next argument
 * @upgrade:	whether those of Upgrade alone are allowed
 * @ret:	defaults where the call says nothing
 * @error:	UnknownOption or BadOption
 *
 * Return: 0 or a negative errno.
 */
int options_read(sd_bus_message *call, bool upgrade, Options *ret, sd_bus_error *error);
