/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Upgrade: drives a job through the state table (steps.h): tells a worker what
 * to run, writes the journal before and after each transition, bounds each
 * step in time, and undoes what was done when something fails or the job is
 * cancelled. After the commit it only ever goes forward.
 *
 * A boot is the same up to its step boot, and leaves the twin there. An upgrade
 * to a twin that runs already begins with that step. A release is the undo of
 * these steps, with nothing before it.
 */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "config.h"
#include "engine.h"
#include "job.h"
#include "job-store.h"

typedef struct Upgrade Upgrade;

/**
 * UpgradeContext - where an upgrade lives
 * @event:	loop of the daemon
 * @backend:	by what means
 * @store:	has the job, writes its records
 * @changed:	state or status of the job changed
 * @twin:	the twin said hello; @kernel is its version
 * @committed:	the twin owns the applications; this kernel parks soon
 * @finished:	the job has a result; the upgrade may be freed, but not before this returns
 * @userdata:	for the callbacks
 */
typedef struct UpgradeContext {
        sd_event *event;
        const EngineBackend *backend;
        JobStore *store;
        void (*changed)(Job *job, void *userdata);
        void (*twin)(const char *kernel, void *userdata);
        void (*committed)(Job *job, void *userdata);
        void (*finished)(Job *job, void *userdata);
        void *userdata;
} UpgradeContext;

/**
 * upgrade_new() - prepare to drive a job
 * @context:	copied
 * @job:	must stay until the upgrade is freed
 * @plan:	taken, also on failure
 * @config:	its time limits are copied
 * @ret:	to be freed with upgrade_free()
 *
 * Return: 0 or -ENOMEM.
 */
int upgrade_new(const UpgradeContext *context, Job *job, EnginePlan *plan, const Config *config, Upgrade **ret);

/* Kills the worker without undoing anything. Returns NULL. */
Upgrade *upgrade_free(Upgrade *u);
DEFINE_CLEANUP(Upgrade *, upgrade_free)

/**
 * upgrade_begin() - begin with the first step
 * @u:		an upgrade that has not begun
 *
 * Return: 0, or a negative errno when the journal cannot be written or no worker be made.
 */
int upgrade_begin(Upgrade *u);

/**
 * upgrade_resume() - go on with a job that an earlier daemon left unfinished
 * @u:		an upgrade that has not begun; its job says how far it came
 *
 * Before the commit it is rolled back, after it the last step is tried again. A release goes on.
 *
 * Return: 0 or a negative errno.
 */
int upgrade_resume(Upgrade *u);

/**
 * upgrade_cancel() - ask it to stop and roll back
 * @u:		an upgrade
 * @who:	asks, for the job's error
 * @error:	set to NotCancellable after the point of no return
 *
 * Return: 0, also when it was asked before; or the negative errno of @error.
 */
int upgrade_cancel(Upgrade *u, const char *who, sd_bus_error *error);
