/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asks polkit whether the sender of a method call may do what it asks for.
 */
#pragma once

#include <systemd/sd-bus.h>

/* Goes on with an authorised call. Returns as a method handler does. */
typedef int (*AuthorizedFn)(sd_bus_message *call, void *userdata, sd_bus_error *error);

/**
 * polkit_authorize() - let a call go on if its sender may
 * @call:	the method call
 * @action:	id of the polkit action
 * @fn:		called with @call when the sender is root, at once, or when polkit says yes, later
 * @userdata:	for @fn; must stay valid
 * @error:	of the method handler
 *
 * A sender that may not gets an error. Without polkitd only root may.
 *
 * Return: what the method handler returns.
 */
int polkit_authorize(sd_bus_message *call, const char *action, AuthorizedFn fn, void *userdata, sd_bus_error *error);
