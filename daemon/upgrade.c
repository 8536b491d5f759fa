/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Upgrade: see upgrade.h.
 */
#include <inttypes.h>
#include <stdarg.h>

#include "engine-link.h"
#include "fault.h"
#include "frame.h"
#include "log.h"
#include "message-id.h"
#include "plan.h"
#include "protocol.h"
#include "upgrade.h"

/* From the news of the commit to the park: time for clients to hear of it and to end. */
#define PARK_DELAY_USEC         (300 * USEC_PER_MSEC)
#define RETRY_USEC              USEC_PER_SEC
#define UNDO_ATTEMPTS           5U

typedef enum Phase {
        PHASE_FORWARD,
        PHASE_UNDO,
        PHASE_ENDED,
} Phase;

struct Upgrade {
        UpgradeContext context;
        Job *job;
        EnginePlan *plan;
        uint64_t limit_usec[_STEP_MAX];
        uint64_t grace_usec;

        Phase phase;
        EngineLink *link;               /* NULL: no worker */
        bool cancelled;                 /* the job was cancelled */
        bool timed_out;                 /* the running step was told to end */
        unsigned attempts;              /* of the same undo */
        sd_event_source *limit;         /* ends the running step */
        sd_event_source *later;         /* begins the next one */
};

static void run_step(Upgrade *u, Step step);
static void undo_step(Upgrade *u, Step step);
static void roll_back(Upgrade *u, Step from);
static void retry_forward(Upgrade *u);

/* Writes the job as it is now to the journal, with what has just happened. */
static int record(Upgrade *u, const char *what) {
        int r;

        r = job_store_record(u->context.store, u->job, what);
        if (r < 0)
                log_error_errno(r, "Cannot write \"%s\" of job %" PRIu64 " to the journal: %m", what, u->job->id);
        return r;
}

/* Where the job ends when nothing fails. */
static Step last_step(const Upgrade *u) {
        return job_kind_moves(u->job->kind) ? STEP_OFFLINE : STEP_BOOT;
}

/* Percent of the steps that this job has. */
static void set_progress(Upgrade *u, Step step, unsigned percent) {
        job_set_progress(u->job, step_progress(step, percent) * 100 / step_progress(last_step(u), 100));
}

static void disarm(sd_event_source **s) {
        *s = sd_event_source_disable_unref(*s);
}

static void arm(Upgrade *u, sd_event_source **s, uint64_t usec, sd_event_time_handler_t fn) {
        int r;

        disarm(s);
        r = sd_event_add_time_relative(u->context.event, s, CLOCK_MONOTONIC, usec, 0, fn, u);
        if (r < 0)
                log_error_errno(r, "Cannot set a timer: %m");
}

_printf_(3, 4)
static void set_error(Upgrade *u, const char *name, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        if (u->job->error_name)
                return;
        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        job_set_error(u->job, name, strempty(text));
        log_event(LOG_ERR, MESSAGE_STEP_FAILED, u->job->id, step_to_string(u->job->step),
                  "Job %" PRIu64 ", %s: %s", u->job->id, step_to_string(u->job->step), strempty(text));
}

static void set_status(Upgrade *u, const char *text) {
        job_set_status(u->job, text);
        u->context.changed(u->job, u->context.userdata);
}

/* The step did not end in time: it is asked to, then its worker is killed. */
static int on_limit(sd_event_source *s, uint64_t usec, void *userdata) {
        Upgrade *u = userdata;

        if (!u->link)
                return 0;
        if (u->timed_out || u->phase == PHASE_UNDO || u->job->committed) {
                log_warning("The worker of job %" PRIu64 " does not answer, killing it", u->job->id);
                engine_link_kill(u->link);
                return 0;
        }
        u->timed_out = true;
        if (!u->cancelled)
                set_error(u, TKD_ERROR_TIMED_OUT, "%s took longer than %" PRIu64 " s",
                          step_info(u->job->step)->text, u->limit_usec[u->job->step] / USEC_PER_SEC);
        engine_link_send(u->link, "cancel", NULL, NULL);
        arm(u, &u->limit, u->grace_usec, on_limit);
        return 0;
}

static void arm_limit(Upgrade *u, Step step) {
        u->timed_out = false;
        if (u->limit_usec[step] > 0)
                arm(u, &u->limit, u->limit_usec[step] + u->grace_usec, on_limit);
        else
                disarm(&u->limit);
}

