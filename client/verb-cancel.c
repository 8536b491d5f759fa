/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl cancel: cancel the running upgrade, and wait until it is rolled back unless told otherwise. */

#include "bus.h"
#include "fault.h"
#include "follow.h"
#include "job.h"

static int send_cancel(Context *c, uint64_t id) {
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_free_ char *path = job_path(id);
        int r;

        if (!path)
                return print_oom();
        r = bus_prepare(c, &call, path, TKD_JOB_INTERFACE, TKD_METHOD_JOB_CANCEL);
        if (r >= 0)
                r = bus_allow_password(c, call);
        if (r < 0)
                return fault_print_bus(c, NULL, r);
        return bus_send(c, call, &reply);
}

/* Here the cancelled job is the success, and the one that came through is not. */
static int wait_for_end(Context *c, uint64_t id) {
        int r;

        r = follow_watch(c, id);
        if (r == EXIT_CANCELLED)
                return EXIT_OK;
        return r == EXIT_OK ? EXIT_FAILED : r;
}

int verb_cancel(Context *c, int argc, char **argv) {
        _cleanup_job_ Job job = {};
        uint64_t id;
        int r;

        r = argc > 0 ? job_parse_id(argv[0], &id) : job_find_latest(c, true, &id);
        if (r != EXIT_OK)
                return r;
        r = job_load(c, id, &job);
        if (r != EXIT_OK)
                return r;
        r = send_cancel(c, id);
        if (r != EXIT_OK)
                return r;

        if (!c->no_wait)
                return wait_for_end(c, id);
        if (!c->json)
                printf("Asked tkd to cancel job %" PRIu64 ".\n", id);
        return EXIT_OK;
}
