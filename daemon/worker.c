/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Worker: takes orders from the core and runs the steps, see worker.h.
 */
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <time.h>

#include "ledger.h"
#include "log.h"
#include "twin-device.h"
#include "twin-log.h"
#include "worker.h"

#define CORE_TIMEOUT_USEC       (5 * USEC_PER_SEC)
#define CHANNEL_TIMEOUT_USEC    (10 * USEC_PER_SEC)

typedef struct Step {
        const char *name;
        const char *begin, *end;        /* stamps */
        WorkerFunc run;
        WorkerFunc undo;
} Step;

static const Step step_table[] = {
        { "reserve",    "reserve-begin",    "reserve-end",    step_reserve,    undo_reserve    },
        { "load",       "load-begin",       "load-end",       step_load,       undo_load       },
        { "boot",       "boot-begin",       "boot-end",       step_boot,       undo_fence      },
        { "checkpoint", "checkpoint-begin", "checkpoint-end", step_checkpoint, undo_checkpoint },
        { "migrate",    "migrate-begin",    "migrate-end",    step_migrate,    undo_fence      },
        { "commit",     "commit-begin",     "commit-end",     step_commit,     undo_fence      },
        { "offline",    "offline-begin",    "offline-end",    step_offline,    NULL            },
        { "give",       "give-begin",       "give-end",       lend_give,       NULL            },
        { "take",       "take-begin",       "take-end",       lend_take,       NULL            },
};

static const Step *step_by_name(const char *name) {
        for (size_t i = 0; name && i < ELEMENTSOF(step_table); i++)
                if (streq(step_table[i].name, name))
                        return &step_table[i];
        return NULL;
}

uint64_t monotonic_usec(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / NSEC_PER_USEC;
}

static json_object *new_frame(const char *type) {
        json_object *o = json_object_new_object();

        json_object_object_add(o, "type", json_object_new_string(type));
        return o;
}

void worker_send(Worker *w, json_object *o) {
        if (!w->disconnected && frame_write(w->core_fd, o, CORE_TIMEOUT_USEC) < 0)
                w->disconnected = true;
        json_object_put(o);
}

void worker_stamp_at(Worker *w, const char *event, const char *kernel, uint64_t tsc) {
        json_object *o = new_frame("stamp");

        json_object_object_add(o, "event", json_object_new_string(event));
        json_object_object_add(o, "kernel", json_object_new_string(kernel));
        json_object_object_add(o, "tsc", json_object_new_int64((int64_t) tsc));
        worker_send(w, o);
        ledger_add(ledger_of_job(w->job), event, kernel, tsc);
}

void worker_stamp(Worker *w, const char *event) {
        worker_stamp_at(w, event, kernel_release(), tsc_now());
}

void worker_stamp_all(Worker *w, json_object *frame) {
        json_object *stamps;

        if (!json_object_object_get_ex(frame, "stamps", &stamps) || !json_object_is_type(stamps, json_type_array))
                return;
        for (size_t i = 0; i < json_object_array_length(stamps); i++) {
                const char *event, *kernel;
                uint64_t tsc;

                if (ledger_parse(json_object_array_get_idx(stamps, i), &event, &kernel, &tsc) >= 0)
                        worker_stamp_at(w, event, kernel, tsc);
        }
}

void worker_progress(Worker *w, unsigned percent, const char *format, ...) {
        json_object *o = new_frame("progress");
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        json_object_object_add(o, "percent", json_object_new_int((int) percent));
        json_object_object_add(o, "text", json_object_new_string(strempty(text)));
        worker_send(w, o);
}

int worker_device(Worker *w, EngineError *e) {
        if (w->device_fd < 0)
                w->device_fd = w->backend->twin->open();
        if (w->device_fd < 0)
                return engine_error_set(e, w->device_fd, "NotSupported", "Cannot open /dev/twin: %m");
        return w->device_fd;
}

int worker_info(Worker *w, struct twin_info *ret, EngineError *e) {
        int fd, r;

        fd = worker_device(w, e);
        if (fd < 0)
                return fd;
        r = w->backend->twin->info(fd, ret);
        return r < 0 ? engine_error_set(e, r, "Failed", "Cannot ask /dev/twin: %m") : 0;
}

/* Only "cancel" may come while a step runs. */
static void read_core(Worker *w) {
        for (;;) {
                _cleanup_json_ json_object *frame = NULL;
                int r;

                r = frame_reader_next(w->core, &frame);
                if (r < 0)
                        w->disconnected = true;
                if (r <= 0)
                        return;
                if (streq_ptr(frame_get_string(frame, "do"), "cancel"))
                        w->cancelled = true;
        }
}

