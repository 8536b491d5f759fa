/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JobStore: see job-store.h.
 */
#include <time.h>

#include "files.h"
#include "job-store.h"
#include "log.h"

#define JOBS_MAX        100U    /* that the journal keeps */
#define HISTORY_MAX     20U     /* that go to the twin */

/* The id of this boot, "" when it cannot be read. */
static const char *boot_id(void) {
        static char id[37];
        _cleanup_free_ char *text = NULL;

        if (!id[0] && read_text_file("/proc/sys/kernel/random/boot_id", &text) > 0)
                snprintf(id, sizeof(id), "%.36s", text);
        return id;
}

bool job_store_same_boot(const JobStore *s) {
        return streq_ptr(s->last_boot_id, boot_id());
}

JobStore *job_store_free(JobStore *s) {
        if (!s)
                return NULL;
        journal_free(s->journal);
        for (size_t i = 0; i < s->n_jobs; i++)
                job_free(s->jobs[i]);
        free(s->jobs);
        json_object_put(s->last_plan);
        free(s->last_boot_id);
        free(s);
        return NULL;
}

/* Where a job of this id is, or would be. */
static size_t position(const JobStore *s, uint64_t id) {
        size_t i = s->n_jobs;

        while (i > 0 && s->jobs[i - 1]->id >= id)
                i--;
        return i;
}

static int insert(JobStore *s, size_t at, Job *job) {
        Job **jobs = reallocarray(s->jobs, s->n_jobs + 1, sizeof(Job *));

        if (!jobs)
                return -ENOMEM;
        s->jobs = jobs;
        memmove(jobs + at + 1, jobs + at, (s->n_jobs - at) * sizeof(Job *));
        jobs[at] = job;
        s->n_jobs++;
        return 0;
}

int job_store_add(JobStore *s, Job *job) {
        size_t at = position(s, job->id);

        if (at < s->n_jobs && s->jobs[at]->id == job->id) {
                job_free(s->jobs[at]);
                s->jobs[at] = job;
                return 0;
        }
        if (insert(s, at, job) < 0) {
                job_free(job);
                return -ENOMEM;
        }
        return 0;
}

static int add_json(JobStore *s, json_object *object, Job **ret) {
        Job *job;
        int r;

        r = job_new_from_json(object, &job);
        if (r < 0)
                return r;
        r = job_store_add(s, job);
        if (r >= 0 && ret)
                *ret = job;
        return r;
}

static void set_plan(JobStore *s, json_object *plan) {
        json_object_put(s->last_plan);
        s->last_plan = json_object_get(plan);
}

/* One record of the journal: the job as it was then replaces what was known of it. */
static int on_record(json_object *record, void *userdata) {
        JobStore *s = userdata;
        json_object *plan;
        int r;

        r = add_json(s, json_object_object_get(record, "job"), NULL);
        if (r == -EBADMSG) {
                log_error("A record of the journal has no job in it, left out");
                return 0;
        }
        if (r < 0)
                return r;
        if (json_object_object_get_ex(record, "plan", &plan))
                set_plan(s, plan);
        return free_and_strdup(&s->last_boot_id, json_object_get_string(json_object_object_get(record, "boot-id")));
}

static json_object *make_record(const JobStore *s, const Job *job, const char *what, bool with_plan) {
        json_object *record = json_object_new_object(), *saved = job_to_json(job);

        if (!record || !saved) {
                json_object_put(record);
                json_object_put(saved);
                return NULL;
        }
        json_object_object_add(record, "what", json_object_new_string(what));
        json_object_object_add(record, "time", json_object_new_int64(time(NULL)));
        json_object_object_add(record, "boot-id", json_object_new_string(strempty(s->last_boot_id)));
        json_object_object_add(record, "job", saved);
        if (with_plan && s->last_plan)
                json_object_object_add(record, "plan", json_object_get(s->last_plan));
        return record;
}

