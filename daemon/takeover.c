/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takeover: the twin's part from the commit on. Before the commit word is turned
 * everything is written down that a successor of this process needs to resume
 * the applications: after it there is only forward.
 */
#include <inttypes.h>
#include <poll.h>
#include <time.h>

#include "engine-error.h"
#include "files.h"
#include "ledger.h"
#include "log.h"
#include "reception.h"
#include "strv.h"

/* How long the old kernel may take from the commit to its last frame. */
#define PARKING_TIMEOUT_MSEC    30000
#define FAREWELL_TIMEOUT_USEC   USEC_PER_SEC
#define TAKEOVER_TIMEOUT_MSEC   10000U
#define RETRY_SEC               1
/* A machine that lacks a part is better than one that is never handed to its tkd. */
#define TAKE_ATTEMPTS           10U

int reception_save(Reception *c) {
        _cleanup_json_ json_object *o = json_object_new_object();
        json_object *names = json_object_new_array(), *pids = json_object_new_array();
        int r;

        for (size_t i = 0; i < c->n_places; i++)
                json_object_array_add(names, json_object_new_string(c->places[i].name));
        for (size_t i = 0; i < c->n_pids; i++)
                json_object_array_add(pids, json_object_new_int(c->pids[i]));
        json_object_object_add(o, "names", names);
        json_object_object_add(o, "pids", pids);
        json_object_object_add(o, "estate", json_object_get(c->estate));
        json_object_object_add(o, "job", json_object_get(c->job));
        r = mkdir_parents("/run/tkd");
        return r < 0 ? r : write_json_file(RECEPTION_STATE, o);
}

static int load_pids(Reception *c, json_object *pids) {
        size_t n = json_object_array_length(pids);

        c->pids = calloc(n ?: 1, sizeof(pid_t));
        if (!c->pids)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                c->pids[c->n_pids++] = json_object_get_int(json_object_array_get_idx(pids, i));
        return 0;
}

static int load_places(Reception *c, json_object *names) {
        size_t n = json_object_array_length(names);

        c->places = calloc(n ?: 1, sizeof(Place));
        if (!c->places)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                c->places[i].name = strdup(json_object_get_string(json_object_array_get_idx(names, i)));
                if (!c->places[i].name)
                        return -ENOMEM;
                c->n_places++;
        }
        return 0;
}

int reception_load(Reception *c) {
        _cleanup_json_ json_object *o = NULL;
        json_object *names, *pids, *job;
        int r;

        r = read_json_file(RECEPTION_STATE, &o);
        if (r < 0)
                return r;
        if (!json_object_object_get_ex(o, "names", &names) || !json_object_is_type(names, json_type_array) ||
            !json_object_object_get_ex(o, "pids", &pids) || !json_object_is_type(pids, json_type_array) ||
            !json_object_object_get_ex(o, "job", &job))
                return -EBADMSG;
        json_object_put(c->job);
        c->job = json_object_get(job);
        c->estate = json_object_get(json_object_object_get(o, "estate"));
        r = load_places(c, names);
        return r < 0 ? r : load_pids(c, pids);
}

/* The old core's job, without losing stamps that were made here meanwhile. */
static void take_job(Reception *c, json_object *frame) {
        _cleanup_json_ json_object *mine = c->job;
        json_object *job;

        if (!json_object_object_get_ex(frame, "job", &job) || !json_object_is_type(job, json_type_object)) {
                TAKE_PTR(mine);
                return;
        }
        c->job = json_object_get(job);
        if (ledger_merge(ledger_of_job(c->job), ledger_of_job(mine)) < 0)
                log_warning("Some time stamps of this kernel are lost");
}

static void tell_job(Reception *c, const char *type) {
        json_object *o = json_object_new_object();

        json_object_object_add(o, "job", json_object_get(c->job));
        reception_tell(c, type, o);
}

int reception_commit(Reception *c, json_object *frame, EngineError *e) {
        int r;

        take_job(c, frame);
        r = reception_save(c);
        if (r < 0)
                return engine_error_set(e, r, "TwinFailed", "Cannot write %s: %m", RECEPTION_STATE);
        r = c->backend->twin->commit(c->device_fd);
        if (r < 0)
                return engine_error_set(e, r, "TwinFailed", "Cannot commit: %m");
        reception_stamp(c, "commit");
        r = c->backend->machine->resume(c->pids, c->n_pids);
        if (r < 0)
                log_error_errno(r, "Cannot resume all processes: %m");
        reception_stamp(c, "resume");
        return 0;
}

/* The old kernel waits for this before it stops: what it sent last is safe here. */
static void acknowledge_parking(Reception *c) {
        _cleanup_json_ json_object *o = json_object_new_object();

        json_object_object_add(o, "type", json_object_new_string("farewell"));
        if (frame_write(c->channel_fd, o, FAREWELL_TIMEOUT_USEC) < 0)
                log_debug("The old kernel is gone before it heard farewell");
}