int worker_check_cancel(Worker *w, EngineError *e) {
        if (!w->disconnected)
                read_core(w);
        if (w->disconnected)
                return engine_error_set(e, -ECANCELED, "Cancelled", "tkd has gone");
        if (w->cancelled)
                return engine_error_set(e, -ECANCELED, "Cancelled", "The upgrade was cancelled");
        return 0;
}

static int twin_died(Worker *w, uint32_t state, EngineError *e) {
        _cleanup_free_ char *text = NULL;

        twin_log_settle(w->backend->twin, w->device_fd);
        text = twin_obituary(w->backend->twin, w->device_fd, state);
        return engine_error_set(e, -EHOSTDOWN, "TwinFailed", "%s", strempty(text));
}

/* 0: nothing of note, 1: committed, -EHOSTDOWN: dead. */
static int look_at_twin(Worker *w, EngineError *e) {
        struct twin_event event;
        struct twin_info info;
        int r;

        if (w->device_fd < 0)
                return 0;
        while (w->backend->twin->read_event(w->device_fd, &event) >= 0)
                log_debug("Event 0x%" PRIx32 " of the twin", (uint32_t) event.type);
        r = worker_info(w, &info, e);
        if (r < 0)
                return r;
        if (info.commit == TWIN_COMMIT_TWIN)
                return 1;
        return twin_state_is_dead(info.state) ? twin_died(w, info.state, e) : 0;
}

/* As worker_wait(), and -ETIMEDOUT without a word at the deadline. */
static int wait_until(Worker *w, int fd, uint64_t deadline, EngineError *e) {
        for (;;) {
                struct pollfd p[] = {
                        { .fd = fd, .events = POLLIN },
                        { .fd = w->core_fd, .events = POLLIN },
                        { .fd = w->device_fd, .events = POLLIN },
                };
                uint64_t now = monotonic_usec();
                int r;

                r = worker_check_cancel(w, e);
                if (r == 0)
                        r = look_at_twin(w, e);
                if (r != 0)
                        return r;
                if (now >= deadline)
                        return -ETIMEDOUT;
                r = poll(p, ELEMENTSOF(p), (int) MIN((deadline - now) / USEC_PER_MSEC + 1, (uint64_t) INT_MAX));
                if (r < 0 && errno != EINTR)
                        return engine_error_set(e, -errno, "Failed", "poll: %m");
                if (r > 0 && p[0].revents)
                        return 0;
        }
}

int worker_wait(Worker *w, int fd, uint64_t deadline, const char *what, EngineError *e) {
        int r;

        r = wait_until(w, fd, deadline, e);
        return r == -ETIMEDOUT ? engine_error_set(e, r, "TimedOut", "%s in time", what) : r;
}

int worker_pause(Worker *w, uint64_t usec, EngineError *e) {
        int r;

        r = wait_until(w, -EBADF, monotonic_usec() + usec, e);
        return r == -ETIMEDOUT ? 0 : r;
}

int worker_ask(Worker *w, const char *type, json_object *body, EngineError *e) {
        _cleanup_json_ json_object *frame = body ?: json_object_new_object();
        int r;

        json_object_object_add(frame, "type", json_object_new_string(type));
        r = w->channel_fd < 0 ? -ENOTCONN : frame_write(w->channel_fd, frame, CHANNEL_TIMEOUT_USEC);
        if (r < 0)
                return engine_error_set(e, r, "TwinFailed", "Cannot send to the twin: %m");
        return 0;
}

/* One frame of the twin: 1 when it is the awaited one, 0 when it only tells something. */
static int handle_answer(Worker *w, json_object *frame, const char *type, const char *error_name, EngineError *e) {
        const char *got = strempty(frame_get_string(frame, "type"));
        json_object *percent;

        worker_stamp_all(w, frame);
        if (streq(got, "failed"))
                return engine_error_set(e, -EREMOTEIO, error_name, "In the twin: %s",
                                        strempty(frame_get_string(frame, "message")));
        if (streq(got, "progress") && json_object_object_get_ex(frame, "percent", &percent))
                worker_progress(w, (unsigned) json_object_get_int(percent), "%s",
                                strempty(frame_get_string(frame, "text")));
        return streq(got, type);
}

