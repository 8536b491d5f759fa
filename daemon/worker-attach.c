/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a worker comes to talk with the tkd of the twin: that one listens from its
 * start on, whether it was booted a moment or a week ago.
 */
#include <poll.h>

#include "channel.h"
#include "worker.h"

#define HELLO_TIMEOUT_USEC      (10 * USEC_PER_SEC)
#define CONNECT_USEC            USEC_PER_SEC
#define RETRY_USEC              (50 * USEC_PER_MSEC)

static int read_hello(Worker *w, EngineError *e) {
        uint64_t deadline = monotonic_usec() + HELLO_TIMEOUT_USEC;

        for (;;) {
                _cleanup_json_ json_object *frame = NULL;
                int r;

                r = frame_reader_next(w->channel, &frame);
                if (r < 0)
                        return engine_error_set(e, r, "TwinFailed", "Cannot read the hello of the twin: %m");
                if (r > 0)
                        return channel_check_hello(frame, &w->twin, e);
                r = worker_wait(w, w->channel_fd, deadline, "The twin did not say hello", e);
                if (r != 0)
                        return r < 0 ? r : -EPROTO;
        }
}

/* The twin cannot answer before its heart beats. */
static bool twin_lives(Worker *w) {
        struct twin_info info;

        return worker_info(w, &info, NULL) >= 0 && info.state == TWIN_STATE_ALIVE;
}

/* One attempt; a negative errno means that there is nobody yet. */
static int try_connect(Worker *w) {
        _cleanup_close_ int fd = -EBADF;
        struct pollfd p;
        int r;

        if (!twin_lives(w))
                return -EAGAIN;
        fd = w->backend->channel->connect(ENGINE_PORT);
        if (fd < 0)
                return fd;
        p = (struct pollfd) { .fd = fd, .events = POLLOUT };
        if (poll(&p, 1, CONNECT_USEC / USEC_PER_MSEC) <= 0)
                return -ETIMEDOUT;
        r = channel_connect_result(fd);
        return r < 0 ? r : TAKE_FD(fd);
}

static int connect_twin(Worker *w, uint64_t deadline, EngineError *e) {
        for (;;) {
                uint64_t now;
                int r;

                r = try_connect(w);
                if (r >= 0) {
                        safe_close(w->channel_fd);
                        w->channel_fd = r;
                        return 0;
                }
                now = monotonic_usec();
                if (now >= deadline)
                        return engine_error_set(e, -ETIMEDOUT, "TimedOut", "The tkd of the twin does not answer: %s",
                                                strerror(-r));
                r = worker_pause(w, RETRY_USEC, e);
                if (r != 0)
                        return r < 0 ? r : -EPROTO;
        }
}

int worker_attach(Worker *w, uint64_t timeout_usec, EngineError *e) {
        uint64_t now = monotonic_usec();
        int r;

        r = connect_twin(w, timeout_usec < USEC_NEVER - now ? now + timeout_usec : USEC_NEVER, e);
        if (r < 0)
                return r;
        w->channel = frame_reader_free(w->channel);
        r = frame_reader_new(w->channel_fd, &w->channel);
        if (r >= 0)
                r = channel_say_hello(w->channel_fd, w->plan->tkd_version, HELLO_TIMEOUT_USEC);
        return r < 0 ? r : read_hello(w, e);
}
