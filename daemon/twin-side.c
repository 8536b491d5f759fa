/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TwinSide: see twin-side.h.
 */
#include <systemd/sd-daemon.h>

#include "log.h"
#include "manager.h"
#include "twin-side.h"

#define CONNECT_RETRY_USEC USEC_PER_SEC

struct TwinSide {
        sd_event *event;
        const EngineBackend *backend;
        Receiver *receiver;
        Manager *manager;               /* once the machine is ours */
        json_object *job;               /* that is waiting for the manager */
        sd_event_source *become;
};

static int on_become(sd_event_source *s, uint64_t usec, void *userdata);

static void become_later(TwinSide *t, uint64_t usec) {
        int r;

        sd_event_source_disable_unref(t->become);
        t->become = NULL;
        r = sd_event_add_time_relative(t->event, &t->become, CLOCK_MONOTONIC, usec, 0, on_become, t);
        if (r < 0)
                log_error_errno(r, "Cannot set a timer: %m");
}

static int become(TwinSide *t) {
        int r;

        if (!t->manager) {
                r = manager_new(t->event, t->backend, &t->manager);
                if (r < 0)
                        return r;
        }
        if (t->job) {
                r = manager_import(t->manager, t->job);
                if (r < 0)
                        log_error_errno(r, "The job that brought this kernel here is lost: %m");
                json_object_put(TAKE_PTR(t->job));
                receiver_forget();
        }
        r = manager_connect(t->manager);
        if (r >= 0)
                r = manager_resume(t->manager);
        if (r < 0)
                return r;
        sd_notify(false, "STATUS=Idle; this kernel owns the machine");
        return 0;
}

/* The bus may not be there yet; the machine goes on without it meanwhile. */
static int on_become(sd_event_source *s, uint64_t usec, void *userdata) {
        TwinSide *t = userdata;

        t->receiver = receiver_free(t->receiver);
        if (become(t) < 0) {
                t->manager = manager_free(t->manager);
                become_later(t, CONNECT_RETRY_USEC);
        }
        return 0;
}

static void on_hello(const char *old_kernel, const char *old_tkd, void *userdata) {
        log_info("Connected to tkd %s in the old kernel %s", old_tkd, old_kernel);
        sd_notifyf(false, "STATUS=Twin of %s, waiting for the applications", old_kernel);
}

static void on_progress(unsigned percent, const char *text, void *userdata) {
        log_info("%s", text);
        sd_notifyf(false, "STATUS=%s", text);
}

static void on_committed(json_object *job, void *userdata) {
        log_notice("Committed: the applications run in this kernel now");
}

static void on_done(json_object *job, void *userdata) {
        TwinSide *t = userdata;

        log_notice("This kernel owns the machine now");
        t->job = json_object_get(job);
        become_later(t, 0);
}

static void on_failed(const char *name, const char *message, void *userdata) {
        log_error("%s: %s", name, message);
}

static const ReceiverCallbacks callbacks = {
        .hello = on_hello,
        .progress = on_progress,
        .committed = on_committed,
        .done = on_done,
        .failed = on_failed,
};

int twin_side_new(sd_event *event, const EngineBackend *backend, TwinSide **ret) {
        _cleanup_(twin_side_freep) TwinSide *t = calloc(1, sizeof(TwinSide));
        int r;

        if (!t)
                return log_oom();
        t->event = sd_event_ref(event);
        t->backend = backend;
        r = receiver_start(event, backend, TKD_VERSION, &callbacks, t, &t->receiver);
        if (r < 0)
                return log_error_errno(r, "Cannot start to receive: %m");
        sd_notify(false, "STATUS=Twin, waiting for the old kernel");
        *ret = TAKE_PTR(t);
        return 0;
}

TwinSide *twin_side_free(TwinSide *t) {
        if (!t)
                return NULL;
        receiver_free(t->receiver);
        manager_free(t->manager);
        json_object_put(t->job);
        sd_event_source_disable_unref(t->become);
        sd_event_unref(t->event);
        free(t);
        return NULL;
}

void twin_side_stop(TwinSide *t) {
        if (t->manager)
                manager_stop(t->manager);
        else
                sd_event_exit(t->event, 0);
}
