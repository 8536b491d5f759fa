/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TwinWatch: see twin-watch.h.
 */
#include <sys/epoll.h>

#include "log.h"
#include "protocol.h"
#include "twin-device.h"
#include "twin-watch.h"
#include "util.h"

/* Whether something differs that the bus shows; heartbeats do not count. */
static bool differs(const struct twin_info *a, const struct twin_info *b) {
        return a->state != b->state || a->flags != b->flags || a->mem_size != b->mem_size ||
                memcmp(a->cpus, b->cpus, sizeof(a->cpus)) != 0;
}

void twin_watch_refresh(TwinWatch *w) {
        struct twin_info info;
        bool news;

        if (w->fd < 0 || w->ops->info(w->fd, &info) < 0)
                return;
        news = differs(&info, &w->info);
        w->info = info;
        if (news)
                w->changed(w->userdata);
}

static int on_event(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        TwinWatch *w = userdata;
        struct twin_event e;
        int r;

        while ((r = w->ops->read_event(fd, &e)) >= 0)
                log_debug("twin: event %s", twin_state_to_string(e.type));
        if (r != -EAGAIN)
                sd_event_source_set_enabled(s, SD_EVENT_OFF);
        twin_watch_refresh(w);
        return 0;
}

int twin_watch_start(TwinWatch *w, sd_event *event, const TwinDeviceOps *ops,
                     void (*changed)(void *userdata), void *userdata) {
        *w = (TwinWatch) { .ops = ops, .fd = ops->open(), .changed = changed, .userdata = userdata };
        if (w->fd < 0) {
                log_notice("This kernel has no twin support: %s", strerror(-w->fd));
                return 0;
        }
        if (ops->info(w->fd, &w->info) < 0)
                log_warning("/dev/twin does not say how it is");
        return sd_event_add_io(event, &w->source, w->fd, EPOLLIN, on_event, w);
}

void twin_watch_done(TwinWatch *w) {
        sd_event_source_disable_unref(w->source);
        w->fd = safe_close(w->fd);
}

const char *twin_watch_state(const TwinWatch *w) {
        return w->fd < 0 ? TKD_TWIN_UNSUPPORTED : twin_state_to_string(w->info.state);
}
