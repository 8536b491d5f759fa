/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The methods of the manager that begin a job, and Check(). They answer when all
 * that can be known beforehand was checked.
 */
#include "check.h"
#include "kernels.h"
#include "log.h"
#include "manager.h"
#include "options.h"
#include "plan.h"
#include "polkit.h"
#include "protocol.h"
#include "sender.h"

/* A call whose check runs. */
typedef struct PendingCall {
        Manager *manager;
        sd_bus_message *call;
        JobKind kind;
        Options options;
} PendingCall;

static void pending_call_free(PendingCall *p) {
        sd_bus_message_unref(p->call);
        free(p);
}

DEFINE_CLEANUP(PendingCall *, pending_call_free)

/* The version comes before the options, which stand next in the call. */
static int begin_check(Manager *m, sd_bus_message *call, JobKind kind, const char *version, OptionFlags allowed,
                       CheckDoneFn done, sd_bus_error *error) {
        _cleanup_(pending_call_freep) PendingCall *p = calloc(1, sizeof(PendingCall));
        const CheckContext context = {
                .kind = kind,
                .bus = m->bus,
                .backend = m->backend,
                .twin_fd = m->twin.fd,
                .running_job = m->job ? m->job->id : 0,
                .twin_kernel = manager_usable_twin(m),
        };
        int r;

        if (!p)
                return -ENOMEM;
        p->manager = m;
        p->call = sd_bus_message_ref(call);
        p->kind = kind;
        r = options_read(call, allowed, &p->options, error);
        if (r < 0)
                return r;
        r = check_start(&context, version, done, p);
        if (r < 0)
                return r;
        TAKE_PTR(p);
        return 1;
}

static int check_called_version(Manager *m, sd_bus_message *call, JobKind kind, OptionFlags allowed, CheckDoneFn done,
                                sd_bus_error *error) {
        const char *version;
        int r;

        r = sd_bus_message_read(call, "s", &version);
        if (r < 0)
                return r;
        return begin_check(m, call, kind, version, allowed, done, error);
}

