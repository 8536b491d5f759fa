/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl history: past jobs and the running one. */

#include "listing.h"

typedef struct Entry {
        uint64_t id;
        const char *kind;
        const char *version;
        const char *mode;
        const char *initiator;
        const char *state;
        uint64_t started;  /* microseconds since 1970 */
        uint64_t finished; /* the same; 0: runs */
        const char *error_name;
        const char *error_text;
        uint64_t downtime; /* nanoseconds; 0: none */
} Entry;

static uint64_t entry_length(const Entry *e) {
        return e->finished > e->started ? (e->finished - e->started) * NSEC_PER_USEC : 0;
}

static int add_length(Table *t, uint64_t ns) {
        char buf[FORMAT_MAX];

        return table_add(t, "%s", ns > 0 ? format_length(buf, ns) : "-");
}

static int add_row(Table *t, const Entry *e) {
        char date[FORMAT_MAX];
        int r;

        r = table_add(t, "%" PRIu64, e->id);
        if (r < 0)
                return r;
        r = table_add(t, "%s", format_date(date, e->started));
        if (r < 0)
                return r;
        r = table_add(t, "%s", e->kind);
        if (r < 0)
                return r;
        r = table_add(t, "%s", strdash(e->version));
        if (r < 0)
                return r;
        r = table_add(t, "%s", e->state);
        if (r < 0)
                return r;
        r = add_length(t, entry_length(e));
        if (r < 0)
                return r;
        r = add_length(t, e->downtime);
        if (r < 0)
                return r;
        r = table_add(t, "%s", e->initiator);
        if (r < 0)
                return r;
        return table_add(t, "%.*s", (int) strcspn(e->error_text, "\n"), strdash(e->error_text));
}

static int add_object(json_object *array, const Entry *e) {
        json_object *o = json_object_new_object(), *error = NULL;

        json_object_object_add(o, "id", json_object_new_uint64(e->id));
        json_object_object_add(o, "kind", json_object_new_string(e->kind));
        json_object_object_add(o, "version", json_object_new_string(e->version));
        json_object_object_add(o, "mode", json_object_new_string(e->mode));
        json_object_object_add(o, "initiator", json_object_new_string(e->initiator));
        json_object_object_add(o, "state", json_object_new_string(e->state));
        json_object_object_add(o, "started_usec", json_object_new_uint64(e->started));
        json_object_object_add(o, "finished_usec", e->finished > 0 ? json_object_new_uint64(e->finished) : NULL);
        json_object_object_add(o, "downtime_ns", e->downtime > 0 ? json_object_new_uint64(e->downtime) : NULL);
        if (!isempty(e->error_name)) {
                error = json_object_new_object();
                json_object_object_add(error, "name", json_object_new_string(e->error_name));
                json_object_object_add(error, "text", json_object_new_string(e->error_text));
        }
        json_object_object_add(o, "error", error);
        return json_object_array_add(array, o);
}

static int read_history(sd_bus_message *m, json_object *array, Table *t) {
        Entry e;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(tsssssttsst)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "(tsssssttsst)", &e.id, &e.kind, &e.version, &e.mode, &e.initiator,
                                        &e.state, &e.started, &e.finished, &e.error_name, &e.error_text, &e.downtime)) > 0) {
                r = array ? add_object(array, &e) : add_row(t, &e);
                if (r < 0)
                        return r;
        }
        return r;
}

int verb_history(Context *c, int argc, char **argv) {
        static const Column columns[] = {
                { "JOB", true },     { "STARTED", false }, { "KIND", false },
                { "VERSION", false }, { "STATE", false },   { "LENGTH", true },
                { "DOWNTIME", true }, { "INITIATOR", false }, { "ERROR", false },
        };

        return listing_show(c, TKD_METHOD_GET_HISTORY, read_history, columns, ELEMENTSOF(columns));
}
