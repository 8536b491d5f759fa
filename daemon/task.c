/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Task: see task.h.
 */
#include "engine-link.h"
#include "frame.h"
#include "log.h"
#include "protocol.h"
#include "task.h"

/* Longer than the worker itself waits for anything. */
#define TASK_USEC (100 * USEC_PER_SEC)

struct Task {
        EngineLink *link;
        sd_event_source *limit;
        TaskDoneFn done;
        void *userdata;
};

static void on_frame(json_object *frame, void *userdata) {
        const char *type = strempty(frame_get_string(frame, "type"));
        const char *name = frame_get_string(frame, "name");
        Task *t = userdata;
        char full[128];

        if (streq(type, "done")) {
                t->done(NULL, NULL, t->userdata);
                return;
        }
        if (!streq(type, "error"))
                return;
        snprintf(full, sizeof(full), TKD_ERROR("%s"), name ?: "Failed");
        t->done(full, strempty(frame_get_string(frame, "message")), t->userdata);
}

static void on_died(const char *how, void *userdata) {
        _cleanup_free_ char *text = NULL;
        Task *t = userdata;

        if (asprintf(&text, "The worker process %s", how) < 0)
                text = NULL;
        t->done(TKD_ERROR_FAILED, text ?: "The worker process died", t->userdata);
}

static const EngineLinkCallbacks callbacks = {
        .frame = on_frame,
        .died = on_died,
};

static int on_limit(sd_event_source *s, uint64_t usec, void *userdata) {
        Task *t = userdata;

        log_warning("A worker does not answer, killing it");
        engine_link_kill(t->link);
        return 0;
}

int task_start(sd_event *event, const EngineBackend *backend, const EnginePlan *plan, const char *order,
               TaskDoneFn done, void *userdata, Task **ret) {
        _cleanup_(task_freep) Task *t = calloc(1, sizeof(Task));
        int r;

        if (!t)
                return -ENOMEM;
        t->done = done;
        t->userdata = userdata;
        r = engine_link_start(event, plan, backend, &callbacks, t, &t->link);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &t->limit, CLOCK_MONOTONIC, TASK_USEC, 0, on_limit, t);
        if (r >= 0)
                r = engine_link_send(t->link, "run", order, NULL);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

Task *task_free(Task *t) {
        if (!t)
                return NULL;
        engine_link_free(t->link);
        sd_event_source_disable_unref(t->limit);
        free(t);
        return NULL;
}
