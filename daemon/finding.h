/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding: one thing that Check has to say of an upgrade. One of severity
 * "error" would make Upgrade fail with the D-Bus error of the same name.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "util.h"

/* The ids are part of the interface: they stay as they are. */
typedef enum FindingId {
        /* errors, each has the name of a D-Bus error */
        FINDING_NO_SUCH_VERSION,
        FINDING_NO_INITRAMFS,
        FINDING_BAD_IMAGE,
        FINDING_NO_TWIN_SUPPORT,
        FINDING_BAD_CONFIG,
        FINDING_BAD_POLICY,
        FINDING_BAD_UNIT,
        FINDING_NOT_ENOUGH_MEMORY,
        FINDING_NOT_ENOUGH_CPUS,
        FINDING_BUSY,
        FINDING_TWIN_EXISTS,
        FINDING_NOT_SUPPORTED,
        FINDING_FAILED,
        /* warnings */
        FINDING_NOTHING_MIGRATES,
        /* information */
        FINDING_PLAN,
        FINDING_SAME_VERSION,
        FINDING_UNIT,
        _FINDING_MAX,
} FindingId;

typedef struct Finding {
        FindingId id;
        char *text;
} Finding;

typedef struct Findings {
        Finding *items;
        size_t n;
        bool oom;               /* one could not be added */
} Findings;

void findings_add(Findings *f, FindingId id, const char *format, ...) _printf_(3, 4);
void findings_done(Findings *f);

/* Whether there is one of severity "error". */
bool findings_bad(const Findings *f);

/* Appends all as a(sss), errors first. */
int findings_append(const Findings *f, sd_bus_message *m);

/* Sets the first error among them as a D-Bus error, and returns its negative errno. */
int findings_set_error(const Findings *f, sd_bus_error *error);
