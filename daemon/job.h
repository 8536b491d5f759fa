/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Job: one upgrade, boot or release, running or finished, and its object on the
 * bus. What a job knows can be saved as JSON: that is what the journal keeps and
 * what goes to the twin.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "steps.h"
#include "util.h"

typedef struct Job Job;

typedef enum JobKind {
        JOB_UPGRADE,
        JOB_ROLLBACK,                   /* an upgrade to the kernel before */
        JOB_BOOT,                       /* of a twin that stays beside this kernel */
        JOB_RELEASE,                    /* of the twin */
        _JOB_KIND_MAX,
} JobKind;

/* Carries out Cancel() for @who, who may. Returns 0, or sets @error and returns negative. */
typedef int (*JobCancelFn)(Job *job, const char *who, void *userdata, sd_bus_error *error);

struct Job {
        uint64_t id;
        JobKind kind;
        char *version;                  /* of the kernel in the twin, "" when it is not known */
        char *from;                     /* of the kernel that it began in */
        char *mode;
        char *initiator;
        char *state;                    /* TKD_STATE_*, written by job_set_state() only */
        Step step;                      /* that runs, is undone or ran last */
        char *status;
        unsigned progress;              /* percent */
        json_object *ledger;            /* [event, kernel, TSC], in order */
        uint64_t tsc_khz;               /* ticks per ms, 0: not known */
        bool committed;
        char *error_name;               /* NULL: none */
        char *error_text;
        char *result;                   /* NULL while it runs, written by job_finish() only */
        uint64_t started;               /* µs, CLOCK_REALTIME */
        uint64_t finished;

        char *path;
        sd_bus *bus;                    /* NULL: not exported */
        sd_bus_slot *slot;
        JobCancelFn cancel;
        void *userdata;
};

/* One stamp of the ledger, as JSON has it. */
typedef struct Stamp {
        const char *event;
        const char *kernel;
        uint64_t tsc;
} Stamp;

/* TKD_KIND_* */
const char *job_kind_to_string(JobKind kind);

/* For people: "upgrade to", to be followed by the version. */
const char *job_kind_text(JobKind kind);

/* Whether it ends in another kernel. */
bool job_kind_moves(JobKind kind);

/**
 * job_new() - a job that has not begun
 * @id:		of the job, unique on this machine
 * @kind:	what it is to do
 * @version:	of the kernel in the twin
 * @mode:	TKD_MODE_*
 * @initiator:	who asked for it
 * @ret:	to be freed with job_free()
 *
 * Return: 0 or -ENOMEM.
 */
int job_new(uint64_t id, JobKind kind, const char *version, const char *mode, const char *initiator, Job **ret);

/**
 * job_new_from_json() - a job as it was saved
 * @object:	what job_to_json() returned, here or in another tkd
 * @ret:	to be freed with job_free()
 *
 * Return: 0; -EBADMSG when a key is missing or of the wrong kind; -ENOMEM.
 */
int job_new_from_json(json_object *object, Job **ret);

Job *job_free(Job *job);
DEFINE_CLEANUP(Job *, job_free)

/* All that must survive, or NULL when out of memory. */
json_object *job_to_json(const Job *job);

/**
 * job_export() - put the job's object on the bus
 * @job:	the job
 * @bus:	the bus
 * @cancel:	carries out Cancel()
 * @userdata:	for @cancel
 *
 * Return: 0 or a negative errno.
 */
int job_export(Job *job, sd_bus *bus, JobCancelFn cancel, void *userdata);

/* Whether this tkd has still something to do for it; a committed one is to be parked. */
bool job_running(const Job *job);

/* What these change is announced on the bus. A failure for lack of memory leaves the old value. */
void job_set_state(Job *job, const char *state);
void job_set_step(Job *job, Step step);
void job_set_status(Job *job, const char *status);
void job_set_progress(Job *job, unsigned percent);
void job_set_error(Job *job, const char *name, const char *text);       /* the first one stays */
void job_append_error(Job *job, const char *text);                      /* is the first one where there is none */
void job_clear_error(Job *job);
void job_finish(Job *job, const char *result);
int job_add_stamp(Job *job, const char *event, const char *kernel, uint64_t tsc);

/* Stamp number i; false past the last. */
bool job_get_stamp(const Job *job, size_t i, Stamp *ret);

/* Nanoseconds of a stamp, 0 when the TSC's frequency is not known. */
uint64_t job_stamp_nsec(const Job *job, const Stamp *stamp);

/* Nanoseconds from the freeze of the applications to their resume, 0 when the job has not both. */
uint64_t job_downtime_nsec(const Job *job);
