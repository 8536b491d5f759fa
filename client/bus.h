/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* The connection to tkd, and calls of its methods. */

#include "tkctl.h"

int bus_open(Context *c);
int bus_prepare(Context *c, sd_bus_message **ret, const char *path, const char *interface, const char *method);
int bus_allow_password(Context *c, sd_bus_message *call);
void bus_open_agent(Context *c, sd_bus_message *call);
int bus_send(Context *c, sd_bus_message *call, sd_bus_message **ret);
int bus_call_manager(Context *c, const char *method, sd_bus_message **ret);
int bus_append_options(sd_bus_message *m, const Context *c);
int bus_bad_reply(const Context *c, int error);

/* Longer than any validation takes, with time for somebody to type a password. */
#define CALL_TIMEOUT_USEC (5 * 60 * USEC_PER_SEC)
