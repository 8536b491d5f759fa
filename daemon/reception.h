/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reception: the worker process of the twin's tkd. It answers the worker of the
 * old tkd (prepare, restore, commit), then takes the machine over.
 *
 * To its own core it sends frames of these types: "hello" (kernel, tkd),
 * "progress" (percent, text), "committed" (job), "done" (job), "failed" (name,
 * message). What must survive a crash of this process after the commit is in
 * RECEPTION_STATE; the core removes it when the job has ended.
 */
#pragma once

#include "engine-error.h"
#include "engine.h"
#include "frame.h"

#define RECEPTION_STATE         "/run/tkd/reception.json"

/**
 * Place - one unit that is restored here
 * @holder: the placeholder that keeps its cgroup and namespaces
 */
typedef struct Place {
        char *name;
        bool tcp_keep;
        UnitState holder;
} Place;

typedef struct Reception {
        const EngineBackend *backend;
        const char *tkd_version;
        int core_fd;
        int device_fd;
        int listen_fd;
        int channel_fd;                 /* to the tkd of the old kernel */
        char *dir;                      /* where the checkpoint memory is mounted */
        Place *places;
        size_t n_places;
        pid_t *pids;                    /* all that were restored, stopped */
        size_t n_pids;
        json_object *estate;            /* what the old kernel leaves, NULL: it did not say */
        json_object *job;               /* as the old core sent it last */
        json_object *stamps;            /* made here, not yet sent to the old kernel */
} Reception;

/**
 * reception_main() - body of the worker process
 * @core_fd:    socket to the receiver of the same tkd
 * @backend:    by what means
 * @tkd_version: for the hello
 *
 * Return: exit status for _exit().
 */
int reception_main(int core_fd, const EngineBackend *backend, const char *tkd_version);

/* Notes that something happens now. */
void reception_stamp(Reception *c, const char *event);

/* Tells both cores how far it is. */
void reception_progress(Reception *c, unsigned percent, const char *format, ...) _printf_(3, 4);

/* Tells this core; the reference is taken. */
void reception_tell(Reception *c, const char *type, json_object *o);

/* What the requests of the old kernel do; @frame is the request. */
int reception_prepare(Reception *c, json_object *frame, EngineError *e);
int reception_restore(Reception *c, json_object *frame, EngineError *e);
int reception_commit(Reception *c, json_object *frame, EngineError *e);
int reception_accept(Reception *c, json_object *frame, EngineError *e);
int reception_return(Reception *c, json_object *frame, EngineError *e);

/**
 * reception_forward() - from the commit to the ownership of the machine
 * @c:          reception; when it is a new process, what it needs is read from RECEPTION_STATE
 * @channel:    reads what the old kernel still says, or NULL
 *
 * Tries again until it succeeds.
 */
void reception_forward(Reception *c, FrameReader *channel);

/**
 * reception_save() - write what a successor needs after the commit
 * @c:          reception
 *
 * Return: 0 or a negative errno.
 */
int reception_save(Reception *c);

/**
 * reception_load() - the reverse of reception_save()
 * @c:          empty reception
 *
 * Return: 0 or a negative errno.
 */
int reception_load(Reception *c);

/* Frees what it holds, descriptors included. */
void reception_clear(Reception *c);
