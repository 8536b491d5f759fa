/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steps with no way back: the commit, which the twin does, and the end of
 * this kernel.
 */
#include <poll.h>

#include "log.h"
#include "twin-device.h"
#include "worker.h"

#define STAMPS_TIMEOUT_USEC     (2 * USEC_PER_SEC)
#define FAREWELL_TIMEOUT_USEC   USEC_PER_SEC

static json_object *job_body(Worker *w) {
        json_object *o = json_object_new_object();

        json_object_object_add(o, "job", json_object_get(w->job));
        return o;
}

/* Waits for a frame that is good to have and no condition for anything. */
static void await_frame(Worker *w, const char *type, uint64_t timeout_usec) {
        uint64_t deadline = monotonic_usec() + timeout_usec;

        for (uint64_t now = monotonic_usec(); now < deadline; now = monotonic_usec()) {
                struct pollfd p = { .fd = w->channel_fd, .events = POLLIN };
                _cleanup_json_ json_object *frame = NULL;
                int r;

                r = frame_reader_next(w->channel, &frame);
                if (r < 0)
                        return;
                if (r > 0) {
                        worker_stamp_all(w, frame);
                        if (streq_ptr(frame_get_string(frame, "type"), type))
                                return;
                        continue;
                }
                poll(&p, 1, (int) ((deadline - now) / USEC_PER_MSEC + 1));
        }
}

/* No answer, or a bad one: whoever turns the word first has decided. */
static int decide(Worker *w, int r, EngineError *e) {
        int k;

        k = w->backend->twin->abort(w->device_fd);
        if (k == -EALREADY) {
                log_notice("The twin has committed, though it did not say so: %s", strempty(e->message));
                engine_error_clear(e);
                return 0;
        }
        if (k < 0)
                return engine_error_set(e, k, "Failed", "Cannot take the commit back: %m");
        return r;
}

int step_commit(Worker *w, EngineError *e) {
        int r;

        r = worker_device(w, e);
        if (r >= 0)
                r = worker_check_cancel(w, e);
        if (r < 0)
                return r;
        worker_progress(w, 0, "Committing");
        r = worker_ask(w, "commit", job_body(w), e);
        if (r >= 0)
                r = worker_answer(w, "committed", w->plan->commit_timeout_usec, "TwinFailed", e);
        if (r < 0)
                return decide(w, r, e);
        if (r > 0)      /* the word says so already; the answer brings the stamps */
                await_frame(w, "committed", STAMPS_TIMEOUT_USEC);
        return 0;
}

/* Parking stops the channel at once, so the twin must have the ledger before. */
static void say_farewell(Worker *w) {
        if (worker_ask(w, "parking", job_body(w), NULL) < 0)
                log_warning("The twin does not hear that this kernel parks; it will see it");
        else
                await_frame(w, "farewell", FAREWELL_TIMEOUT_USEC);
}

/*
 * Applications run in the twin already, so nothing here may stop the way forward: a disk that
 * cannot be frozen has at least been synced.
 */
int step_offline(Worker *w, EngineError *e) {
        _cleanup_free_ char *text = NULL;
        json_object *o;
        int fd, r;

        fd = worker_device(w, e);
        if (fd < 0)
                return fd;
        worker_progress(w, 0, "Parking this kernel");
        r = w->backend->machine->freeze_disks(&text);
        if (r < 0)
                log_warning("Parking with disks not frozen: %s", text ?: strerror(-r));

        worker_stamp(w, "park");
        say_farewell(w);
        o = json_object_new_object();
        json_object_object_add(o, "type", json_object_new_string("parking"));
        worker_send(w, o);

        r = w->backend->twin->park(fd);
        w->backend->machine->thaw_disks();
        return engine_error_set(e, r, "Failed", "Cannot park this kernel: %m");
}
