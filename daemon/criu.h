/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Criu: one dump or restore of a unit's processes with libcriu, each in a child
 * of its own that first enters the mount and UTS namespace of the unit.
 */
#pragma once

#include "engine.h"

extern const CriuOps criu_lib;

/**
 * criu_log_cause() - find out from CRIU's log why it failed
 * @path:       log file
 *
 * The first error is the cause, those after it are its consequences.
 *
 * Return: allocated text without time and place, or NULL when the log has no error.
 */
char *criu_log_cause(const char *path);

/**
 * criu_wait_idle() - wait until no dump runs any more
 *
 * A dump outlives a worker that is killed, since CRIU must take its code out of the processes again.
 *
 * Return: 0, -ETIMEDOUT or another negative errno.
 */
int criu_wait_idle(void);
