/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What tkctl knows of a job: a copy of the properties of its object. */

#include "ledger.h"
#include "tkctl.h"

typedef struct Job {
        uint64_t id;
        char *kind;
        char *version;
        char *from;
        char *initiator;
        char *mode;
        char *state;
        char *step;
        char *status;
        char *result;
        char *error_name;
        char *error_text;
        uint32_t progress;
        Ledger ledger;
} Job;

void job_done(Job *j);
int job_read(Job *j, sd_bus_message *m);
int job_load(Context *c, uint64_t id, Job *ret);
int job_find_latest(Context *c, bool running, uint64_t *ret);
char *job_path(uint64_t id);
int job_id_from_path(const char *path, uint64_t *ret);
int job_parse_id(const char *s, uint64_t *ret);
const char *job_last_step(const Job *j);
bool job_is_kind(const Job *j, const char *kind);
bool job_is_finished(const Job *j);
bool job_is_committed(const Job *j);
json_object *job_to_json(const Job *j);

#define _cleanup_job_ _cleanup_(job_done)
