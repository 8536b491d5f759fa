/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reception: connection and requests, see reception.h. What the requests do is
 * in restore.c and takeover.c.
 */
#include <poll.h>
#include <stdarg.h>
#include <time.h>

#include "channel.h"
#include "ledger.h"
#include "log.h"
#include "reception.h"

#define CONNECT_STEP_NSEC       (50 * 1000 * 1000L)
#define TIMEOUT_USEC            (10 * USEC_PER_SEC)

static json_object *with_type(json_object *o, const char *type) {
        if (!o)
                o = json_object_new_object();
        json_object_object_add(o, "type", json_object_new_string(type));
        return o;
}

void reception_tell(Reception *c, const char *type, json_object *o) {
        o = with_type(o, type);
        if (frame_write(c->core_fd, o, TIMEOUT_USEC) < 0)
                log_warning("Cannot reach the daemon that started this worker");
        json_object_put(o);
}

void reception_stamp(Reception *c, const char *event) {
        uint64_t tsc = tsc_now();

        ledger_add(c->stamps, event, kernel_release(), tsc);
        ledger_add(ledger_of_job(c->job), event, kernel_release(), tsc);
}

/* Sends a frame to the old kernel, with the stamps that it does not know. */
static int answer(Reception *c, const char *type, json_object *o) {
        _cleanup_json_ json_object *frame = with_type(o, type);
        int r;

        json_object_object_add(frame, "stamps", json_object_get(c->stamps));
        r = frame_write(c->channel_fd, frame, TIMEOUT_USEC);
        json_object_put(c->stamps);
        c->stamps = json_object_new_array();
        return r;
}

void reception_progress(Reception *c, unsigned percent, const char *format, ...) {
        json_object *o = json_object_new_object();
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        json_object_object_add(o, "percent", json_object_new_int((int) percent));
        json_object_object_add(o, "text", json_object_new_string(strempty(text)));
        reception_tell(c, "progress", json_object_get(o));
        answer(c, "progress", o);
}

static json_object *failure(int r, const EngineError *e) {
        json_object *o = json_object_new_object();

        json_object_object_add(o, "name", json_object_new_string(e->name ?: "Failed"));
        json_object_object_add(o, "message", json_object_new_string(e->message ?: strerror(-r)));
        return o;
}

typedef int (*RequestFunc)(Reception *c, json_object *frame, EngineError *e);

static const struct {
        const char *type;
        const char *answer;
        RequestFunc func;
} request_table[] = {
        { "prepare",    "prepared",     reception_prepare },
        { "restore",    "restored",     reception_restore },
        { "commit",     "committed",    reception_commit  },
        { "accept",     "accepted",     reception_accept  },
        { "return",     "returned",     reception_return  },
};

/* 1 after the commit, 0 to go on, or a negative errno when the connection is lost. */
static int handle_request(Reception *c, json_object *frame) {
        const char *type = strempty(frame_get_string(frame, "type"));

        for (size_t i = 0; i < ELEMENTSOF(request_table); i++) {
                _cleanup_error_ EngineError e = {};
                int r;

                if (!streq(request_table[i].type, type))
                        continue;
                r = request_table[i].func(c, frame, &e);
                if (r < 0) {
                        reception_tell(c, "failed", failure(r, &e));
                        return answer(c, "failed", failure(r, &e));
                }
                r = answer(c, request_table[i].answer, NULL);
                return streq(type, "commit") ? 1 : r;
        }
        log_warning("Ignoring the request \"%s\"", type);
        return 0;
}

/* Waits for the tkd of the old kernel, which may come and go. */
static int accept_old(Reception *c) {
        int r;

        if (c->listen_fd < 0)
                c->listen_fd = c->backend->channel->listen();
        if (c->listen_fd < 0)
                return c->listen_fd;
        for (;;) {
                c->channel_fd = c->backend->channel->accept(c->listen_fd);
                if (c->channel_fd >= 0)
                        return channel_say_hello(c->channel_fd, c->tkd_version, TIMEOUT_USEC);
                r = c->channel_fd;
                log_warning_errno(r, "Cannot accept a connection: %m");
                if (r != -EPERM && r != -ECONNABORTED && r != -EINTR)
                        return r;
        }
}

