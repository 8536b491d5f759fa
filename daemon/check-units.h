/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of a check that concerns the running units: what becomes of each,
 * and whether those to migrate can be.
 */
#pragma once

#include "check.h"

/* Called once, when all units have been looked at. */
typedef void (*UnitsDoneFn)(void *userdata);

/**
 * check_units_start() - look at all running units
 * @bus:	to ask systemd
 * @check:	gets findings and the units of its plan; must stay until @done
 * @done:	called later
 * @userdata:	for @done
 *
 * Return: 0, or a negative errno, @done is then not called.
 */
int check_units_start(sd_bus *bus, Check *check, UnitsDoneFn done, void *userdata);
