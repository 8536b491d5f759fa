/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Manager interface on the bus. Handlers read their arguments and answer;
 * the work is done by check.c and manager.c.
 */
#include <inttypes.h>

#include "check.h"
#include "kernels.h"
#include "log.h"
#include "manager.h"
#include "options.h"
#include "polkit.h"
#include "protocol.h"
#include "sender.h"

#define LOG_CHUNK (64 * 1024)

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", TKD_VERSION);
}

static int get_kernel(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", running_kernel());
}

static int get_state(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", manager_state(userdata));
}

static int get_twin_state(sd_bus *bus, const char *path, const char *interface, const char *property,
                          sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", twin_watch_state(&m->twin));
}

static int get_twin_cpus(sd_bus *bus, const char *path, const char *interface, const char *property,
                         sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;
        _cleanup_free_ char *cpus = cpu_set_to_string((const CpuSet *) m->twin.info.cpus);

        return cpus ? sd_bus_message_append(reply, "s", cpus) : -ENOMEM;
}

static int get_twin_memory(sd_bus *bus, const char *path, const char *interface, const char *property,
                           sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->twin.info.mem_size);
}

/* A call of Upgrade or Check whose check runs. */
typedef struct PendingCall {
        Manager *manager;
        sd_bus_message *call;
        Options options;
} PendingCall;

static void pending_call_free(PendingCall *p) {
        sd_bus_message_unref(p->call);
        free(p);
}

DEFINE_CLEANUP(PendingCall *, pending_call_free)