static int read_hello(Reception *c) {
        _cleanup_error_ EngineError e = {};
        _cleanup_json_ json_object *frame = NULL;
        json_object *o;
        Hello hello = {};
        int r;

        r = frame_read(c->channel_fd, TIMEOUT_USEC, &frame);
        if (r >= 0)
                r = channel_check_hello(frame, &hello, &e);
        if (r < 0) {
                reception_tell(c, "failed", failure(r, &e));
                return r;
        }
        o = json_object_new_object();
        json_object_object_add(o, "kernel", json_object_new_string(hello.kernel));
        json_object_object_add(o, "tkd", json_object_new_string(hello.tkd));
        reception_tell(c, "hello", o);
        hello_clear(&hello);
        return 0;
}

static int serve(Reception *c, FrameReader *reader) {
        for (;;) {
                struct pollfd p = { .fd = c->channel_fd, .events = POLLIN };
                _cleanup_json_ json_object *frame = NULL;
                int r;

                r = frame_reader_next(reader, &frame);
                if (r > 0) {
                        r = handle_request(c, frame);
                        if (r != 0)
                                return r;
                        continue;
                }
                if (r < 0)
                        return r;
                if (poll(&p, 1, -1) < 0 && errno != EINTR)
                        return -errno;
        }
}

/* One connection until its end. Returns 1 after the commit, then the machine is taken over. */
static int serve_connection(Reception *c) {
        _cleanup_(frame_reader_freep) FrameReader *reader = NULL;
        int r;

        r = accept_old(c);
        if (r >= 0)
                r = read_hello(c);
        if (r >= 0)
                r = frame_reader_new(c->channel_fd, &reader);
        if (r >= 0)
                r = serve(c, reader);
        if (r > 0)
                reception_forward(c, reader);
        return r;
}

/* Until something was prepared for the applications, the old tkd may leave and come again. */
static int receive(Reception *c) {
        for (;;) {
                _cleanup_error_ EngineError e = {};
                bool was_there;
                int r;

                r = serve_connection(c);
                if (r > 0)
                        return 0;
                was_there = c->channel_fd >= 0;
                c->channel_fd = safe_close(c->channel_fd);
                if (was_there && c->n_places == 0) {
                        log_info_errno(r, "The tkd of the old kernel has left: %m");
                        continue;
                }
                engine_error_set(&e, r, "TwinFailed", "Lost the old kernel: %m");
                reception_tell(c, "failed", failure(r, &e));
                return r;
        }
}

/* The commit word says it; in the owner of a machine that word is about the next twin. */
static bool is_committed(Reception *c) {
        struct twin_info info;

        return c->backend->twin->info(c->device_fd, &info) >= 0 &&
                (info.commit == TWIN_COMMIT_TWIN || (info.flags & TWIN_INFO_OWNS_MACHINE));
}

/* Goes on for a process that ended after the commit, or that had done all there was to do. */
static int go_forward(Reception *c) {
        int r;

        r = reception_load(c);
        if (r == -ENOENT) {
                reception_tell(c, "done", NULL);
                return 0;
        }
        if (r < 0)
                log_error_errno(r, "Cannot read %s: %m", RECEPTION_STATE);
        reception_forward(c, NULL);
        return 0;
}

void reception_clear(Reception *c) {
        for (size_t i = 0; i < c->n_places; i++) {
                free(c->places[i].name);
                unit_state_clear(&c->places[i].holder);
        }
        free(TAKE_PTR(c->places));
        free(TAKE_PTR(c->pids));
        free(TAKE_PTR(c->dir));
        c->n_places = c->n_pids = 0;
        json_object_put(TAKE_PTR(c->estate));
        json_object_put(TAKE_PTR(c->job));
        json_object_put(TAKE_PTR(c->stamps));
        c->device_fd = safe_close(c->device_fd);
        c->listen_fd = safe_close(c->listen_fd);
        c->channel_fd = safe_close(c->channel_fd);
}

int reception_main(int core_fd, const EngineBackend *backend, const char *tkd_version) {
        _cleanup_(reception_clear) Reception c = {
                .backend = backend,
                .tkd_version = tkd_version,
                .core_fd = core_fd,
                .device_fd = backend->twin->open(),
                .listen_fd = -EBADF,
                .channel_fd = -EBADF,
                .job = json_object_new_object(),
                .stamps = json_object_new_array(),
        };

        if (c.device_fd < 0) {
                log_error_errno(c.device_fd, "Cannot open /dev/twin: %m");
                return EXIT_FAILURE;
        }
        if (!c.job || !c.stamps) {
                log_oom();
                return EXIT_FAILURE;
        }
        return (is_committed(&c) ? go_forward(&c) : receive(&c)) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