/* One record for each of the last jobs, in the place of many. */
static int pack(JobStore *s) {
        _cleanup_json_ json_object *records = json_object_new_array();
        size_t first = s->n_jobs > JOBS_MAX ? s->n_jobs - JOBS_MAX : 0;

        if (!records)
                return -ENOMEM;
        for (size_t i = first; i < s->n_jobs; i++) {
                json_object *record = make_record(s, s->jobs[i], "packed", job_running(s->jobs[i]));

                if (!record || json_object_array_add(records, record) < 0)
                        return -ENOMEM;
        }
        return journal_rewrite(s->journal, records);
}

int job_store_open(const char *path, JobStore **ret) {
        _cleanup_(job_store_freep) JobStore *s = calloc(1, sizeof(JobStore));
        int r;

        if (!s)
                return -ENOMEM;
        r = journal_open(path, on_record, s, &s->journal);
        if (r < 0)
                return r;
        r = pack(s);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static bool has_job(const JobStore *s, json_object *object) {
        uint64_t id = json_object_get_uint64(json_object_object_get(object, "id"));
        size_t at = position(s, id);

        return at < s->n_jobs && s->jobs[at]->id == id;
}

static int import_history(JobStore *s, json_object *history) {
        int r;

        for (size_t i = 0; history && i < json_object_array_length(history); i++) {
                json_object *past = json_object_array_get_idx(history, i);
                Job *job;

                if (has_job(s, past))   /* the journal came along with the disk */
                        continue;
                r = add_json(s, past, &job);
                if (r < 0)
                        return r;
                r = job_store_record(s, job, "imported");
                if (r < 0)
                        return r;
        }
        return 0;
}

int job_store_import(JobStore *s, json_object *object, Job **ret) {
        json_object *history = json_object_object_get(object, "history");
        int r;

        if (history && !json_object_is_type(history, json_type_array))
                return -EBADMSG;
        r = import_history(s, history);
        if (r < 0)
                return r;
        return add_json(s, object, ret);
}

json_object *job_store_document(const JobStore *s, const Job *job) {
        _cleanup_json_ json_object *o = job_to_json(job), *history = json_object_new_array();
        size_t first = s->n_jobs > HISTORY_MAX ? s->n_jobs - HISTORY_MAX : 0;

        if (!o || !history)
                return NULL;
        for (size_t i = first; i < s->n_jobs; i++) {
                json_object *past = s->jobs[i] == job ? NULL : job_to_json(s->jobs[i]);

                if (past && json_object_array_add(history, past) < 0)
                        return NULL;
        }
        json_object_object_add(o, "history", TAKE_PTR(history));
        return TAKE_PTR(o);
}

Job *job_store_unfinished(const JobStore *s) {
        Job *last = s->n_jobs > 0 ? s->jobs[s->n_jobs - 1] : NULL;

        return last && job_running(last) ? last : NULL;
}

Job *job_store_last(const JobStore *s) {
        return s->n_jobs > 0 && job_store_same_boot(s) ? s->jobs[s->n_jobs - 1] : NULL;
}

const char *job_store_kernel_before(const JobStore *s, const char *kernel) {
        for (size_t i = s->n_jobs; i > 0; i--) {
                const Job *job = s->jobs[i - 1];

                if (job_kind_moves(job->kind) && job->committed && streq(job->version, kernel))
                        return job->from;
        }
        return NULL;
}

uint64_t job_store_next_id(const JobStore *s) {
        return s->n_jobs > 0 ? s->jobs[s->n_jobs - 1]->id + 1 : 1;
}

static int append(JobStore *s, const Job *job, const char *what, bool with_plan) {
        _cleanup_json_ json_object *record = NULL;
        int r;

        r = free_and_strdup(&s->last_boot_id, boot_id());
        if (r < 0)
                return r;
        record = make_record(s, job, what, with_plan);
        if (!record)
                return -ENOMEM;
        return journal_append(s->journal, record);
}

int job_store_record(JobStore *s, const Job *job, const char *what) {
        return append(s, job, what, false);
}

int job_store_record_new(JobStore *s, const Job *job, json_object *plan) {
        set_plan(s, plan);
        return append(s, job, "new", true);
}