static int begin_check(Manager *m, sd_bus_message *call, bool upgrade, CheckDoneFn done, sd_bus_error *error) {
        _cleanup_(pending_call_freep) PendingCall *p = calloc(1, sizeof(PendingCall));
        const CheckContext context = {
                .bus = m->bus,
                .backend = m->backend,
                .twin_fd = m->twin.fd,
                .running_job = m->job ? m->job->id : 0,
        };
        const char *version;
        int r;

        if (!p)
                return -ENOMEM;
        p->manager = m;
        p->call = sd_bus_message_ref(call);
        r = sd_bus_message_read(call, "s", &version);
        if (r < 0)
                return r;
        r = options_read(call, upgrade, &p->options, error);
        if (r < 0)
                return r;
        r = check_start(&context, version, done, p);
        if (r < 0)
                return r;
        TAKE_PTR(p);
        return 1;
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

static int method_check(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return begin_check(userdata, call, false, reply_findings, error);
}

/* Another upgrade may have begun while this one was checked. */
static int refuse_second(Manager *m, sd_bus_error *error) {
        if (!m->job && !m->upgrade)
                return 0;
        return sd_bus_error_set(error, TKD_ERROR_BUSY, "Another upgrade is running; only one at a time");
}

static int start_checked(PendingCall *p, Check *check, sd_bus_error *error) {
        _cleanup_free_ char *who = NULL;
        Manager *m = p->manager;
        int r;

        if (findings_bad(&check->findings))
                return findings_set_error(&check->findings, error);
        r = refuse_second(m, error);
        if (r < 0)
                return r;
        if (p->options.dry_run)
                return sd_bus_reply_method_return(p->call, TKD_UPGRADE_SIGNATURE_OUT, (uint64_t) 0, "/");
        r = sender_describe(p->call, &who);
        if (r < 0)
                return r;
        r = manager_start_job(m, p->options.mode, who, &check->config, TAKE_PTR(check->plan));
        if (r < 0)
                return sd_bus_error_setf(error, TKD_ERROR_FAILED, "The upgrade cannot begin: %s", strerror(-r));
        r = sd_bus_emit_signal(m->bus, TKD_PATH, TKD_MANAGER_INTERFACE, TKD_SIGNAL_JOB_NEW, "to",
                               m->job->id, m->job->path);
        if (r < 0)
                log_warning_errno(r, "Cannot announce a job: %m");
        return sd_bus_reply_method_return(p->call, TKD_UPGRADE_SIGNATURE_OUT, m->job->id, m->job->path);
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
        return begin_check(userdata, call, true, start_or_refuse, error);
}

static int method_upgrade(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return polkit_authorize(call, TKD_ACTION_UPGRADE, upgrade_authorized, userdata, error);
}

static int append_kernels(sd_bus_message *reply, const Kernels *k) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(ssbb)");
        if (r < 0)
                return r;
        for (size_t i = 0; i < k->n; i++) {
                r = sd_bus_message_append(reply, "(ssbb)", k->items[i].version, k->items[i].path,
                                          k->items[i].twin, k->items[i].running);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(reply);
}

static int find_kernels(Kernels *ret, sd_bus_error *error) {
        _cleanup_free_ char *text = NULL;
        Config config = {};
        int r;

        r = config_load(&config, &text);
        if (r < 0)
                r = sd_bus_error_set(error, TKD_ERROR_BAD_CONFIG, text ?: strerror(-r));
        else
                r = kernels_list(config.kernel, ret);
        config_done(&config);
        return r;
}

static int method_list_kernels(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Kernels k = {};
        int r;

        r = find_kernels(&k, error);
        if (r >= 0)
                r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = append_kernels(reply, &k);
        kernels_done(&k);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int append_job(sd_bus_message *reply, const Job *job) {
        return sd_bus_message_append(reply, "(tsso)", job->id, job->version, job->state, job->path);
}

static int append_history(sd_bus_message *reply, const Job *job) {
        return sd_bus_message_append(reply, "(tssssttsst)", job->id, job->version, job->mode, job->initiator,
                                     job->state, job->started, job->finished, strempty(job->error_name),
                                     strempty(job->error_text), job_downtime_nsec(job));
}

/* Answers with an array that has one element of each job, oldest first. */
static int reply_jobs(sd_bus_message *call, Manager *m, const char *signature,
                      int (*append)(sd_bus_message *reply, const Job *job)) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', signature);
        if (r < 0)
                return r;
        for (size_t i = 0; i < m->store->n_jobs; i++) {
                r = append(reply, m->store->jobs[i]);
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

static int method_list_jobs(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return reply_jobs(call, userdata, "(tsso)", append_job);
}

static int method_get_history(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return reply_jobs(call, userdata, "(tssssttsst)", append_history);
}

static int reply_log(sd_bus_message *call, uint64_t next, const void *data, size_t n) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "t", next);
        if (r < 0)
                return r;
        r = sd_bus_message_append_array(reply, 'y', data, n);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

/* The twin's log from an offset on; one beyond its end is of an earlier twin, and stands for 0. */
static ssize_t read_log(Manager *m, uint64_t *offset, void *buffer, size_t size) {
        struct twin_info info;
        int r;

        r = m->backend->twin->info(m->twin.fd, &info);
        if (r < 0)
                return r;
        if (*offset > info.log_size)
                *offset = 0;
        return m->backend->twin->read_log(m->twin.fd, offset, buffer, size);
}

static int read_log_authorized(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *buffer = malloc(LOG_CHUNK);
        Manager *m = userdata;
        uint64_t offset;
        ssize_t n;
        int r;

        r = sd_bus_message_read(call, "t", &offset);
        if (r < 0)
                return r;
        if (!buffer)
                return -ENOMEM;
        if (m->twin.fd < 0)
                return sd_bus_error_setf(error, TKD_ERROR_NOT_SUPPORTED,
                                         "The running kernel %s has no twin support (no /dev/twin)", running_kernel());
        n = read_log(m, &offset, buffer, LOG_CHUNK);
        if (n < 0)
                return sd_bus_error_setf(error, TKD_ERROR_FAILED, "The twin's log cannot be read: %s",
                                         strerror((int) -n));
        return reply_log(call, offset + (uint64_t) n, buffer, (size_t) n);
}

static int method_twin_log(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return polkit_authorize(call, TKD_ACTION_READ_LOG, read_log_authorized, userdata, error);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY(TKD_PROPERTY_VERSION, "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(TKD_PROPERTY_KERNEL, "s", get_kernel, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(TKD_PROPERTY_STATE, "s", get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_TWIN_STATE, "s", get_twin_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_TWIN_KERNEL, "s", NULL, offsetof(Manager, twin_kernel),
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_TWIN_CPUS, "s", get_twin_cpus, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_TWIN_MEMORY, "t", get_twin_memory, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD_WITH_ARGS(TKD_METHOD_UPGRADE, SD_BUS_ARGS("s", version, "a{sv}", options),
                                SD_BUS_RESULT("t", id, "o", job), method_upgrade, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(TKD_METHOD_CHECK, SD_BUS_ARGS("s", version, "a{sv}", options),
                                SD_BUS_RESULT(TKD_CHECK_SIGNATURE_OUT, findings), method_check,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(TKD_METHOD_LIST_KERNELS, SD_BUS_NO_ARGS,
                                SD_BUS_RESULT(TKD_KERNELS_SIGNATURE, kernels), method_list_kernels,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(TKD_METHOD_LIST_JOBS, SD_BUS_NO_ARGS, SD_BUS_RESULT(TKD_JOBS_SIGNATURE, jobs),
                                method_list_jobs, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(TKD_METHOD_GET_HISTORY, SD_BUS_NO_ARGS,
                                SD_BUS_RESULT(TKD_HISTORY_SIGNATURE, history), method_get_history,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(TKD_METHOD_TWIN_LOG, SD_BUS_ARGS("t", offset), SD_BUS_RESULT("t", next, "ay", data),
                                method_twin_log, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS(TKD_SIGNAL_JOB_NEW, SD_BUS_ARGS("t", id, "o", job), 0),
        SD_BUS_SIGNAL_WITH_ARGS(TKD_SIGNAL_JOB_REMOVED, SD_BUS_ARGS("t", id, "o", job, "s", result), 0),
        SD_BUS_VTABLE_END,
};

int manager_export(Manager *m) {
        int r;

        r = sd_bus_add_object_manager(m->bus, NULL, TKD_PATH);
        if (r < 0)
                return r;
        return sd_bus_add_object_vtable(m->bus, NULL, TKD_PATH, TKD_MANAGER_INTERFACE, vtable, m);
}
