/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the manager has of the twin: its properties, its last words, its log.
 */
#include <time.h>

#include "cpu-list.h"
#include "kernels.h"
#include "log.h"
#include "manager.h"
#include "message-id.h"
#include "polkit.h"
#include "protocol.h"
#include "twin-device.h"
#include "twin-log.h"

#define LOG_CHUNK       (64 * 1024)
/* A twin that dies goes on to print for a moment. */
#define LAST_WORDS_USEC USEC_PER_SEC

int manager_get_twin_state(sd_bus *bus, const char *path, const char *interface, const char *property,
                           sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", twin_watch_state(&m->twin));
}

int manager_get_twin_cpus(sd_bus *bus, const char *path, const char *interface, const char *property,
                           sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;
        _cleanup_free_ char *cpus = cpu_set_to_string((const CpuSet *) m->twin.info.cpus);

        return cpus ? sd_bus_message_append(reply, "s", cpus) : -ENOMEM;
}

int manager_get_twin_memory(sd_bus *bus, const char *path, const char *interface, const char *property,
                           sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->twin.info.mem_size);
}

int manager_get_twin_error(sd_bus *bus, const char *path, const char *interface, const char *property,
                           sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;
        _cleanup_free_ char *text = NULL;

        if (m->twin.fd < 0 || !twin_state_is_dead(m->twin.info.state))
                return sd_bus_message_append(reply, "s", "");
        text = twin_obituary(m->twin.ops, m->twin.fd, m->twin.info.state);
        return text ? sd_bus_message_append(reply, "s", text) : -ENOMEM;
}

/* The kernel has the start of the twin in ticks of the TSC only. */
static uint64_t since(const struct twin_info *info) {
        uint64_t age;
        struct timespec now;

        if (!twin_state_runs(info->state) || info->tsc_boot == 0 || info->tsc_khz == 0)
                return 0;
        clock_gettime(CLOCK_REALTIME, &now);
        age = (uint64_t) ((unsigned __int128) (tsc_now() - info->tsc_boot) * USEC_PER_MSEC / info->tsc_khz);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / NSEC_PER_USEC - age;
}

static int on_last_words(sd_event_source *s, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        _cleanup_free_ char *text = NULL;

        m->last_words = sd_event_source_disable_unref(m->last_words);
        if (m->job || !twin_state_is_dead(m->twin.info.state))
                return 0;       /* released meanwhile, or it lives again */
        text = twin_obituary(m->twin.ops, m->twin.fd, m->twin.info.state);
        log_event(LOG_ERR, MESSAGE_TWIN_DIED, 0, NULL, "%s", strempty(text));
        manager_changed(m, TKD_PROPERTY_TWIN_ERROR);
        return 0;
}

/* Of a twin that dies in a job the job tells. */
static void watch_death(Manager *m) {
        int r;

        if (m->job || m->last_words || !twin_state_is_dead(m->twin.info.state))
                return;
        r = sd_event_add_time_relative(m->event, &m->last_words, CLOCK_MONOTONIC, LAST_WORDS_USEC, 0, on_last_words, m);
        if (r < 0)
                log_error_errno(r, "Cannot set a timer: %m");
}

/* The kernel of a twin that an earlier tkd booted, or did not get rid of. */
static void remember_kernel(Manager *m) {
        const Job *last = job_store_last(m->store);

        if (!m->twin_kernel && last && !isempty(last->version) && free_and_strdup(&m->twin_kernel, last->version) < 0)
                log_oom();
}

void manager_update_twin(Manager *m) {
        const struct twin_info *info = &m->twin.info;

        if (info->state == TWIN_STATE_NONE)
                m->twin_kernel = (free(m->twin_kernel), NULL);
        else if (!m->job)
                remember_kernel(m);
        if (!twin_state_runs(info->state)) {
                m->twin_since = 0;
                manager_forget_lent(m);
        } else if (m->twin_since == 0)
                m->twin_since = since(info);
        watch_death(m);
        manager_changed(m, TKD_PROPERTY_TWIN_STATE, TKD_PROPERTY_TWIN_KERNEL, TKD_PROPERTY_TWIN_CPUS,
                        TKD_PROPERTY_TWIN_MEMORY, TKD_PROPERTY_TWIN_SINCE, TKD_PROPERTY_TWIN_ERROR);
}

const char *manager_usable_twin(const Manager *m) {
        const Job *last = job_store_last(m->store);

        if (m->job || !last || last->kind != JOB_BOOT || !streq_ptr(last->result, TKD_RESULT_DONE))
                return NULL;
        if (m->twin.info.state != TWIN_STATE_ALIVE || m->twin.info.commit != TWIN_COMMIT_OLD)
                return NULL;
        return last->version;
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
        n = twin_log_read(m->backend->twin, m->twin.fd, &offset, buffer, LOG_CHUNK);
        if (n < 0)
                return sd_bus_error_setf(error, TKD_ERROR_FAILED, "The twin's log cannot be read: %s",
                                         strerror((int) -n));
        return reply_log(call, offset + (uint64_t) n, buffer, (size_t) n);
}

int manager_method_twin_log(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return polkit_authorize(call, TKD_ACTION_READ_LOG, read_log_authorized, userdata, error);
}
