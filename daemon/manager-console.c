/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * OpenConsole(): connects to where the twin takes logins and hands the
 * connection to the caller; nothing of the login passes through the daemon.
 */
#include <sys/epoll.h>

#include "channel.h"
#include "log.h"
#include "manager.h"
#include "polkit.h"
#include "protocol.h"
#include "twin-device.h"

/* A call whose connection is being made. The kernel ends the attempt after two seconds. */
typedef struct Opening {
        sd_bus_message *call;
        int fd;
} Opening;

static void opening_free(void *p) {
        Opening *o = p;

        sd_bus_message_unref(o->call);
        safe_close(o->fd);
        free(o);
}

static int answer(const Opening *o, sd_bus_error *error) {
        int r = channel_connect_result(o->fd);

        if (r < 0)
                return sd_bus_error_setf(error, TKD_ERROR_TWIN_FAILED, "The twin takes no logins: %s", strerror(-r));
        return sd_bus_reply_method_return(o->call, "h", o->fd);
}

static int on_connected(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Opening *o = userdata;
        int r;

        r = answer(o, &error);
        if (r < 0)
                sd_bus_reply_method_errno(o->call, r, &error);
        sd_event_source_set_floating(s, 0);     /* which frees both */
        return 0;
}

/* The event source owns the opening. */
static int await_connection(Manager *m, Opening *o) {
        sd_event_source *s;
        int r;

        r = sd_event_add_io(m->event, &s, o->fd, EPOLLOUT, on_connected, o);
        if (r < 0) {
                opening_free(o);
                return r;
        }
        sd_event_source_set_destroy_callback(s, opening_free);
        sd_event_source_set_floating(s, 1);
        sd_event_source_unref(s);
        return 1;
}

static int open_authorized(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;
        Opening *o;
        int fd;

        twin_watch_refresh(&m->twin);
        if (m->twin.fd < 0 || m->twin.info.state == TWIN_STATE_NONE)
                return sd_bus_error_set(error, TKD_ERROR_NO_TWIN, "There is no twin");
        if (m->twin.info.state != TWIN_STATE_ALIVE)
                return sd_bus_error_setf(error, TKD_ERROR_TWIN_FAILED, "The twin takes no logins: its state is \"%s\"",
                                         twin_state_to_string(m->twin.info.state));
        fd = m->backend->channel->connect(CONSOLE_PORT);
        if (fd < 0)
                return sd_bus_error_setf(error, TKD_ERROR_TWIN_FAILED, "The twin takes no logins: %s", strerror(-fd));
        o = malloc(sizeof(Opening));
        if (!o) {
                safe_close(fd);
                return -ENOMEM;
        }
        *o = (Opening) { .call = sd_bus_message_ref(call), .fd = fd };
        return await_connection(m, o);
}

int manager_method_open_console(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return polkit_authorize(call, TKD_ACTION_CONSOLE, open_authorized, userdata, error);
}
