/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl monitor: follow what tkd does, or one job until it ends. */

#include <time.h>

#include "bus.h"
#include "fault.h"
#include "follow.h"
#include "job.h"

/* One event: the time, what it is about, what happened and, for a property, its value. */
static void print_event(const Context *c, const char *subject, const char *what, json_object *value) {
        _cleanup_json_ json_object *o = json_object_new_object();
        time_t now = time(NULL);
        char date[FORMAT_MAX];
        struct tm tm;

        if (c->json) {
                json_object_object_add(o, "time_usec", json_object_new_uint64((uint64_t) now * USEC_PER_SEC));
                json_object_object_add(o, "subject", json_object_new_string(subject));
                json_object_object_add(o, "event", json_object_new_string(what));
                json_object_object_add(o, "value", json_object_get(value));
                print_json_line(o);
                return;
        }
        strftime(date, sizeof(date), "%H:%M:%S", localtime_r(&now, &tm));
        printf("%s %-8s %s%s%s\n", date, subject, what, value ? " = " : "",
               value ? json_object_get_string(value) : "");
}

/* The value of a property as JSON; NULL for those that are no plain value, such as the ledger. */
static int read_value(sd_bus_message *m, const char *signature, json_object **ret) {
        const char *s;
        uint64_t t;
        uint32_t u;
        int r;

        switch (signature[0]) {
        case 's':
                r = sd_bus_message_read_basic(m, 's', &s);
                *ret = r < 0 ? NULL : json_object_new_string(s);
                return r;
        case 't':
                r = sd_bus_message_read_basic(m, 't', &t);
                *ret = r < 0 ? NULL : json_object_new_uint64(t);
                return r;
        case 'u':
                r = sd_bus_message_read_basic(m, 'u', &u);
                *ret = r < 0 ? NULL : json_object_new_int64(u);
                return r;
        default:
                *ret = NULL;
                return sd_bus_message_skip(m, signature);
        }
}

static int print_property(const Context *c, const char *subject, sd_bus_message *m) {
        _cleanup_json_ json_object *value = NULL;
        const char *name, *signature;
        int r;

        r = sd_bus_message_read_basic(m, 's', &name);
        if (r < 0)
                return r;
        r = sd_bus_message_peek_type(m, NULL, &signature);
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(m, 'v', signature);
        if (r < 0)
                return r;
        r = read_value(m, signature, &value);
        if (r < 0)
                return r;
        if (value)
                print_event(c, subject, name, value);
        return sd_bus_message_exit_container(m);
}

static void format_subject(char buf[static FORMAT_MAX], const char *path) {
        uint64_t id;

        if (job_id_from_path(path, &id) >= 0)
                snprintf(buf, FORMAT_MAX, "job %" PRIu64, id);
        else
                snprintf(buf, FORMAT_MAX, "tkd");
}

static int on_properties_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        char subject[FORMAT_MAX];
        int r;

        format_subject(subject, sd_bus_message_get_path(m));
        r = sd_bus_message_skip(m, "s");
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = print_property(userdata, subject, m);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r;
}

static int on_job_new(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        char subject[FORMAT_MAX];
        const char *path;
        int r;

        r = sd_bus_message_read(m, "to", NULL, &path);
        if (r < 0)
                return r;
        format_subject(subject, path);
        print_event(userdata, subject, "started", NULL);
        return 0;
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        _cleanup_json_ json_object *value = NULL;
        char subject[FORMAT_MAX];
        const char *path, *result;
        int r;

        r = sd_bus_message_read(m, "tos", NULL, &path, &result);
        if (r < 0)
                return r;
        format_subject(subject, path);
        value = json_object_new_string(result);
        print_event(userdata, subject, "ended", value);
        return 0;
}

static int on_name_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *new_owner;
        int r;

        r = sd_bus_message_read(m, "sss", NULL, NULL, &new_owner);
        if (r < 0)
                return r;
        print_event(userdata, "tkd", isempty(new_owner) ? "went away" : "is there", NULL);
        return 0;
}

static int add_matches(Context *c) {
        static const struct {
                const char *match;
                sd_bus_message_handler_t handler;
        } matches[] = {
                { "type='signal',sender='" TKD_BUS_NAME "',interface='org.freedesktop.DBus.Properties',"
                  "member='PropertiesChanged',path_namespace='" TKD_PATH "'",
                  on_properties_changed },
                { "type='signal',sender='" TKD_BUS_NAME "',interface='" TKD_MANAGER_INTERFACE "',"
                  "member='" TKD_SIGNAL_JOB_NEW "'",
                  on_job_new },
                { "type='signal',sender='" TKD_BUS_NAME "',interface='" TKD_MANAGER_INTERFACE "',"
                  "member='" TKD_SIGNAL_JOB_REMOVED "'",
                  on_job_removed },
                { "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                  "member='NameOwnerChanged',arg0='" TKD_BUS_NAME "'",
                  on_name_owner_changed },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(matches); i++) {
                r = sd_bus_add_match(c->bus, NULL, matches[i].match, matches[i].handler, c);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The first line says how things are; what changes from here on follows. */
static int print_state(Context *c) {
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_json_ json_object *value = NULL;
        _cleanup_free_ char *state = NULL;
        int r;

        r = sd_bus_get_property_string(c->bus, TKD_BUS_NAME, TKD_PATH, TKD_MANAGER_INTERFACE, TKD_PROPERTY_STATE,
                                       &error, &state);
        if (r < 0)
                return fault_print_bus(c, &error, r);
        value = json_object_new_string(state);
        print_event(c, "tkd", TKD_PROPERTY_STATE, value);
        return EXIT_OK;
}

static int monitor_run(Context *c, sd_event *event) {
        int r;

        r = sd_bus_set_exit_on_disconnect(c->bus, true);
        if (r < 0)
                return r;
        r = add_matches(c);
        if (r < 0)
                return r;
        r = print_state(c);
        return r != EXIT_OK ? r : sd_event_loop(event);
}

int verb_monitor(Context *c, int argc, char **argv) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        uint64_t id;
        int r;

        if (argc > 0) {
                r = job_parse_id(argv[0], &id);
                return r != EXIT_OK ? r : follow_watch(c, id);
        }

        r = event_open(c, NULL, NULL, &event);
        if (r >= 0)
                r = monitor_run(c, event);
        sd_bus_detach_event(c->bus);
        return r < 0 ? fault_print_bus(c, NULL, r) : r;
}
