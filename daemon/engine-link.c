/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's end of a worker: see engine-link.h.
 */
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "engine-link.h"
#include "frame.h"
#include "log.h"
#include "signals.h"

#define SEND_USEC (500 * USEC_PER_MSEC)

struct EngineLink {
        unsigned n_ref;                 /* the owner, and each handler that runs */
        bool closed;                    /* by the owner */
        pid_t pid;                      /* 0: it is gone */
        int fd;
        FrameReader *reader;
        sd_event_source *io;
        sd_event_source *child;
        const EngineLinkCallbacks *callbacks;
        void *userdata;
};

static void unref(EngineLink *l) {
        if (--l->n_ref == 0)
                free(l);
}

static EngineLink *ref(EngineLink *l) {
        l->n_ref++;
        return l;
}

DEFINE_CLEANUP(EngineLink *, unref)
#define _cleanup_unref_ _unused_ _cleanup_(unrefp)

EngineLink *engine_link_free(EngineLink *l) {
        if (!l)
                return NULL;
        l->closed = true;
        if (l->pid > 0) {
                engine_link_kill(l);
                waitpid(l->pid, NULL, 0);
        }
        sd_event_source_disable_unref(l->io);
        sd_event_source_disable_unref(l->child);
        frame_reader_free(l->reader);
        safe_close(l->fd);
        unref(l);
        return NULL;
}

DEFINE_CLEANUP(EngineLink *, engine_link_free)

void engine_link_kill(EngineLink *l) {
        if (l->pid > 0 && kill(-l->pid, SIGKILL) < 0)
                kill(l->pid, SIGKILL);
}

int engine_link_send(EngineLink *l, const char *what, const char *step, json_object *job) {
        _cleanup_json_ json_object *o = json_object_new_object();

        if (!o) {
                json_object_put(job);
                return -ENOMEM;
        }
        json_object_object_add(o, "do", json_object_new_string(what));
        if (step)
                json_object_object_add(o, "step", json_object_new_string(step));
        if (job)
                json_object_object_add(o, "job", job);
        return frame_write(l->fd, o, SEND_USEC);
}

/* Delivers all frames that are there. Returns a negative errno when no more can come. */
static int deliver(EngineLink *l) {
        while (!l->closed) {
                _cleanup_json_ json_object *frame = NULL;
                int r;

                r = frame_reader_next(l->reader, &frame);
                if (r <= 0)
                        return r;
                l->callbacks->frame(frame, l->userdata);
        }
        return 0;
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        _cleanup_unref_ EngineLink *l = ref(userdata);
        int r;

        r = deliver(l);
        if (r == 0)
                return 0;
        if (r != -ECONNRESET)
                log_error_errno(r, "The worker does not speak in frames: %m");
        sd_event_source_set_enabled(s, SD_EVENT_OFF);
        engine_link_kill(l);
        return 0;
}

static int on_child(sd_event_source *s, const siginfo_t *si, void *userdata) {
        _cleanup_unref_ EngineLink *l = ref(userdata);
        char how[64];

        l->pid = 0;
        if (si->si_code == CLD_EXITED)
                snprintf(how, sizeof(how), "exited with status %d", si->si_status);
        else
                snprintf(how, sizeof(how), "was killed by SIG%s", sigabbrev_np(si->si_status));
        if (sd_event_source_get_enabled(l->io, NULL) > 0) {
                sd_event_source_set_enabled(l->io, SD_EVENT_OFF);
                (void) deliver(l);
        }
        if (!l->closed)
                l->callbacks->died(how, l->userdata);
        return 0;
}

/* The child: only its socket and the standard descriptors stay open. */
static void run_worker(int fd, pid_t parent, const EnginePlan *plan, const EngineBackend *backend) {
        setpgid(0, 0);
        reset_signals();
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        prctl(PR_SET_NAME, "tkd-worker");
        fd = dup2(fd, STDERR_FILENO + 1);
        if (fd < 0 || close_range((unsigned) fd + 1, ~0U, 0) < 0)
                _exit(EXIT_FAILURE);
        _exit(engine_worker_main(fd, plan, backend));
}

static int watch(EngineLink *l, sd_event *event) {
        _cleanup_close_ int pidfd = pidfd_open(l->pid, 0);
        int r;

        if (pidfd < 0)
                return -errno;
        r = sd_event_add_child_pidfd(event, &l->child, pidfd, WEXITED, on_child, l);
        if (r < 0)
                return r;
        TAKE_FD(pidfd);
        r = sd_event_source_set_child_pidfd_own(l->child, 1);
        if (r < 0)
                return r;
        r = sd_event_add_io(event, &l->io, l->fd, EPOLLIN, on_io, l);
        if (r < 0)
                return r;
        return frame_reader_new(l->fd, &l->reader);
}

int engine_link_start(sd_event *event, const EnginePlan *plan, const EngineBackend *backend,
                      const EngineLinkCallbacks *callbacks, void *userdata, EngineLink **ret) {
        _cleanup_(engine_link_freep) EngineLink *l = NULL;
        pid_t parent = getpid();
        int pair[2], r;

        l = calloc(1, sizeof(EngineLink));
        if (!l)
                return -ENOMEM;
        l->n_ref = 1;
        l->fd = -EBADF;
        l->callbacks = callbacks;
        l->userdata = userdata;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        l->fd = pair[0];
        l->pid = fork();
        if (l->pid == 0)
                run_worker(pair[1], parent, plan, backend);
        r = -errno;
        safe_close(pair[1]);
        if (l->pid < 0)
                return r;
        setpgid(l->pid, l->pid);
        r = watch(l, event);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}
