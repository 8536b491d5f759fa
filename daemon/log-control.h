/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * org.freedesktop.LogControl1, so that "systemctl service-log-level" works.
 */
#pragma once

#include <systemd/sd-bus.h>

/* Puts the object on the bus, for as long as the bus lives. */
int log_control_export(sd_bus *bus);