static void finish(Upgrade *u, const char *result) {
        Job *job = u->job;

        u->phase = PHASE_ENDED;
        disarm(&u->limit);
        disarm(&u->later);
        if (streq(result, TKD_RESULT_DONE))
                job_set_progress(job, 100);
        job_set_status(job, NULL);
        job_set_state(job, result);
        job_finish(job, result);
        record(u, "finished");
        log_event(LOG_NOTICE, MESSAGE_JOB_FINISHED, job->id, NULL, "Job %" PRIu64 ", %s %s: %s%s%s",
                  job->id, job_kind_text(job->kind), strdash(job->version), result, job->error_text ? ": " : "",
                  strempty(job->error_text));
        u->context.finished(job, u->context.userdata);
}

static void finish_undone(Upgrade *u) {
        const char *error = u->job->error_name;

        if (u->job->kind == JOB_RELEASE && !error)
                finish(u, TKD_RESULT_DONE);
        else
                finish(u, streq_ptr(error, TKD_ERROR_CANCELLED) ? TKD_RESULT_CANCELLED : TKD_RESULT_FAILED);
}

static int on_park(sd_event_source *s, uint64_t usec, void *userdata) {
        run_step(userdata, STEP_OFFLINE);
        return 0;
}

/* The twin has committed: no way back from here. */
static void set_committed(Upgrade *u) {
        Job *job = u->job;

        if (job->committed)
                return;
        job->committed = true;
        job_clear_error(job);           /* what seemed to have failed has not */
        u->phase = PHASE_FORWARD;
        record(u, "committed");
        fault_point("committed", STEP_COMMIT);
        job_set_step(job, STEP_OFFLINE);
        job_set_state(job, step_info(STEP_OFFLINE)->state);
        set_progress(u, STEP_OFFLINE, 0);
        job_set_status(job, step_info(STEP_OFFLINE)->text);
        log_event(LOG_NOTICE, MESSAGE_COMMITTED, job->id, NULL,
                  "Job %" PRIu64 ": the applications run in %s now, this kernel parks", job->id, job->version);
        u->context.committed(job, u->context.userdata);
        disarm(&u->limit);
        arm(u, &u->later, PARK_DELAY_USEC, on_park);
}

static void step_done(Upgrade *u, Step step) {
        disarm(&u->limit);
        if (step == STEP_COMMIT) {
                set_committed(u);
                return;
        }
        if (step == STEP_OFFLINE) {
                log_error("The old kernel came back from its park");
                retry_forward(u);
                return;
        }
        if (record(u, "end") < 0) {
                set_error(u, TKD_ERROR_FAILED, "The journal cannot be written");
                roll_back(u, step);
                return;
        }
        fault_point("end", step);
        if (u->job->error_name)         /* cancelled or too late, but the step did not look */
                roll_back(u, step);
        else if (step == last_step(u))
                finish(u, TKD_RESULT_DONE);
        else
                run_step(u, step + 1);
}

static void undo_done(Upgrade *u, Step step) {
        u->attempts = 0;
        disarm(&u->limit);
        record(u, "undone");
        fault_point("undone", step);
        if (step == 0)
                finish_undone(u);
        else
                undo_step(u, step - 1);
}

static int on_retry_undo(sd_event_source *s, uint64_t usec, void *userdata) {
        Upgrade *u = userdata;

        undo_step(u, u->job->step);
        return 0;
}

/* An undo failed: it is tried again with a new worker, for some time. */
static void undo_failed(Upgrade *u, const char *why) {
        const StepInfo *i = step_info(u->job->step);

        disarm(&u->limit);
        u->link = engine_link_free(u->link);
        u->attempts++;
        log_event(LOG_ERR, MESSAGE_UNDO_FAILED, u->job->id, i->name, "Job %" PRIu64 ", %s failed: %s",
                  u->job->id, i->undo_text, why);
        if (u->attempts < UNDO_ATTEMPTS) {
                arm(u, &u->later, RETRY_USEC << (u->attempts - 1), on_retry_undo);
                return;
        }

        _cleanup_free_ char *text = NULL;
        if (asprintf(&text, "%s failed too: %s", i->undo_text, why) >= 0)
                job_append_error(u->job, text);
        finish(u, TKD_RESULT_FAILED);
}

static int on_retry_forward(sd_event_source *s, uint64_t usec, void *userdata) {
        run_step(userdata, STEP_OFFLINE);
        return 0;
}

static void retry_forward(Upgrade *u) {
        disarm(&u->limit);
        u->link = engine_link_free(u->link);
        arm(u, &u->later, RETRY_USEC, on_retry_forward);
}

