/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TwinSide: what `tkd --twin` is until it owns the machine: the receiver, then,
 * in the same process, the daemon of the machine with the job that brought it
 * here.
 */
#pragma once

#include <systemd/sd-event.h>

#include "engine.h"
#include "util.h"

typedef struct TwinSide TwinSide;

/**
 * twin_side_new() - start to receive
 * @event:	loop
 * @backend:	by what means
 * @ret:	to be freed with twin_side_free()
 *
 * Return: 0 or a negative errno, which was logged.
 */
int twin_side_new(sd_event *event, const EngineBackend *backend, TwinSide **ret);

TwinSide *twin_side_free(TwinSide *t);
DEFINE_CLEANUP(TwinSide *, twin_side_free)

/* Ends the loop; a job of the daemon that this has become is rolled back first. */
void twin_side_stop(TwinSide *t);
