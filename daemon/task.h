/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Task: one order to a worker of its own that is no job: it is over soon, and
 * leaves nothing to undo.
 */
#pragma once

#include <systemd/sd-event.h>

#include "engine.h"
#include "util.h"

typedef struct Task Task;

/* Hears the end, once; the task may be freed in it. @name is NULL when it worked, else a TKD_ERROR_*. */
typedef void (*TaskDoneFn)(const char *name, const char *message, void *userdata);

/**
 * task_start() - begin
 * @event:	loop of the daemon
 * @backend:	by what means
 * @plan:	for the worker; not used after the call
 * @order:	"give" or "take"
 * @done:	called later
 * @userdata:	for @done
 * @ret:	to be freed with task_free()
 *
 * Return: 0 or a negative errno.
 */
int task_start(sd_event *event, const EngineBackend *backend, const EnginePlan *plan, const char *order,
               TaskDoneFn done, void *userdata, Task **ret);

/* Kills the worker if it lives, without calling back. Returns NULL. */
Task *task_free(Task *t);
DEFINE_CLEANUP(Task *, task_free)
