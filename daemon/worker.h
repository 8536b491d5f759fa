/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Worker: the process that runs the steps of one job in the old kernel. What a
 * step needs of it is here; the seam to the core is engine.h.
 */
#pragma once

#include "channel.h"
#include "engine-error.h"
#include "engine.h"
#include "frame.h"
#include "util.h"

typedef struct Worker {
        const EnginePlan *plan;
        const EngineBackend *backend;
        int core_fd;                    /* frames from and to the core */
        FrameReader *core;
        int device_fd;                  /* /dev/twin, opened when first needed */
        int channel_fd;                 /* to the twin's tkd */
        FrameReader *channel;
        Hello twin;                     /* what it said */
        UnitState *states;              /* one per unit of the plan; no cgroup: not handled */
        json_object *job;               /* as the core sent it last, with the stamps made since */
        bool cancelled;
        bool disconnected;              /* the core is gone */
} Worker;

typedef int (*WorkerFunc)(Worker *w, EngineError *e);

/* The steps; worker.c has the table. */
int step_reserve(Worker *w, EngineError *e);
int step_load(Worker *w, EngineError *e);
int step_boot(Worker *w, EngineError *e);
int step_checkpoint(Worker *w, EngineError *e);
int step_migrate(Worker *w, EngineError *e);
int step_commit(Worker *w, EngineError *e);
int step_offline(Worker *w, EngineError *e);

/* Their undos. */
int undo_reserve(Worker *w, EngineError *e);
int undo_load(Worker *w, EngineError *e);
int undo_checkpoint(Worker *w, EngineError *e);

/**
 * undo_fence() - make sure that no twin runs or can commit
 * @w:          worker
 * @e:          set on failure
 *
 * Undo of boot, migrate and commit, and the condition for every thaw.
 *
 * Return: 0, -EALREADY (the twin has committed: only forward) or another negative errno.
 */
int undo_fence(Worker *w, EngineError *e);

/* One PCI function goes to the twin, or comes back; lend.c. */
int lend_give(Worker *w, EngineError *e);
int lend_take(Worker *w, EngineError *e);

/**
 * worker_device() - the descriptor of /dev/twin
 * @w:          worker
 * @e:          set on failure
 *
 * Return: descriptor or a negative errno.
 */
int worker_device(Worker *w, EngineError *e);

/**
 * worker_info() - TWIN_IOC_INFO
 * @w:          worker
 * @ret:        answer
 * @e:          set on failure
 *
 * Return: 0 or a negative errno.
 */
int worker_info(Worker *w, struct twin_info *ret, EngineError *e);

/* Sends an object to the core and frees it; a core that is gone is noted and no error. */
void worker_send(Worker *w, json_object *o);

/* Reports an event that happens now. */
void worker_stamp(Worker *w, const char *event);

/* Reports an event of another kernel or of another time. */
void worker_stamp_at(Worker *w, const char *event, const char *kernel, uint64_t tsc);

/* Reports the ledger entries in a frame of the twin ("stamps"). */
void worker_stamp_all(Worker *w, json_object *frame);

/* Reports progress of the running step. */
void worker_progress(Worker *w, unsigned percent, const char *format, ...) _printf_(3, 4);

/**
 * worker_check_cancel() - look whether the job was cancelled
 * @w:          worker
 * @e:          set when it was
 *
 * Return: 0 or -ECANCELED.
 */
int worker_check_cancel(Worker *w, EngineError *e);

/**
 * worker_wait() - wait for a descriptor, while the twin lives and nobody cancels
 * @w:          worker
 * @fd:         what to wait for
 * @deadline:   CLOCK_MONOTONIC, microseconds
 * @what:       for the error text: "The twin did not say hello"
 * @e:          set on failure
 *
 * Return: 0 (readable), 1 (the twin committed), -ETIMEDOUT, -ECANCELED, -EHOSTDOWN (the twin
 * died; its last lines are in @e) or another negative errno.
 */
int worker_wait(Worker *w, int fd, uint64_t deadline, const char *what, EngineError *e);

/**
 * worker_pause() - wait for a while, unless the twin dies or somebody cancels
 * @w:          worker
 * @usec:       how long
 * @e:          set on failure
 *
 * Return: 0 when the time is over, or as worker_wait().
 */
int worker_pause(Worker *w, uint64_t usec, EngineError *e);

/**
 * worker_attach() - connect to the tkd of a twin that boots or runs, and exchange hellos
 * @w:          worker; gets channel_fd, channel and twin
 * @timeout_usec: how long to try
 * @e:          set on failure
 *
 * Return: 0 or a negative errno as worker_wait().
 */
int worker_attach(Worker *w, uint64_t timeout_usec, EngineError *e);

/**
 * worker_ask() - send a request to the twin
 * @w:          worker
 * @type:       type of the frame
 * @body:       further members; the reference is taken; may be NULL
 * @e:          set on failure
 *
 * Return: 0 or a negative errno.
 */
int worker_ask(Worker *w, const char *type, json_object *body, EngineError *e);

/**
 * worker_answer() - wait for the answer of the twin
 * @w:          worker
 * @type:       type of the frame that says success
 * @timeout_usec: how long to wait
 * @error_name: name of the error when it says "failed"
 * @e:          set on failure
 *
 * Progress and stamps that come before it are passed on to the core.
 *
 * Return: 0, 1 (the twin committed) or a negative errno as worker_wait().
 */
int worker_answer(Worker *w, const char *type, uint64_t timeout_usec, const char *error_name, EngineError *e);

/* CLOCK_MONOTONIC in microseconds. */
uint64_t monotonic_usec(void);