int worker_answer(Worker *w, const char *type, uint64_t timeout_usec, const char *error_name, EngineError *e) {
        uint64_t deadline = monotonic_usec() + timeout_usec;

        for (;;) {
                _cleanup_json_ json_object *frame = NULL;
                int r;

                r = frame_reader_next(w->channel, &frame);
                if (r < 0) {
                        /* a dying twin also cuts the channel; say why if it is known by now */
                        int k = look_at_twin(w, e);

                        if (k != 0)
                                return k;
                        return engine_error_set(e, r, "TwinFailed", "Lost the connection to the twin: %m");
                }
                if (r > 0) {
                        r = handle_answer(w, frame, type, error_name, e);
                        if (r != 0)
                                return r < 0 ? r : 0;
                        continue;
                }
                r = worker_wait(w, w->channel_fd, deadline, "The twin did not answer", e);
                if (r != 0)
                        return r;
        }
}

static void send_done(Worker *w, const char *step) {
        json_object *o = new_frame("done");

        json_object_object_add(o, "step", json_object_new_string(step));
        worker_send(w, o);
}

static void send_error(Worker *w, const char *step, int r, const EngineError *e) {
        json_object *o = new_frame("error");

        json_object_object_add(o, "step", json_object_new_string(step));
        json_object_object_add(o, "name", json_object_new_string(e->name ?: "Failed"));
        json_object_object_add(o, "message", json_object_new_string(e->message ?: strerror(-r)));
        worker_send(w, o);
}

static void take_job(Worker *w, json_object *frame) {
        json_object *job;

        if (!json_object_object_get_ex(frame, "job", &job) || !json_object_is_type(job, json_type_object))
                return;
        json_object_put(w->job);
        w->job = json_object_get(job);
}

static void run_step(Worker *w, const Step *step) {
        _cleanup_error_ EngineError e = {};
        int r;

        w->cancelled = false;
        worker_stamp(w, step->begin);
        r = step->run(w, &e);
        if (r < 0) {
                send_error(w, step->name, r, &e);
                return;
        }
        worker_stamp(w, step->end);
        if (streq(step->name, "commit"))
                worker_send(w, new_frame("committed"));
        send_done(w, step->name);
}

static void undo_step(Worker *w, const Step *step) {
        _cleanup_error_ EngineError e = {};
        int r;

        w->cancelled = false;
        r = step->undo ? step->undo(w, &e) : 0;
        if (r == -EALREADY)
                worker_send(w, new_frame("committed"));
        else if (r < 0)
                send_error(w, step->name, r, &e);
        else
                send_done(w, step->name);
}

static void handle_order(Worker *w, json_object *frame) {
        const char *order = strempty(frame_get_string(frame, "do"));
        const Step *step = step_by_name(frame_get_string(frame, "step"));

        take_job(w, frame);
        if (step && streq(order, "run"))
                run_step(w, step);
        else if (step && streq(order, "undo"))
                undo_step(w, step);
        else if (!streq(order, "cancel"))
                log_warning("Ignoring the order \"%s\"", order);
}

static int worker_loop(Worker *w) {
        while (!w->disconnected) {
                struct pollfd p = { .fd = w->core_fd, .events = POLLIN };
                _cleanup_json_ json_object *frame = NULL;
                int r;

                r = frame_reader_next(w->core, &frame);
                if (r == -ECONNRESET)
                        return 0;
                if (r < 0)
                        return r;
                if (r > 0)
                        handle_order(w, frame);
                else if (poll(&p, 1, -1) < 0 && errno != EINTR)
                        return -errno;
        }
        return 0;
}

static void worker_clear(Worker *w) {
        for (size_t i = 0; w->states && i < w->plan->n_units; i++)
                unit_state_clear(&w->states[i]);
        free(w->states);
        frame_reader_free(w->core);
        frame_reader_free(w->channel);
        json_object_put(w->job);
        hello_clear(&w->twin);
        safe_close(w->device_fd);
        safe_close(w->channel_fd);
}

int engine_worker_main(int fd, const EnginePlan *plan, const EngineBackend *backend) {
        _cleanup_(worker_clear) Worker w = {
                .plan = plan,
                .backend = backend,
                .core_fd = fd,
                .device_fd = -EBADF,
                .channel_fd = -EBADF,
                .job = json_object_new_object(),
                .states = calloc(plan->n_units ?: 1, sizeof(UnitState)),
        };
        int r;

        if (!w.job || !w.states) {
                log_oom();
                return EXIT_FAILURE;
        }
        r = frame_reader_new(fd, &w.core);
        if (r >= 0)
                r = worker_loop(&w);
        if (r < 0) {
                log_error_errno(r, "Cannot go on as a worker: %m");
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