/* The running step or undo came to nothing; name is NULL when its worker died. */
static void attempt_failed(Upgrade *u, const char *name, const char *message) {
        if (u->phase == PHASE_UNDO) {
                undo_failed(u, message);
                return;
        }
        if (u->job->committed) {
                log_error("Job %" PRIu64 ", %s: %s; trying again", u->job->id, step_to_string(u->job->step), message);
                retry_forward(u);
                return;
        }
        set_error(u, name, "%s", message);
        roll_back(u, u->job->step);
}

static void on_error_frame(Upgrade *u, json_object *frame) {
        const char *name = frame_get_string(frame, "name"), *message = frame_get_string(frame, "message");
        char full[128];

        snprintf(full, sizeof(full), TKD_ERROR("%s"), name ?: "Failed");
        attempt_failed(u, full, message ?: "no reason given");
}

static void on_progress_frame(Upgrade *u, json_object *frame) {
        const char *text = frame_get_string(frame, "text");
        int percent = json_object_get_int(json_object_object_get(frame, "percent"));

        if (u->phase == PHASE_FORWARD)
                set_progress(u, u->job->step, (unsigned) MAX(percent, 0));
        if (text)
                set_status(u, text);
}

static void on_stamp_frame(Upgrade *u, json_object *frame) {
        const char *event = frame_get_string(frame, "event"), *kernel = frame_get_string(frame, "kernel");
        uint64_t tsc = json_object_get_uint64(json_object_object_get(frame, "tsc"));

        if (event && kernel && job_add_stamp(u->job, event, kernel, tsc) < 0)
                log_oom();
}

/* The commit of a twin that nobody asked to: it cannot be stopped any more. */
static void on_committed_frame(Upgrade *u) {
        if (job_kind_moves(u->job->kind))
                set_committed(u);
        else
                attempt_failed(u, TKD_ERROR_TWIN_FAILED, "The twin has committed by itself");
}

/* Whether a frame is about the step that runs now; an answer that came too late is not. */
static bool is_current(Upgrade *u, json_object *frame) {
        return streq_ptr(frame_get_string(frame, "step"), step_to_string(u->job->step));
}

static void on_frame(json_object *frame, void *userdata) {
        Upgrade *u = userdata;
        const char *type = strempty(frame_get_string(frame, "type"));

        if (u->phase == PHASE_ENDED)
                return;
        if (streq(type, "stamp"))
                on_stamp_frame(u, frame);
        else if (streq(type, "progress"))
                on_progress_frame(u, frame);
        else if (streq(type, "twin"))
                u->context.twin(strempty(frame_get_string(frame, "kernel")), u->context.userdata);
        else if (streq(type, "committed"))
                on_committed_frame(u);
        else if (streq(type, "error") && is_current(u, frame))
                on_error_frame(u, frame);
        else if (streq(type, "done") && is_current(u, frame)) {
                if (u->phase == PHASE_UNDO)
                        undo_done(u, u->job->step);
                else
                        step_done(u, u->job->step);
        }
}

static void on_died(const char *how, void *userdata) {
        Upgrade *u = userdata;
        _cleanup_free_ char *text = NULL;

        u->link = engine_link_free(u->link);
        if (u->phase == PHASE_ENDED || u->later)
                return;         /* nothing ran in it */
        if (asprintf(&text, "The worker process %s", how) < 0)
                text = NULL;
        attempt_failed(u, TKD_ERROR_FAILED, text ?: "The worker process died");
}

static const EngineLinkCallbacks link_callbacks = {
        .frame = on_frame,
        .died = on_died,
};

static int ensure_worker(Upgrade *u) {
        if (u->link)
                return 0;
        return engine_link_start(u->context.event, u->plan, u->context.backend, &link_callbacks, u, &u->link);
}

/* Tells the worker what to do, and gives it a time limit. */
static int tell(Upgrade *u, const char *what, Step step) {
        json_object *document = NULL;
        int r;

        r = ensure_worker(u);
        if (r < 0)
                return log_error_errno(r, "Cannot start a worker: %m");
        if (streq(what, "run"))
                document = job_store_document(u->context.store, u->job);
        r = engine_link_send(u->link, what, step_to_string(step), document);
        if (r < 0) {
                u->link = engine_link_free(u->link);
                return log_error_errno(r, "Cannot talk to the worker: %m");
        }
        arm_limit(u, step);
        return 0;
}

static void announce(Upgrade *u, Step step) {
        const StepInfo *i = step_info(step);

        job_set_step(u->job, step);
        job_set_state(u->job, i->state);
        set_progress(u, step, 0);
        set_status(u, i->text);
        log_event(LOG_INFO, MESSAGE_STEP_BEGINS, u->job->id, i->name, "Job %" PRIu64 ", %s: %s",
                  u->job->id, i->name, i->text);
}

