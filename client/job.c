/* SPDX-License-Identifier: GPL-2.0-only */

/* What tkctl knows of a job: a copy of the properties of its object, and the answers that follow from them. */

#include "bus.h"
#include "fault.h"
#include "job.h"

#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

typedef int (*property_read_t)(sd_bus_message *m, void *field);

static int read_string(sd_bus_message *m, void *field) {
        const char *s;
        int r;

        r = sd_bus_message_read_basic(m, 's', &s);
        return r < 0 ? r : free_and_strdup(field, s);
}

static int read_u64(sd_bus_message *m, void *field) {
        return sd_bus_message_read_basic(m, 't', field);
}

static int read_u32(sd_bus_message *m, void *field) {
        return sd_bus_message_read_basic(m, 'u', field);
}

static int read_ledger(sd_bus_message *m, void *field) {
        return ledger_read(field, m);
}

/* @field is error_name; error_text stands behind it. */
static int read_error(sd_bus_message *m, void *field) {
        char **strings = field;
        const char *name, *text;
        int r;

        r = sd_bus_message_read(m, "(ss)", &name, &text);
        if (r < 0)
                return r;
        r = free_and_strdup(strings, name);
        return r < 0 ? r : free_and_strdup(strings + 1, text);
}

static const struct {
        const char *name;
        const char *signature;
        property_read_t read;
        size_t offset;
} properties[] = {
        { TKD_PROPERTY_JOB_ID,        "t",      read_u64,    offsetof(Job, id)         },
        { TKD_PROPERTY_JOB_KIND,      "s",      read_string, offsetof(Job, kind)       },
        { TKD_PROPERTY_JOB_VERSION,   "s",      read_string, offsetof(Job, version)    },
        { TKD_PROPERTY_JOB_FROM,      "s",      read_string, offsetof(Job, from)       },
        { TKD_PROPERTY_JOB_INITIATOR, "s",      read_string, offsetof(Job, initiator)  },
        { TKD_PROPERTY_JOB_MODE,      "s",      read_string, offsetof(Job, mode)       },
        { TKD_PROPERTY_JOB_STATE,     "s",      read_string, offsetof(Job, state)      },
        { TKD_PROPERTY_JOB_STEP,      "s",      read_string, offsetof(Job, step)       },
        { TKD_PROPERTY_JOB_STATUS,    "s",      read_string, offsetof(Job, status)     },
        { TKD_PROPERTY_JOB_PROGRESS,  "u",      read_u32,    offsetof(Job, progress)   },
        { TKD_PROPERTY_JOB_LEDGER,    "a(sst)", read_ledger, offsetof(Job, ledger)     },
        { TKD_PROPERTY_JOB_ERROR,     "(ss)",   read_error,  offsetof(Job, error_name) },
        { TKD_PROPERTY_JOB_RESULT,    "s",      read_string, offsetof(Job, result)     },
};

/**
 * job_done() - free what a job holds
 * @j: the job; empty afterwards
 */
void job_done(Job *j) {
        free(j->kind);
        free(j->version);
        free(j->from);
        free(j->initiator);
        free(j->mode);
        free(j->state);
        free(j->step);
        free(j->status);
        free(j->result);
        free(j->error_name);
        free(j->error_text);
        ledger_done(&j->ledger);
        *j = (Job) {};
}

static int read_property(Job *j, sd_bus_message *m, const char *name) {
        int r;

        for (size_t i = 0; i < ELEMENTSOF(properties); i++) {
                if (!streq(properties[i].name, name))
                        continue;
                r = sd_bus_message_enter_container(m, 'v', properties[i].signature);
                if (r < 0)
                        return r;
                r = properties[i].read(m, (char *) j + properties[i].offset);
                if (r < 0)
                        return r;
                return sd_bus_message_exit_container(m);
        }
        return sd_bus_message_skip(m, "v");
}

/**
 * job_read() - take over properties; those that are not named keep their value
 * @j: the job
 * @m: a message that stands at an a{sv}
 *
 * Return: 0 or a negative errno.
 */
int job_read(Job *j, sd_bus_message *m) {
        const char *name;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(m, 's', &name);
                if (r < 0)
                        return r;
                r = read_property(j, m, name);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 0;
}

static int print_no_such_job(const Context *c, uint64_t id) {
        char text[FORMAT_MAX];

        snprintf(text, sizeof(text), "There is no job %" PRIu64 ".", id);
        return fault_print(c, NULL, TKD_ERROR_NO_SUCH_JOB, text);
}

/**
 * job_load() - ask tkd for all properties of a job
 * @c: the connection
 * @id: the job
 * @ret: the job, free of content when given
 *
 * Return: EXIT_OK, or another exit code after a line on standard error.
 */
int job_load(Context *c, uint64_t id, Job *ret) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = job_path(id);
        int r;

        if (!path)
                return print_oom();
        r = sd_bus_call_method(c->bus, TKD_BUS_NAME, path, PROPERTIES_INTERFACE, "GetAll", &error, &reply, "s",
                               TKD_JOB_INTERFACE);
        if (sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_OBJECT))
                return print_no_such_job(c, id);
        if (r < 0)
                return fault_print_bus(c, &error, r);
        r = job_read(ret, reply);
        return r < 0 ? bus_bad_reply(c, r) : EXIT_OK;
}

static bool state_is_final(const char *state) {
        return streq(state, TKD_STATE_DONE) || streq(state, TKD_STATE_FAILED) || streq(state, TKD_STATE_CANCELLED);
}

static int find_latest(sd_bus_message *m, bool running, uint64_t *ret) {
        const char *state;
        uint64_t id, latest = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(tsso)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "(tsso)", &id, NULL, &state, NULL)) > 0)
                if (id > latest && !(running && state_is_final(state)))
                        latest = id;
        if (r < 0)
                return r;

        *ret = latest;
        return 0;
}