static bool old_has_parked(Reception *c) {
        struct twin_event event;

        while (c->backend->twin->read_event(c->device_fd, &event) >= 0)
                if (event.type == TWIN_EVENT_OLD_PARKED)
                        return true;
        return false;
}

/* Waits for the last frame of the old kernel, which has its complete ledger. */
static void wait_parking(Reception *c, FrameReader *channel) {
        for (;;) {
                struct pollfd p[] = {
                        { .fd = c->channel_fd, .events = POLLIN },
                        { .fd = c->device_fd, .events = POLLIN },
                };
                _cleanup_json_ json_object *frame = NULL;
                int r;

                r = frame_reader_next(channel, &frame);
                if (r > 0 && streq_ptr(frame_get_string(frame, "type"), "parking")) {
                        take_job(c, frame);
                        acknowledge_parking(c);
                        return;
                }
                if (r < 0 || (r == 0 && old_has_parked(c)))
                        return;
                if (r == 0 && poll(p, ELEMENTSOF(p), PARKING_TIMEOUT_MSEC) == 0)
                        return;
        }
}

static void report_failure(Reception *c, const char *what, int r) {
        json_object *o = json_object_new_object();
        _cleanup_error_ EngineError e = {};

        engine_error_set(&e, r, "TwinFailed", "%s: %m", what);
        log_error("%s", strempty(e.message));
        json_object_object_add(o, "name", json_object_new_string("TwinFailed"));
        json_object_object_add(o, "message", json_object_new_string(strempty(e.message)));
        reception_tell(c, "failed", o);
}

static bool owns_machine(Reception *c) {
        struct twin_info info;

        return c->backend->twin->info(c->device_fd, &info) >= 0 && (info.flags & TWIN_INFO_OWNS_MACHINE);
}

static const struct {
        uint32_t part;
        const char *name;
        const char *failure;
} parts[] = {
        { TWIN_TAKE_CPUS,    "take-cpus",    "Cannot take the CPUs"    },
        { TWIN_TAKE_MEMORY,  "take-memory",  "Cannot take the memory"  },
        { TWIN_TAKE_DEVICES, "take-devices", "Cannot take the devices" },
};

static void stamp_span(Reception *c, const char *name, const char *suffix) {
        char event[32];

        snprintf(event, sizeof(event), "%s-%s", name, suffix);
        reception_stamp(c, event);
}

/* Until the old kernel has parked there is nothing to give up: the applications run here. */
static void take_part(Reception *c, size_t i) {
        const struct timespec pause = { .tv_sec = RETRY_SEC };
        struct twin_takeover taken;

        for (unsigned attempt = 1;; attempt++) {
                int r;

                r = c->backend->twin->takeover(c->device_fd, parts[i].part, TAKEOVER_TIMEOUT_MSEC, &taken);
                if (r >= 0) {
                        log_notice("%s: %u CPUs are online, %" PRIu64 " MiB of memory", parts[i].name, taken.nr_cpus,
                                   (uint64_t) taken.mem_size >> 20);
                        return;
                }
                report_failure(c, parts[i].failure, r);
                if (attempt >= TAKE_ATTEMPTS && owns_machine(c))
                        return;
                nanosleep(&pause, NULL);
        }
}

static void take_machine(Reception *c) {
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                stamp_span(c, parts[i].name, "begin");
                take_part(c, i);
                stamp_span(c, parts[i].name, "end");
        }
}

static void claim_estate(Reception *c) {
        _cleanup_free_ char *text = NULL;
        int r;

        if (!c->estate)
                return;
        reception_stamp(c, "claim-begin");
        r = c->backend->estate->claim(c->estate, &text);
        if (r < 0)
                log_error("%s", text ?: strerror(-r));
        reception_stamp(c, "claim-end");
}

static void settle(Reception *c) {
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **names = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < c->n_places; i++)
                r = strv_push(&names, c->places[i].name);
        if (r >= 0)
                r = c->backend->place->settle(names, &text);
        if (r < 0)
                log_warning("The machine's units are not as on a cold boot: %s", text ?: strerror(-r));
}

void reception_forward(Reception *c, FrameReader *channel) {
        int r;

        r = c->backend->machine->resume(c->pids, c->n_pids);
        if (r < 0)
                report_failure(c, "Cannot resume all processes", r);
        tell_job(c, "committed");
        if (channel)
                wait_parking(c, channel);
        reception_stamp(c, "takeover-begin");
        take_machine(c);
        claim_estate(c);
        reception_stamp(c, "takeover-end");
        settle(c);
        tell_job(c, "done");
}
