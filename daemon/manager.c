/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Manager: jobs and their upgrades; what the bus sees of it is in manager-bus.c.
 */
#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "conf-files.h"
#include "kernels.h"
#include "log-control.h"
#include "log.h"
#include "manager.h"
#include "message-id.h"
#include "plan.h"
#include "protocol.h"
#include "strv.h"

#define JOURNAL_PATH "/var/lib/tkd/journal"

void manager_emit_changed(Manager *m, const char *const *names) {
        if (m->bus)
                (void) sd_bus_emit_properties_changed_strv(m->bus, TKD_PATH, TKD_MANAGER_INTERFACE, (char **) names);
}

const char *manager_state(const Manager *m) {
        return m->job ? m->job->state : TKD_STATE_IDLE;
}

static void on_twin_changed(void *userdata) {
        manager_update_twin(userdata);
}

int manager_new(sd_event *event, const EngineBackend *backend, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(Manager));
        _cleanup_free_ char *path = conf_path(JOURNAL_PATH);
        int r;

        if (!m || !path)
                return log_oom();
        m->event = sd_event_ref(event);
        m->backend = backend;
        m->twin.fd = -EBADF;
        r = job_store_open(path, &m->store);
        if (r < 0)
                return log_error_errno(r, "Cannot open the journal %s: %m", path);
        r = twin_watch_start(&m->twin, event, backend->twin, on_twin_changed, m);
        if (r < 0)
                return log_error_errno(r, "Cannot watch /dev/twin: %m");
        manager_load_lent(m);
        manager_update_twin(m);
        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        upgrade_free(m->upgrade);
        sd_event_source_disable_unref(m->cleanup);
        sd_event_source_disable_unref(m->last_words);
        lending_free(m->lending);
        strv_free(m->lent);
        twin_watch_done(&m->twin);
        job_store_free(m->store);
        sd_bus_flush_close_unref(m->bus);
        sd_event_unref(m->event);
        free(m->twin_kernel);
        free(m);
        return NULL;
}

bool manager_is_busy(const Manager *m) {
        return m->job || m->upgrade || m->lending;
}

static int cancel_job(Job *job, const char *who, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        if (job != m->job)
                return sd_bus_error_setf(error, TKD_ERROR_NOT_CANCELLABLE, "Job %" PRIu64 " has ended already: %s",
                                         job->id, job->state);
        return upgrade_cancel(m->upgrade, who, error);
}

