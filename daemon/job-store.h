/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JobStore: all jobs that are known, read from the journal at start.
 */
#pragma once

#include "job.h"
#include "journal.h"

typedef struct JobStore {
        Journal *journal;
        Job **jobs;                     /* by id */
        size_t n_jobs;
        json_object *last_plan;         /* of the last job, as the journal has it, or NULL */
        char *last_boot_id;             /* boot in which the last job was, or NULL */
} JobStore;

/**
 * job_store_open() - read the journal
 * @path:	of it
 * @ret:	to be freed with job_store_free()
 *
 * Records of past jobs are packed to one each, and those of old jobs dropped.
 *
 * Return: 0 or a negative errno.
 */
int job_store_open(const char *path, JobStore **ret);

JobStore *job_store_free(JobStore *s);
DEFINE_CLEANUP(JobStore *, job_store_free)

/* Takes a job, also on failure. Returns 0 or -ENOMEM. */
int job_store_add(JobStore *s, Job *job);

/**
 * job_store_import() - add a job that another tkd had
 * @s:		the store
 * @object:	the job as JSON; jobs in its "history" are added as well
 * @ret:	the job, owned by the store
 *
 * Return: 0; -EBADMSG; or another negative errno, of the journal.
 */
int job_store_import(JobStore *s, json_object *object, Job **ret);

/* The job with its history, as job_store_import() reads it; NULL when out of memory. */
json_object *job_store_document(const JobStore *s, const Job *job);

/* The job that has not ended, or NULL. It is the last one. */
Job *job_store_unfinished(const JobStore *s);

/* The last job if it was in this boot of the kernel, or NULL. */
Job *job_store_last(const JobStore *s);

/**
 * job_store_kernel_before() - the kernel that this one was upgraded from
 * @s:		the store
 * @kernel:	version of the running one
 *
 * Return: its version, owned by the store; NULL when no upgrade to @kernel is known.
 */
const char *job_store_kernel_before(const JobStore *s, const char *kernel);

uint64_t job_store_next_id(const JobStore *s);

/**
 * job_store_record() - write a job as it is now to the journal
 * @s:		the store
 * @job:	one of its jobs
 * @what:	has just happened to it, or is about to
 *
 * Return: 0 when it is on the disk, or a negative errno.
 */
int job_store_record(JobStore *s, const Job *job, const char *what);

/* The same for a job that is new, with the plan that it goes by. */
int job_store_record_new(JobStore *s, const Job *job, json_object *plan);

/* Whether the last job was in this boot of the kernel. */
bool job_store_same_boot(const JobStore *s);
