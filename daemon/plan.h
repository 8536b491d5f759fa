/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An EnginePlan as JSON, so that the journal can keep it: after a crash of tkd
 * the undos run by the plan that the steps ran by.
 */
#pragma once

#include "engine.h"
#include "util.h"

DEFINE_CLEANUP(EnginePlan *, engine_plan_free)

/* The plan as JSON, or NULL when out of memory. */
json_object *plan_to_json(const EnginePlan *plan);

/**
 * plan_new_from_json() - a plan as it was saved
 * @object:	what plan_to_json() returned
 * @ret:	to be freed with engine_plan_free()
 *
 * Return: 0; -EBADMSG when a key is missing or of the wrong kind; -ENOMEM.
 */
int plan_new_from_json(json_object *object, EnginePlan **ret);

/**
 * plan_add_unit() - add a unit at the end
 * @plan:	the plan
 * @name:	of the unit
 * @action:	what becomes of it
 * @tcp_keep:	keep its TCP connections
 * @carry:	paths that go with it, or NULL
 *
 * Return: 0 or -ENOMEM.
 */
int plan_add_unit(EnginePlan *plan, const char *name, EngineAction action, bool tcp_keep, char *const *carry);
