/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EngineLink: the daemon's end of a worker process, in which the engine runs.
 * See engine.h for the frames.
 */
#pragma once

#include <systemd/sd-event.h>

#include "engine.h"
#include "util.h"

typedef struct EngineLink EngineLink;

/**
 * EngineLinkCallbacks - what the daemon hears of a worker
 * @frame:	a frame came; the object is gone after the call
 * @died:	the worker is gone, all its frames were delivered. @how says how it ended
 *
 * The link may be freed in both; after died() nothing else may be done with it.
 */
typedef struct EngineLinkCallbacks {
        void (*frame)(json_object *frame, void *userdata);
        void (*died)(const char *how, void *userdata);
} EngineLinkCallbacks;

/**
 * engine_link_start() - fork a worker
 * @event:	loop of the daemon
 * @plan:	what the worker is to do; not used after the call
 * @backend:	by what means
 * @callbacks:	constant
 * @userdata:	for @callbacks
 * @ret:	to be freed with engine_link_free()
 *
 * Return: 0 or a negative errno.
 */
int engine_link_start(sd_event *event, const EnginePlan *plan, const EngineBackend *backend,
                      const EngineLinkCallbacks *callbacks, void *userdata, EngineLink **ret);

/* Kills the worker if it lives, without calling back. Returns NULL. */
EngineLink *engine_link_free(EngineLink *l);

/* Kills the worker and its children; died() comes later. */
void engine_link_kill(EngineLink *l);

/* Sends {"do": what, "step": step, "job": job}; step and job may be NULL, job is taken. */
int engine_link_send(EngineLink *l, const char *what, const char *step, json_object *job);
