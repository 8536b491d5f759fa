/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Manager interface on the bus: its table, its properties, and the lists. The
 * methods that begin a job are in manager-start.c, those that reach into the twin
 * in manager-twin.c, manager-console.c and
 * manager-lend.c.
 */
#include "config.h"
#include "kernels.h"
#include "manager.h"
#include "protocol.h"

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
        return sd_bus_message_append(reply, "(tsssssttsst)", job->id, job_kind_to_string(job->kind), job->version,
                                     job->mode, job->initiator, job->state, job->started, job->finished, strempty(job->error_name),
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
        return reply_jobs(call, userdata, "(tsssssttsst)", append_history);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY(TKD_PROPERTY_VERSION, "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(TKD_PROPERTY_KERNEL, "s", get_kernel, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(TKD_PROPERTY_STATE, "s", get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_TWIN_STATE, "s", manager_get_twin_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_TWIN_KERNEL, "s", NULL, offsetof(Manager, twin_kernel),
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_TWIN_CPUS, "s", manager_get_twin_cpus, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_TWIN_MEMORY, "t", manager_get_twin_memory, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_TWIN_SINCE, "t", NULL, offsetof(Manager, twin_since),
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_TWIN_FUNCTIONS, "as", manager_get_twin_functions, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_TWIN_ERROR, "s", manager_get_twin_error, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD_WITH_ARGS(TKD_METHOD_UPGRADE, SD_BUS_ARGS("s", version, "a{sv}", options),
                                SD_BUS_RESULT("t", id, "o", job), manager_method_upgrade, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(TKD_METHOD_ROLLBACK, SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("t", id, "o", job), manager_method_rollback, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(TKD_METHOD_BOOT, SD_BUS_ARGS("s", version, "a{sv}", options),
                                SD_BUS_RESULT("t", id, "o", job), manager_method_boot, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(TKD_METHOD_RELEASE, SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("t", id, "o", job), manager_method_release, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(TKD_METHOD_CHECK, SD_BUS_ARGS("s", version, "a{sv}", options),
                                SD_BUS_RESULT(TKD_CHECK_SIGNATURE_OUT, findings), manager_method_check,
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
                                manager_method_twin_log, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(TKD_METHOD_GIVE, SD_BUS_ARGS("s", address), SD_BUS_NO_RESULT, manager_method_give,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(TKD_METHOD_TAKE, SD_BUS_ARGS("s", address), SD_BUS_NO_RESULT, manager_method_take,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(TKD_METHOD_OPEN_CONSOLE, SD_BUS_NO_ARGS, SD_BUS_RESULT("h", connection),
                                manager_method_open_console, SD_BUS_VTABLE_UNPRIVILEGED),
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
