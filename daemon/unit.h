/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unit: a unit of systemd as seen by the engine: its cgroup, its processes, its
 * files; frozen and thawed through cgroup.freeze.
 */
#pragma once

#include <sys/types.h>

#include "engine.h"
#include "util.h"

/* Units of the running system. */
extern const UnitOps unit_systemd;

/**
 * unit_list_pids() - list the processes of a unit anew
 * @u:          state, its cgroup is used
 *
 * Return: 0 or a negative errno.
 */
int unit_list_pids(UnitState *u);

/**
 * unit_get_main_pid() - ask systemd for the main process of a service
 * @name:       unit
 * @ret:        its process, 0 when it has none
 *
 * Return: 0, -ENOENT (the unit is not loaded) or another negative errno.
 */
int unit_get_main_pid(const char *name, pid_t *ret);
