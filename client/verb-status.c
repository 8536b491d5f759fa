/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl status: what tkd, the twin and the running job are doing. */

#include "bus.h"
#include "fault.h"
#include "job.h"

typedef struct Status {
        char *version;
        char *state;
        char *kernel;
        char *twin_state;
        char *twin_kernel;
        char *twin_cpus;
        char *twin_error;
        char **twin_functions; /* PCI functions that it was lent */
        uint64_t twin_memory;
        uint64_t twin_since; /* microseconds since 1970; 0: it was not started */
} Status;

static void status_done(Status *s) {
        free(s->version);
        free(s->state);
        free(s->kernel);
        free(s->twin_state);
        free(s->twin_kernel);
        free(s->twin_cpus);
        free(s->twin_error);
        for (char **f = s->twin_functions; f && *f; f++)
                free(*f);
        free(s->twin_functions);
}

static int load_strings(Context *c, Status *s, sd_bus_error *error) {
        const struct {
                const char *name;
                char **field;
        } strings[] = {
                { TKD_PROPERTY_VERSION,     &s->version     },
                { TKD_PROPERTY_STATE,       &s->state       },
                { TKD_PROPERTY_KERNEL,      &s->kernel      },
                { TKD_PROPERTY_TWIN_STATE,  &s->twin_state  },
                { TKD_PROPERTY_TWIN_KERNEL, &s->twin_kernel },
                { TKD_PROPERTY_TWIN_CPUS,   &s->twin_cpus   },
                { TKD_PROPERTY_TWIN_ERROR,  &s->twin_error  },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                r = sd_bus_get_property_string(c->bus, TKD_BUS_NAME, TKD_PATH, TKD_MANAGER_INTERFACE, strings[i].name,
                                               error, strings[i].field);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int load_number(Context *c, const char *name, uint64_t *ret, sd_bus_error *error) {
        return sd_bus_get_property_trivial(c->bus, TKD_BUS_NAME, TKD_PATH, TKD_MANAGER_INTERFACE, name, error, 't', ret);
}

static int load_status(Context *c, Status *s) {
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = load_strings(c, s, &error);
        if (r >= 0)
                r = load_number(c, TKD_PROPERTY_TWIN_MEMORY, &s->twin_memory, &error);
        if (r >= 0)
                r = load_number(c, TKD_PROPERTY_TWIN_SINCE, &s->twin_since, &error);
        if (r >= 0)
                r = sd_bus_get_property_strv(c->bus, TKD_BUS_NAME, TKD_PATH, TKD_MANAGER_INTERFACE,
                                             TKD_PROPERTY_TWIN_FUNCTIONS, &error, &s->twin_functions);
        return r < 0 ? fault_print_bus(c, &error, r) : EXIT_OK;
}

/* The first line of it says what the state says. */
static void print_last_words(const Status *s) {
        const char *words = strchr(s->twin_error, '\n');
        int n;

        for (; words; words = words[n] ? words + n : NULL) {
                words++;
                n = (int) strcspn(words, "\n");
                printf("%8s  %.*s\n", "", n, words);
        }
}

static void print_functions(const Status *s) {
        if (!s->twin_functions || !*s->twin_functions)
                return;
        printf("%8s: %s", "Lent", *s->twin_functions);
        for (char **f = s->twin_functions + 1; *f; f++)
                printf(", %s", *f);
        putchar('\n');
}

static void print_twin(const Status *s) {
        bool exists = !streq(s->twin_state, TKD_TWIN_NONE) && !streq(s->twin_state, TKD_TWIN_UNSUPPORTED);
        char memory[FORMAT_MAX], date[FORMAT_MAX];

        printf("%8s: %s", "Twin", s->twin_state);
        if (exists && !isempty(s->twin_kernel))
                printf(", Linux %s", s->twin_kernel);
        if (exists && !isempty(s->twin_cpus))
                printf(", CPUs %s", s->twin_cpus);
        if (exists && s->twin_memory > 0)
                printf(", memory %s", format_bytes(memory, s->twin_memory));
        if (s->twin_since > 0)
                printf(", since %s", format_date(date, s->twin_since));
        putchar('\n');
        print_last_words(s);
        print_functions(s);
}

static json_object *functions_to_json(const Status *s) {
        json_object *a = json_object_new_array();

        for (char **f = s->twin_functions; f && *f; f++)
                json_object_array_add(a, json_object_new_string(*f));
        return a;
}

static void print_text(const Status *s, const Job *j) {
        printf("tkd %s on Linux %s\n", s->version, s->kernel);
        printf("%8s: %s\n", "State", s->state);
        print_twin(s);
        if (j->id > 0)
                printf("%8s: %" PRIu64 ", %s, Linux %s, step %s, %" PRIu32 " %%%s%s\n", "Job", j->id, strdash(j->kind),
                       strdash(j->version), strdash(j->step), j->progress, isempty(j->status) ? "" : ": ", strempty(j->status));
}

static void print_object(const Status *s, const Job *j) {
        _cleanup_json_ json_object *o = json_object_new_object();

        json_object_object_add(o, "version", json_object_new_string(s->version));
        json_object_object_add(o, "state", json_object_new_string(s->state));
        json_object_object_add(o, "kernel", json_object_new_string(s->kernel));
        json_object_object_add(o, "twin_state", json_object_new_string(s->twin_state));
        json_object_object_add(o, "twin_kernel", json_object_new_string(s->twin_kernel));
        json_object_object_add(o, "twin_cpus", json_object_new_string(s->twin_cpus));
        json_object_object_add(o, "twin_memory", json_object_new_uint64(s->twin_memory));
        json_object_object_add(o, "twin_since_usec", s->twin_since > 0 ? json_object_new_uint64(s->twin_since) : NULL);
        json_object_object_add(o, "twin_functions", functions_to_json(s));
        json_object_object_add(o, "twin_error", json_object_new_string(s->twin_error));
        json_object_object_add(o, "job", j->id > 0 ? job_to_json(j) : NULL);
        print_json(o);
}

int verb_status(Context *c, int argc, char **argv) {
        _cleanup_(status_done) Status status = {};
        _cleanup_job_ Job job = {};
        uint64_t id;
        int r;

        r = load_status(c, &status);
        if (r != EXIT_OK)
                return r;
        if (!streq(status.state, TKD_STATE_IDLE)) {
                r = job_find_latest(c, false, &id);
                if (r == EXIT_OK)
                        r = job_load(c, id, &job);
                if (r != EXIT_OK)
                        return r;
        }

        if (c->json)
                print_object(&status, &job);
        else
                print_text(&status, &job);
        return EXIT_OK;
}
