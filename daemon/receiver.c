/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Receiver: the receiving side as the core of `tkd --twin` sees it. It keeps one
 * worker process (reception.c) running until the machine is taken over, and
 * turns the worker's frames into callbacks.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "frame.h"
#include "log.h"
#include "reception.h"

#define RESTART_USEC            USEC_PER_SEC

struct Receiver {
        sd_event *event;
        const EngineBackend *backend;
        char *tkd_version;
        ReceiverCallbacks callbacks;
        void *userdata;
        pid_t pid;                      /* of the worker, 0 when none runs */
        int fd;                         /* to the worker */
        FrameReader *reader;
        sd_event_source *io;
        sd_event_source *child;
        sd_event_source *restart;
        bool done;
};

DEFINE_CLEANUP(Receiver *, receiver_free)

static int start_worker(Receiver *r);

static json_object *job_of(json_object *frame) {
        json_object *job;

        return json_object_object_get_ex(frame, "job", &job) ? job : NULL;
}

static unsigned percent_of(json_object *frame) {
        json_object *percent;

        return json_object_object_get_ex(frame, "percent", &percent) ? (unsigned) json_object_get_int(percent) : 0;
}

static void dispatch_frame(Receiver *r, json_object *frame) {
        const char *type = strempty(frame_get_string(frame, "type"));
        const ReceiverCallbacks *cb = &r->callbacks;

        if (streq(type, "hello") && cb->hello)
                cb->hello(strempty(frame_get_string(frame, "kernel")), strempty(frame_get_string(frame, "tkd")),
                          r->userdata);
        else if (streq(type, "progress") && cb->progress)
                cb->progress(percent_of(frame), strempty(frame_get_string(frame, "text")), r->userdata);
        else if (streq(type, "committed") && cb->committed)
                cb->committed(job_of(frame), r->userdata);
        else if (streq(type, "failed") && cb->failed)
                cb->failed(strempty(frame_get_string(frame, "name")), strempty(frame_get_string(frame, "message")),
                           r->userdata);
        else if (streq(type, "done")) {
                r->done = true;
                if (cb->done)
                        cb->done(job_of(frame), r->userdata);
        }
}

/* A callback may free the receiver only in done(), after which no more frames come. */
static int on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Receiver *r = userdata;

        for (;;) {
                _cleanup_json_ json_object *frame = NULL;
                bool last;
                int k;

                k = frame_reader_next(r->reader, &frame);
                if (k == 0)
                        return 0;
                if (k < 0) {
                        sd_event_source_set_enabled(s, SD_EVENT_OFF);
                        return 0;
                }
                last = streq_ptr(frame_get_string(frame, "type"), "done");
                dispatch_frame(r, frame);
                if (last)
                        return 0;
        }
}

static void forget_worker(Receiver *r) {
        r->io = sd_event_source_disable_unref(r->io);
        r->child = sd_event_source_disable_unref(r->child);
        r->reader = frame_reader_free(r->reader);
        r->fd = safe_close(r->fd);
        r->pid = 0;
}

static int on_restart(sd_event_source *s, uint64_t usec, void *userdata) {
        Receiver *r = userdata;
        int k;

        r->restart = sd_event_source_disable_unref(r->restart);
        k = start_worker(r);
        if (k < 0)
                log_error_errno(k, "Cannot start the receiving worker again: %m");
        return 0;
}

static int on_child(sd_event_source *s, const siginfo_t *si, void *userdata) {
        Receiver *r = userdata;

        forget_worker(r);
        if (r->done)
                return 0;
        log_warning("The receiving worker ended (%s %d), starting another",
                    si->si_code == CLD_EXITED ? "status" : "signal", si->si_status);
        return sd_event_add_time_relative(r->event, &r->restart, CLOCK_MONOTONIC, RESTART_USEC, 0, on_restart, r);
}

static void run_child(Receiver *r, int fd) {
        sigset_t none;

        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        _exit(reception_main(fd, r->backend, r->tkd_version));
}

static int watch_worker(Receiver *r) {
        int k;

        k = frame_reader_new(r->fd, &r->reader);
        if (k >= 0)
                k = sd_event_add_io(r->event, &r->io, r->fd, EPOLLIN, on_io, r);
        if (k >= 0)
                k = sd_event_add_child(r->event, &r->child, r->pid, WEXITED, on_child, r);
        if (k >= 0)
                k = sd_event_source_set_priority(r->io, SD_EVENT_PRIORITY_IMPORTANT);
        return k;
}

static int start_worker(Receiver *r) {
        int fds[2], k;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        r->pid = fork();
        if (r->pid == 0) {
                close(fds[0]);
                run_child(r, fds[1]);
        }
        if (r->pid > 0)
                setpgid(r->pid, r->pid);
        close(fds[1]);
        r->fd = fds[0];
        k = r->pid < 0 ? -errno : watch_worker(r);
        if (k < 0) {
                if (r->pid > 0)
                        kill(r->pid, SIGKILL);
                forget_worker(r);
        }
        return k;
}

int receiver_start(sd_event *event, const EngineBackend *backend, const char *tkd_version,
                   const ReceiverCallbacks *callbacks, void *userdata, Receiver **ret) {
        _cleanup_(receiver_freep) Receiver *r = calloc(1, sizeof(*r));
        int k;

        if (!r)
                return -ENOMEM;
        r->event = sd_event_ref(event);
        r->backend = backend;
        r->callbacks = *callbacks;
        r->userdata = userdata;
        r->fd = -EBADF;
        r->tkd_version = strdup(tkd_version);
        k = r->tkd_version ? start_worker(r) : -ENOMEM;
        if (k < 0)
                return k;
        *ret = TAKE_PTR(r);
        return 0;
}

void receiver_forget(void) {
        unlink(RECEPTION_STATE);
}

Receiver *receiver_free(Receiver *r) {
        if (!r)
                return NULL;
        if (r->pid > 0)
                kill(-r->pid, SIGKILL);
        forget_worker(r);
        sd_event_source_disable_unref(r->restart);
        sd_event_unref(r->event);
        free(r->tkd_version);
        free(r);
        return NULL;
}