static void run_step(Upgrade *u, Step step) {
        int r;

        disarm(&u->later);
        announce(u, step);
        r = record(u, "begin");
        if (r < 0 && !u->job->committed) {
                set_error(u, TKD_ERROR_FAILED, "The journal cannot be written: %s", strerror(-r));
                roll_back(u, step);
                return;
        }
        fault_point("begin", step);
        r = tell(u, "run", step);
        if (r < 0)
                attempt_failed(u, TKD_ERROR_FAILED, "No worker process can be started");
}

static void undo_step(Upgrade *u, Step step) {
        disarm(&u->later);
        job_set_step(u->job, step);
        set_status(u, step_info(step)->undo_text);
        record(u, "undo");
        fault_point("undo", step);
        if (tell(u, "undo", step) < 0)
                undo_failed(u, "no worker process can be started");
}

static void begin_undo(Upgrade *u, Step from, const char *state) {
        u->phase = PHASE_UNDO;
        u->attempts = 0;
        job_set_state(u->job, state);
        undo_step(u, from);
}

static void roll_back(Upgrade *u, Step from) {
        begin_undo(u, from, TKD_STATE_ROLLING_BACK);
}

static void begin_release(Upgrade *u) {
        begin_undo(u, last_step(u), TKD_STATE_RELEASING);
}

int upgrade_new(const UpgradeContext *context, Job *job, EnginePlan *plan, const Config *config, Upgrade **ret) {
        Upgrade *u = malloc(sizeof(Upgrade));

        if (!u) {
                engine_plan_free(plan);
                return -ENOMEM;
        }
        *u = (Upgrade) {
                .context = *context,
                .job = job,
                .plan = plan,
                .grace_usec = config->grace_usec,
        };
        memcpy(u->limit_usec, config->step_usec, sizeof(u->limit_usec));
        *ret = u;
        return 0;
}

Upgrade *upgrade_free(Upgrade *u) {
        if (!u)
                return NULL;
        engine_link_free(u->link);
        sd_event_source_disable_unref(u->limit);
        sd_event_source_disable_unref(u->later);
        engine_plan_free(u->plan);
        free(u);
        return NULL;
}

int upgrade_begin(Upgrade *u) {
        _cleanup_json_ json_object *plan = plan_to_json(u->plan);
        int r;

        if (!plan)
                return -ENOMEM;
        r = job_store_record_new(u->context.store, u->job, plan);
        if (r < 0)
                return r;
        r = ensure_worker(u);
        if (r < 0)
                return r;
        if (u->job->kind == JOB_RELEASE)
                begin_release(u);
        else
                run_step(u, u->plan->attach ? STEP_BOOT : 0);
        return 0;
}

int upgrade_resume(Upgrade *u) {
        Job *job = u->job;

        log_notice("Job %" PRIu64 " was not finished: %s", job->id,
                   job->committed || job->kind == JOB_RELEASE ? "going on" : "rolling back");
        if (job->committed) {
                retry_forward(u);
                return 0;
        }
        if (job->kind == JOB_RELEASE) {
                begin_release(u);
                return 0;
        }
        set_error(u, TKD_ERROR_FAILED, "tkd ended while the job was %s", job->state);
        if (job->step < 0)
                finish_undone(u);
        else
                roll_back(u, job->step);
        return 0;
}

int upgrade_cancel(Upgrade *u, const char *who, sd_bus_error *error) {
        if (u->cancelled)
                return 0;
        if (u->job->kind == JOB_RELEASE)
                return sd_bus_error_setf(error, TKD_ERROR_NOT_CANCELLABLE, "Job %" PRIu64 " is a release: it only goes on",
                                         u->job->id);
        if (u->phase == PHASE_UNDO)
                return sd_bus_error_setf(error, TKD_ERROR_NOT_CANCELLABLE, "Job %" PRIu64 " is being rolled back already",
                                         u->job->id);
        if (u->phase == PHASE_ENDED || step_info(u->job->step)->sealed)
                return sd_bus_error_setf(error, TKD_ERROR_NOT_CANCELLABLE,
                                         "Job %" PRIu64 " has passed its point of no return", u->job->id);
        u->cancelled = true;
        set_error(u, TKD_ERROR_CANCELLED, "Cancelled by %s while %s", who, u->job->state);
        set_status(u, "cancelling");
        if (u->link)
                engine_link_send(u->link, "cancel", NULL, NULL);
        u->timed_out = true;
        arm(u, &u->limit, u->grace_usec, on_limit);
        return 0;
}
