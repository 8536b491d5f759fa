/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl upgrade: start an upgrade, and follow it unless told otherwise. */

#include "bus.h"
#include "fault.h"
#include "follow.h"

static int prepare(Context *c, const char *version, sd_bus_message **ret) {
        _cleanup_message_ sd_bus_message *m = NULL;
        int r;

        r = bus_prepare(c, &m, TKD_PATH, TKD_MANAGER_INTERFACE, TKD_METHOD_UPGRADE);
        if (r < 0)
                return r;
        r = bus_allow_password(c, m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "s", version);
        if (r < 0)
                return r;
        r = bus_append_options(m, c);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(m);
        return 0;
}

static void print_json_started(uint64_t id, const char *path) {
        _cleanup_json_ json_object *o = json_object_new_object();

        json_object_object_add(o, "id", id > 0 ? json_object_new_uint64(id) : NULL);
        json_object_object_add(o, "job", id > 0 ? json_object_new_string(path) : NULL);
        print_json(o);
}

/* With --dry-run tkd answers with no job. */
static int start_only(Context *c, const char *version, sd_bus_message *call) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *path;
        uint64_t id;
        int r;

        r = bus_send(c, call, &reply);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_read(reply, TKD_UPGRADE_SIGNATURE_OUT, &id, &path);
        if (r < 0)
                return bus_bad_reply(c, r);

        if (c->json)
                print_json_started(id, path);
        else if (id == 0)
                printf("The upgrade to %s would start. Nothing was touched.\n", version);
        else
                printf("Job %" PRIu64 " has started: \"tkctl monitor %" PRIu64 "\" follows it.\n", id, id);
        return EXIT_OK;
}

int verb_upgrade(Context *c, int argc, char **argv) {
        _cleanup_message_ sd_bus_message *call = NULL;
        int r;

        r = prepare(c, argv[0], &call);
        if (r < 0)
                return fault_print_bus(c, NULL, r);
        return c->no_wait || c->dry_run ? start_only(c, argv[0], call) : follow_upgrade(c, call);
}