static int export_jobs(Manager *m) {
        int r;

        for (size_t i = 0; i < m->store->n_jobs; i++) {
                r = job_export(m->store->jobs[i], m->bus, cancel_job, m);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int open_bus(Manager *m) {
        int r;

        r = sd_bus_open_system(&m->bus);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(m->bus, m->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        return sd_bus_set_exit_on_disconnect(m->bus, true);
}

int manager_connect(Manager *m) {
        int r;

        r = open_bus(m);
        if (r < 0)
                return log_error_errno(r, "Cannot connect to the system bus: %m");
        r = log_control_export(m->bus);
        if (r >= 0)
                r = manager_export(m);
        if (r >= 0)
                r = export_jobs(m);
        if (r < 0)
                return log_error_errno(r, "Cannot put objects on the bus: %m");
        r = sd_bus_request_name(m->bus, TKD_BUS_NAME, 0);
        if (r < 0)
                return log_error_errno(r, "Cannot take the name " TKD_BUS_NAME ": %m");
        return 0;
}

static void on_job_changed(Job *job, void *userdata) {
        Manager *m = userdata;

        manager_changed(m, TKD_PROPERTY_STATE);
        sd_notifyf(false, "STATUS=Job %" PRIu64 ", %s %s: %s (%u%%)", job->id, job_kind_text(job->kind),
                   strdash(job->version), job->status ?: job->state, job->progress);
        twin_watch_refresh(&m->twin);
}

static void on_twin_hello(const char *kernel, void *userdata) {
        Manager *m = userdata;

        if (free_and_strdup(&m->twin_kernel, kernel) < 0)
                log_oom();
        manager_changed(m, TKD_PROPERTY_TWIN_KERNEL);
}

static void emit_job_removed(Manager *m, const Job *job, const char *result) {
        if (m->bus)
                (void) sd_bus_emit_signal(m->bus, TKD_PATH, TKD_MANAGER_INTERFACE, TKD_SIGNAL_JOB_REMOVED,
                                          "tos", job->id, job->path, result);
}

static void on_committed(Job *job, void *userdata) {
        Manager *m = userdata;

        job_finish(job, TKD_RESULT_COMMITTED);
        emit_job_removed(m, job, TKD_RESULT_COMMITTED);
        on_job_changed(job, m);
        if (m->bus)
                (void) sd_bus_flush(m->bus);
}

static int on_cleanup(sd_event_source *s, void *userdata) {
        Manager *m = userdata;

        m->upgrade = upgrade_free(m->upgrade);
        m->cleanup = sd_event_source_disable_unref(m->cleanup);
        if (m->stopping)
                sd_event_exit(m->event, 0);
        return 0;
}

static void on_finished(Job *job, void *userdata) {
        Manager *m = userdata;
        int r;

        m->job = NULL;
        twin_watch_refresh(&m->twin);
        emit_job_removed(m, job, job->result);
        manager_changed(m, TKD_PROPERTY_STATE);
        sd_notifyf(false, "STATUS=Idle; last job %" PRIu64 ", %s %s: %s", job->id, job_kind_text(job->kind),
                   strdash(job->version), job->result);
        r = sd_event_add_defer(m->event, &m->cleanup, on_cleanup, m);
        if (r < 0)
                log_error_errno(r, "Cannot free an upgrade: %m");
}

static int drive(Manager *m, Job *job, const Config *config, EnginePlan *plan) {
        const UpgradeContext context = {
                .event = m->event,
                .backend = m->backend,
                .store = m->store,
                .changed = on_job_changed,
                .twin = on_twin_hello,
                .committed = on_committed,
                .finished = on_finished,
                .userdata = m,
        };
        int r;

        r = upgrade_new(&context, job, plan, config, &m->upgrade);
        if (r >= 0)
                m->job = job;
        return r;
}

static void give_up(Manager *m, Job *job, const char *why) {
        m->upgrade = upgrade_free(m->upgrade);
        m->job = NULL;
        job_set_error(job, TKD_ERROR_FAILED, why);
        job_set_state(job, TKD_STATE_FAILED);
        job_finish(job, TKD_RESULT_FAILED);
        job_store_record(m->store, job, "finished");
}

static int add_job(Manager *m, JobKind kind, const char *version, const char *mode, const char *initiator, Job **ret) {
        Job *job;
        int r;

        r = job_new(job_store_next_id(m->store), kind, version, mode, initiator, &job);
        if (r < 0)
                return r;
        job->tsc_khz = m->twin.info.tsc_khz;
        r = job_store_add(m->store, job);
        if (r < 0)
                return r;
        r = job_export(job, m->bus, cancel_job, m);
        if (r < 0)
                log_warning_errno(r, "Cannot put job %" PRIu64 " on the bus: %m", job->id);
        *ret = job;
        return 0;
}

int manager_start_job(Manager *m, JobKind kind, const char *mode, const char *initiator, const Config *config,
                      EnginePlan *plan) {
        Job *job;
        int r;

        r = add_job(m, kind, plan->version, mode, initiator, &job);
        if (r < 0) {
                engine_plan_free(plan);
                return r;
        }
        r = drive(m, job, config, plan);
        if (r >= 0)
                r = upgrade_begin(m->upgrade);
        if (r < 0) {
                give_up(m, job, "The job could not begin: the journal cannot be written, or no process made");
                return r;
        }
        return 0;
}

/* The kernel of that job is gone: there is nothing to undo. */
static void end_old_job(Manager *m, Job *job) {
        if (!job->committed)
                job_set_error(job, TKD_ERROR_FAILED, "The machine was restarted before the job had ended");
        job_set_state(job, job->committed ? TKD_STATE_DONE : TKD_STATE_FAILED);
        job_finish(job, job->state);
        job_store_record(m->store, job, "finished");
        log_event(LOG_NOTICE, MESSAGE_JOB_FINISHED, job->id, NULL, "Job %" PRIu64 " of an earlier boot: %s",
                  job->id, job->state);
}

static int resume_by_plan(Manager *m, Job *job) {
        _cleanup_free_ char *error = NULL;
        Config config = {};
        EnginePlan *plan;
        int r;

        r = m->store->last_plan ? plan_new_from_json(m->store->last_plan, &plan) : -ENODATA;
        if (r < 0)
                return r;
        if (config_load(&config, &error) < 0)
                log_warning("%s", error ?: "The configuration cannot be read");
        r = drive(m, job, &config, plan);
        config_done(&config);
        return r < 0 ? r : upgrade_resume(m->upgrade);
}

int manager_resume(Manager *m) {
        Job *job = job_store_unfinished(m->store);
        int r;

        if (!job)
                return 0;
        if (!job_store_same_boot(m->store)) {
                end_old_job(m, job);
                return 0;
        }
        r = resume_by_plan(m, job);
        if (r >= 0)
                return 0;
        log_error_errno(r, "Cannot go on with job %" PRIu64 ": %m", job->id);
        give_up(m, job, "tkd ended in the middle of the job, and its plan is lost: nothing was undone");
        return 0;
}

int manager_import(Manager *m, json_object *object) {
        Job *job;
        int r;

        r = job_store_import(m->store, object, &job);
        if (r < 0)
                return log_error_errno(r, "The old kernel's job cannot be read: %m");
        job->committed = true;
        job_set_step(job, STEP_OFFLINE);
        job_set_progress(job, 100);
        job_set_status(job, NULL);
        job_set_state(job, TKD_STATE_DONE);
        job_finish(job, TKD_RESULT_DONE);
        r = job_store_record(m->store, job, "finished");
        if (r < 0)
                log_error_errno(r, "Cannot write job %" PRIu64 " to the journal: %m", job->id);
        log_event(LOG_NOTICE, MESSAGE_JOB_FINISHED, job->id, NULL, "Job %" PRIu64 ", %s %s: done",
                  job->id, job_kind_text(job->kind), job->version);
        return 0;
}

void manager_stop(Manager *m) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (!m->job || m->stopping) {
                sd_event_exit(m->event, 0);
                return;
        }
        m->stopping = true;
        if (upgrade_cancel(m->upgrade, "the stop of tkd", &error) < 0)
                log_notice("%s; waiting for its end", error.message);
        else
                log_notice("Rolling job %" PRIu64 " back before the end", m->job->id);
}
