/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TwinDevice: /dev/twin behind function calls. The calls are those of
 * TwinDeviceOps; the helpers here work on any implementation of them.
 */
#pragma once

#include "engine.h"
#include "util.h"

/* /dev/twin itself. */
extern const TwinDeviceOps twin_device;

/**
 * twin_state_to_string() - name of a state for messages and for the bus
 * @state: enum twin_state
 *
 * Return: constant string, "unknown" for a state that this tkd does not know.
 */
const char *twin_state_to_string(uint32_t state);

/* Whether a twin's CPUs run or may run. */
bool twin_state_runs(uint32_t state);

/* Whether the twin is gone for good, so that nothing is to be waited for. */
bool twin_state_is_dead(uint32_t state);

/**
 * twin_log_tail() - the last lines that the twin printed, with the one that says why it panicked
 * @ops:        device
 * @fd:         its descriptor
 * @lines:      how many at most, and that one
 *
 * Return: allocated text without a newline at its end, "" when there is no log, NULL when out of
 * memory.
 */
char *twin_log_tail(const TwinDeviceOps *ops, int fd, unsigned lines);

/**
 * twin_obituary() - how a twin died, and its last lines
 * @ops:        device
 * @fd:         its descriptor
 * @state:      enum twin_state, a dead one
 *
 * Return: allocated text, several lines where the twin has printed something, NULL when out of
 * memory.
 */
char *twin_obituary(const TwinDeviceOps *ops, int fd, uint32_t state);