static void reply_findings(Check *check, void *userdata) {
        _cleanup_(pending_call_freep) PendingCall *p = userdata;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(p->call, &reply);
        if (r >= 0)
                r = findings_append(&check->findings, reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        if (r < 0)
                sd_bus_reply_method_errno(p->call, r, NULL);
}

int manager_method_check(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return check_called_version(userdata, call, JOB_UPGRADE, OPTION_MODE, reply_findings, error);
}

/* Another job may have begun while this one was checked, or its last bit be under way. */
static int refuse_second(Manager *m, sd_bus_error *error) {
        if (!manager_is_busy(m))
                return 0;
        return sd_bus_error_set(error, TKD_ERROR_BUSY, "Another job is running, or a function on its way");
}

/* Begins the job, announces it and answers the call. The plan is taken. */
static int start_job(Manager *m, sd_bus_message *call, JobKind kind, const char *mode, const Config *config,
                     EnginePlan *plan, sd_bus_error *error) {
        _cleanup_(engine_plan_freep) EnginePlan *p = plan;
        _cleanup_free_ char *who = NULL;
        int r;

        r = sender_describe(call, &who);
        if (r < 0)
                return r;
        r = manager_start_job(m, kind, mode, who, config, TAKE_PTR(p));
        if (r < 0)
                return sd_bus_error_setf(error, TKD_ERROR_FAILED, "The job cannot begin: %s", strerror(-r));
        r = sd_bus_emit_signal(m->bus, TKD_PATH, TKD_MANAGER_INTERFACE, TKD_SIGNAL_JOB_NEW, "to",
                               m->job->id, m->job->path);
        if (r < 0)
                log_warning_errno(r, "Cannot announce a job: %m");
        return sd_bus_reply_method_return(call, TKD_START_SIGNATURE_OUT, m->job->id, m->job->path);
}

static int start_checked(PendingCall *p, Check *check, sd_bus_error *error) {
        Manager *m = p->manager;
        int r;

        if (findings_bad(&check->findings))
                return findings_set_error(&check->findings, error);
        r = refuse_second(m, error);
        if (r < 0)
                return r;
        if (p->options.dry_run)
                return sd_bus_reply_method_return(p->call, TKD_START_SIGNATURE_OUT, (uint64_t) 0, "/");
        return start_job(m, p->call, p->kind, p->options.mode, &check->config, TAKE_PTR(check->plan), error);
}

static void start_or_refuse(Check *check, void *userdata) {
        _cleanup_(pending_call_freep) PendingCall *p = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = start_checked(p, check, &error);
        if (r < 0)
                sd_bus_reply_method_errno(p->call, r, &error);
}

static int upgrade_authorized(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return check_called_version(userdata, call, JOB_UPGRADE, OPTION_MODE | OPTION_DRY_RUN, start_or_refuse, error);
}

int manager_method_upgrade(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return polkit_authorize(call, TKD_ACTION_UPGRADE, upgrade_authorized, userdata, error);
}

static int boot_authorized(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return check_called_version(userdata, call, JOB_BOOT, OPTION_DRY_RUN, start_or_refuse, error);
}

int manager_method_boot(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return polkit_authorize(call, TKD_ACTION_BOOT, boot_authorized, userdata, error);
}

/* A kernel that was started by the firmware's boot loader has none before it, whatever history the disk holds. */
static const char *kernel_before(const Manager *m) {
        if (!(m->twin.info.flags & TWIN_INFO_IS_TWIN))
                return NULL;
        return job_store_kernel_before(m->store, running_kernel());
}

static int rollback_authorized(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;
        const char *version = kernel_before(m);

        if (!version)
                return sd_bus_error_setf(error, TKD_ERROR_NO_KERNEL_BEFORE,
                                         "Linux %s was not reached by an upgrade: there is no kernel to go back to",
                                         running_kernel());
        return begin_check(m, call, JOB_ROLLBACK, version, OPTION_MODE | OPTION_DRY_RUN, start_or_refuse, error);
}

int manager_method_rollback(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return polkit_authorize(call, TKD_ACTION_ROLLBACK, rollback_authorized, userdata, error);
}

/* What a release needs of a plan. */
static EnginePlan *release_plan(const Manager *m) {
        _cleanup_(engine_plan_freep) EnginePlan *plan = calloc(1, sizeof(EnginePlan));

        if (!plan)
                return NULL;
        plan->mem_size = m->twin.info.mem_size;
        plan->pmem_size = m->twin.info.pmem_size;
        memcpy(plan->cpus, m->twin.info.cpus, sizeof(plan->cpus));
        plan->version = strdup(strempty(m->twin_kernel));
        plan->tkd_version = strdup(TKD_VERSION);
        return plan->version && plan->tkd_version ? TAKE_PTR(plan) : NULL;
}

static int refuse_release(Manager *m, sd_bus_error *error) {
        if (m->job)
                return sd_bus_error_setf(error, TKD_ERROR_BUSY, "Job %" PRIu64 " has the twin", m->job->id);
        if (m->twin.fd < 0 || m->twin.info.state == TWIN_STATE_NONE)
                return sd_bus_error_set(error, TKD_ERROR_NO_TWIN, "There is no twin");
        return refuse_second(m, error);
}

static int release_authorized(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *text = NULL;
        Manager *m = userdata;
        EnginePlan *plan;
        Config config = {};
        int r;

        twin_watch_refresh(&m->twin);
        r = refuse_release(m, error);
        if (r < 0)
                return r;
        plan = release_plan(m);
        if (!plan)
                return -ENOMEM;
        if (config_load(&config, &text) < 0)
                log_warning("%s", text ?: "The configuration cannot be read");
        r = start_job(m, call, JOB_RELEASE, TKD_MODE_TWIN, &config, plan, error);
        config_done(&config);
        return r;
}

int manager_method_release(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return polkit_authorize(call, TKD_ACTION_RELEASE, release_authorized, userdata, error);
}
