/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl check: everything that would keep an upgrade from working, before anything is touched. */

#include "bus.h"
#include "fault.h"
#include "pager.h"

static int call_check(Context *c, const char *version, sd_bus_message **ret) {
        _cleanup_message_ sd_bus_message *m = NULL;
        int r;

        r = bus_prepare(c, &m, TKD_PATH, TKD_MANAGER_INTERFACE, TKD_METHOD_CHECK);
        if (r < 0)
                return fault_print_bus(c, NULL, r);
        r = sd_bus_message_append(m, "s", version);
        if (r < 0)
                return fault_print_bus(c, NULL, r);
        r = bus_append_options(m, c);
        if (r < 0)
                return fault_print_bus(c, NULL, r);
        return bus_send(c, m, ret);
}

/* A finding that has the name of an error has its way out, too. */
static const char *finding_hint(const char *id, const char *severity) {
        char name[128];

        if (streq(severity, TKD_SEVERITY_INFO))
                return NULL;
        snprintf(name, sizeof(name), TKD_ERROR("%s"), id);
        return fault_hint(name);
}

static void print_finding(const char *id, const char *severity, const char *text) {
        size_t n = strlen(text);
        const char *hint = finding_hint(id, severity);

        printf("%-8s %-18s %s%s%s%s\n", severity, id, text, n > 0 && strchr(".!?", text[n - 1]) ? "" : ".",
               hint ? " " : "", strempty(hint));
}

static void add_finding(json_object *array, const char *id, const char *severity, const char *text) {
        json_object *o = json_object_new_object();

        json_object_object_add(o, "id", json_object_new_string(id));
        json_object_object_add(o, "severity", json_object_new_string(severity));
        json_object_object_add(o, "text", json_object_new_string(text));
        json_object_array_add(array, o);
}

/* Prints the findings, or collects them in @array when that is given. */
static int read_findings(sd_bus_message *m, json_object *array, unsigned *ret_errors) {
        const char *id, *severity, *text;
        unsigned errors = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(sss)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "(sss)", &id, &severity, &text)) > 0) {
                errors += streq(severity, TKD_SEVERITY_ERROR);
                if (array)
                        add_finding(array, id, severity, text);
                else
                        print_finding(id, severity, text);
        }
        if (r < 0)
                return r;

        *ret_errors = errors;
        return 0;
}

int verb_check(Context *c, int argc, char **argv) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_json_ json_object *array = c->json ? json_object_new_array() : NULL;
        unsigned errors;
        int r;

        r = call_check(c, argv[0], &reply);
        if (r != EXIT_OK)
                return r;
        pager_open(c);
        r = read_findings(reply, array, &errors);
        if (r < 0)
                return bus_bad_reply(c, r);

        if (c->json)
                print_json(array);
        else if (errors == 0)
                printf("The upgrade to %s can start.\n", argv[0]);
        else
                printf("The upgrade to %s would be refused: %u error%s.\n", argv[0], errors, errors == 1 ? "" : "s");
        return errors == 0 ? EXIT_OK : EXIT_REFUSED;
}