/**
 * job_find_latest() - the job that is meant when none is named
 * @c: the connection
 * @running: only one that runs
 * @ret: its id
 *
 * Return: EXIT_OK, or another exit code after a line on standard error.
 */
int job_find_latest(Context *c, bool running, uint64_t *ret) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        uint64_t id;
        int r;

        r = bus_call_manager(c, TKD_METHOD_LIST_JOBS, &reply);
        if (r != EXIT_OK)
                return r;
        r = find_latest(reply, running, &id);
        if (r < 0)
                return bus_bad_reply(c, r);
        if (id == 0)
                return fault_print(c, NULL, TKD_ERROR_NO_SUCH_JOB, running ? "No job runs." : "There was no job yet.");

        *ret = id;
        return EXIT_OK;
}

/**
 * job_path() - the object of a job
 * @id: the job
 *
 * Return: its path, to be freed, or NULL.
 */
char *job_path(uint64_t id) {
        char *path;

        return asprintf(&path, TKD_JOB_PATH_PREFIX "/%" PRIu64, id) < 0 ? NULL : path;
}

/**
 * job_id_from_path() - the reverse of job_path()
 * @path: an object
 * @ret: the job
 *
 * Return: 0, or -EINVAL when it is not the path of a job.
 */
int job_id_from_path(const char *path, uint64_t *ret) {
        const char *id = startswith(path, TKD_JOB_PATH_PREFIX "/");

        return id ? parse_u64(id, ret) : -EINVAL;
}

/**
 * job_parse_id() - the id of a job from the command line
 * @s: the argument
 * @ret: the id
 *
 * Return: EXIT_OK, or EXIT_USAGE after a line on standard error.
 */
int job_parse_id(const char *s, uint64_t *ret) {
        if (parse_u64(s, ret) >= 0)
                return EXIT_OK;
        print_error("\"%s\" is not the number of a job. \"tkctl history\" lists the jobs.", s);
        return EXIT_USAGE;
}

/**
 * job_last_step() - how far the job came, also when it was rolled back since
 * @j: the job
 *
 * Return: the name of the last step that began, or NULL.
 */
const char *job_last_step(const Job *j) {
        static const char *const steps[] = {
                TKD_STEP_OFFLINE, TKD_STEP_COMMIT, TKD_STEP_MIGRATE, TKD_STEP_CHECKPOINT,
                TKD_STEP_BOOT,    TKD_STEP_LOAD,   TKD_STEP_RESERVE,
        };
        char begin[FORMAT_MAX];

        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                snprintf(begin, sizeof(begin), "%s-begin", steps[i]);
                if (ledger_has(&j->ledger, begin))
                        return steps[i];
        }
        return NULL;
}

/**
 * job_is_kind() - what sort of job it is
 * @j: the job
 * @kind: TKD_KIND_*
 */
bool job_is_kind(const Job *j, const char *kind) {
        return streq(strempty(j->kind), kind);
}

/**
 * job_is_finished() - whether the job has ended; one that is only committed goes on in the new kernel
 * @j: the job
 */
bool job_is_finished(const Job *j) {
        return !isempty(j->result) && !streq(j->result, TKD_RESULT_COMMITTED);
}

/**
 * job_is_committed() - whether the apps belong to the new kernel
 * @j: the job
 */
bool job_is_committed(const Job *j) {
        return streq(strempty(j->state), TKD_STATE_OFFLINING) || streq(strempty(j->result), TKD_RESULT_COMMITTED) ||
                streq(strempty(j->result), TKD_RESULT_DONE) || ledger_has(&j->ledger, TKD_STEP_COMMIT);
}

static json_object *job_error_to_json(const Job *j) {
        json_object *o;

        if (isempty(j->error_name))
                return NULL;
        o = json_object_new_object();
        json_object_object_add(o, "name", json_object_new_string(j->error_name));
        json_object_object_add(o, "text", json_object_new_string(strempty(j->error_text)));
        return o;
}

/**
 * job_to_json() - everything that is known of the job
 * @j: the job
 */
json_object *job_to_json(const Job *j) {
        _cleanup_spans_ Spans spans = {};
        json_object *o = json_object_new_object();
        Downtime d;

        json_object_object_add(o, "id", json_object_new_uint64(j->id));
        json_object_object_add(o, "kind", json_object_new_string(strempty(j->kind)));
        json_object_object_add(o, "version", json_object_new_string(strempty(j->version)));
        json_object_object_add(o, "from", json_object_new_string(strempty(j->from)));
        json_object_object_add(o, "mode", json_object_new_string(strempty(j->mode)));
        json_object_object_add(o, "initiator", json_object_new_string(strempty(j->initiator)));
        json_object_object_add(o, "state", json_object_new_string(strempty(j->state)));
        json_object_object_add(o, "step", json_object_new_string(strempty(j->step)));
        json_object_object_add(o, "last_step", json_object_new_string(strempty(job_last_step(j))));
        json_object_object_add(o, "status", json_object_new_string(strempty(j->status)));
        json_object_object_add(o, "progress", json_object_new_int64(j->progress));
        json_object_object_add(o, "result", json_object_new_string(strempty(j->result)));
        json_object_object_add(o, "error", job_error_to_json(j));
        json_object_object_add(o, "ledger", ledger_to_json(&j->ledger));
        if (ledger_spans(&j->ledger, &spans) >= 0)
                json_object_object_add(o, "steps", spans_to_json(&spans));
        json_object_object_add(o, "downtime", ledger_downtime(&j->ledger, &d) ? downtime_to_json(&d) : NULL);
        return o;
}
