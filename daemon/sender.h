/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who sent a method call.
 */
#pragma once

#include <sys/types.h>
#include <systemd/sd-bus.h>

/* The effective user of the sender. Returns 0 or a negative errno. */
int sender_uid(sd_bus_message *call, uid_t *ret);

/* The sender for people: "uid 1000 (anna)". Returns 0 or a negative errno. */
int sender_describe(sd_bus_message *call, char **ret);
