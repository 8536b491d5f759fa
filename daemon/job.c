/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Job: see job.h.
 */
#include <inttypes.h>
#include <time.h>

#include "job.h"
#include "kernels.h"
#include "ledger.h"
#include "log.h"
#include "polkit.h"
#include "protocol.h"
#include "sender.h"

static const struct {
        const char *name;
        const char *text;
} kinds[_JOB_KIND_MAX] = {
        [JOB_UPGRADE]  = { TKD_KIND_UPGRADE,  "upgrade to"  },
        [JOB_ROLLBACK] = { TKD_KIND_ROLLBACK, "rollback to" },
        [JOB_BOOT]     = { TKD_KIND_BOOT,     "boot of"     },
        [JOB_RELEASE]  = { TKD_KIND_RELEASE,  "release of"  },
};

const char *job_kind_to_string(JobKind kind) {
        return kinds[kind].name;
}

const char *job_kind_text(JobKind kind) {
        return kinds[kind].text;
}

bool job_kind_moves(JobKind kind) {
        return kind == JOB_UPGRADE || kind == JOB_ROLLBACK;
}

/* What was saved before there were kinds was an upgrade. */
static int kind_from_string(const char *name, JobKind *ret) {
        if (!name)
                name = TKD_KIND_UPGRADE;
        for (JobKind k = 0; k < _JOB_KIND_MAX; k++)
                if (streq(kinds[k].name, name)) {
                        *ret = k;
                        return 0;
                }
        return -EBADMSG;
}

static int get_kind(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Job *job = userdata;

        return sd_bus_message_append(reply, "s", job_kind_to_string(job->kind));
}

static int get_step(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Job *job = userdata;

        return sd_bus_message_append(reply, "s", step_to_string(job->step));
}

static int get_progress(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Job *job = userdata;

        return sd_bus_message_append(reply, "u", job->progress);
}

static int get_ledger(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Job *job = userdata;
        Stamp s;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(sst)");
        if (r < 0)
                return r;
        for (size_t i = 0; job_get_stamp(job, i, &s); i++) {
                r = sd_bus_message_append(reply, "(sst)", s.event, s.kernel, job_stamp_nsec(job, &s));
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(reply);
}

static int get_error(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Job *job = userdata;

        return sd_bus_message_append(reply, "(ss)", strempty(job->error_name), strempty(job->error_text));
}

static int cancel_authorized(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *who = NULL;
        Job *job = userdata;
        int r;

        r = sender_describe(call, &who);
        if (r < 0)
                return r;
        r = job->cancel(job, who, job->userdata, error);
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(call, NULL);
}

static int method_cancel(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return polkit_authorize(call, TKD_ACTION_CANCEL, cancel_authorized, userdata, error);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY(TKD_PROPERTY_JOB_ID, "t", NULL, offsetof(Job, id), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(TKD_PROPERTY_JOB_KIND, "s", get_kind, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(TKD_PROPERTY_JOB_VERSION, "s", NULL, offsetof(Job, version), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(TKD_PROPERTY_JOB_FROM, "s", NULL, offsetof(Job, from), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(TKD_PROPERTY_JOB_INITIATOR, "s", NULL, offsetof(Job, initiator), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(TKD_PROPERTY_JOB_MODE, "s", NULL, offsetof(Job, mode), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(TKD_PROPERTY_JOB_STATE, "s", NULL, offsetof(Job, state), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_JOB_STEP, "s", get_step, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_JOB_STATUS, "s", NULL, offsetof(Job, status), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_JOB_PROGRESS, "u", get_progress, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_JOB_LEDGER, "a(sst)", get_ledger, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_JOB_ERROR, "(ss)", get_error, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(TKD_PROPERTY_JOB_RESULT, "s", NULL, offsetof(Job, result), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD(TKD_METHOD_JOB_CANCEL, NULL, NULL, method_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int job_alloc(Job **ret) {
        Job *job = calloc(1, sizeof(Job));

        if (!job)
                return -ENOMEM;
        job->step = _STEP_INVALID;
        *ret = job;
        return 0;
}

static int make_path(Job *job) {
        return asprintf(&job->path, TKD_JOB_PATH_PREFIX "/%" PRIu64, job->id) < 0 ? -ENOMEM : 0;
}

static uint64_t now_realtime(void) {
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

int job_new(uint64_t id, JobKind kind, const char *version, const char *mode, const char *initiator, Job **ret) {
        _cleanup_(job_freep) Job *job = NULL;

        if (job_alloc(&job) < 0)
                return -ENOMEM;
        job->id = id;
        job->kind = kind;
        job->version = strdup(version);
        job->from = strdup(running_kernel());
        job->mode = strdup(mode);
        job->initiator = strdup(initiator);
        job->state = strdup(TKD_STATE_IDLE);
        job->ledger = json_object_new_array();
        job->started = now_realtime();
        if (!job->version || !job->from || !job->mode || !job->initiator || !job->state || !job->ledger || make_path(job) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(job);
        return 0;
}

Job *job_free(Job *job) {
        if (!job)
                return NULL;
        sd_bus_slot_unref(job->slot);
        sd_bus_unref(job->bus);
        json_object_put(job->ledger);
        free(job->version);
        free(job->from);
        free(job->mode);
        free(job->initiator);
        free(job->state);
        free(job->status);
        free(job->error_name);
        free(job->error_text);
        free(job->result);
        free(job->path);
        free(job);
        return NULL;
}

/* What is saved, and how. */
enum { KIND_STRING, KIND_OPTIONAL, KIND_NUMBER };

static const struct {
        const char *key;
        int kind;
        size_t offset;
} fields[] = {
        { "id",         KIND_NUMBER,   offsetof(Job, id)         },
        { "version",    KIND_STRING,   offsetof(Job, version)    },
        { "from",       KIND_OPTIONAL, offsetof(Job, from)       },
        { "mode",       KIND_STRING,   offsetof(Job, mode)       },
        { "initiator",  KIND_STRING,   offsetof(Job, initiator)  },
        { "state",      KIND_STRING,   offsetof(Job, state)      },
        { "status",     KIND_OPTIONAL, offsetof(Job, status)     },
        { "tsc-khz",    KIND_NUMBER,   offsetof(Job, tsc_khz)    },
        { "error-name", KIND_OPTIONAL, offsetof(Job, error_name) },
        { "error-text", KIND_OPTIONAL, offsetof(Job, error_text) },
        { "result",     KIND_OPTIONAL, offsetof(Job, result)     },
        { "started",    KIND_NUMBER,   offsetof(Job, started)    },
        { "finished",   KIND_NUMBER,   offsetof(Job, finished)   },
};

static int save_field(const Job *job, size_t i, json_object *o) {
        const void *field = (const char *) job + fields[i].offset;
        json_object *value;

        if (fields[i].kind == KIND_NUMBER)
                value = json_object_new_uint64(*(const uint64_t *) field);
        else if (*(char *const *) field)
                value = json_object_new_string(*(char *const *) field);
        else
                return 0;
        return value && json_object_object_add(o, fields[i].key, value) == 0 ? 0 : -ENOMEM;
}

json_object *job_to_json(const Job *job) {
        _cleanup_json_ json_object *o = json_object_new_object();

        if (!o)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (save_field(job, i, o) < 0)
                        return NULL;
        json_object_object_add(o, "kind", json_object_new_string(job_kind_to_string(job->kind)));
        json_object_object_add(o, "step", json_object_new_string(step_to_string(job->step)));
        json_object_object_add(o, "progress", json_object_new_int((int) job->progress));
        json_object_object_add(o, "committed", json_object_new_boolean(job->committed));
        json_object_object_add(o, "ledger", json_object_get(job->ledger));
        return TAKE_PTR(o);
}

static int load_field(Job *job, size_t i, json_object *o) {
        void *field = (char *) job + fields[i].offset;
        json_object *value;

        if (!json_object_object_get_ex(o, fields[i].key, &value))
                return fields[i].kind == KIND_OPTIONAL ? 0 : -EBADMSG;
        if (fields[i].kind == KIND_NUMBER) {
                if (!json_object_is_type(value, json_type_int))
                        return -EBADMSG;
                *(uint64_t *) field = json_object_get_uint64(value);
                return 0;
        }
        if (!json_object_is_type(value, json_type_string))
                return -EBADMSG;
        return free_and_strdup(field, json_object_get_string(value));
}

static int load_ledger(Job *job, json_object *o) {
        json_object *list = json_object_object_get(o, "ledger");

        job->ledger = json_object_new_array();
        if (!job->ledger)
                return -ENOMEM;
        if (!list)
                return -EBADMSG;
        return ledger_merge(job->ledger, list);
}

int job_new_from_json(json_object *object, Job **ret) {
        _cleanup_(job_freep) Job *job = NULL;
        int r;

        if (job_alloc(&job) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                r = load_field(job, i, object);
                if (r < 0)
                        return r;
        }
        r = load_ledger(job, object);
        if (r >= 0)
                r = kind_from_string(json_object_get_string(json_object_object_get(object, "kind")), &job->kind);
        if (r < 0)
                return r;
        job->step = step_from_string(strempty(json_object_get_string(json_object_object_get(object, "step"))));
        job->progress = (unsigned) json_object_get_int(json_object_object_get(object, "progress"));
        job->committed = json_object_get_boolean(json_object_object_get(object, "committed"));
        r = make_path(job);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(job);
        return 0;
}

int job_export(Job *job, sd_bus *bus, JobCancelFn cancel, void *userdata) {
        int r;

        job->cancel = cancel;
        job->userdata = userdata;
        r = sd_bus_add_object_vtable(bus, &job->slot, job->path, TKD_JOB_INTERFACE, vtable, job);
        if (r < 0)
                return r;
        job->bus = sd_bus_ref(bus);
        return sd_bus_emit_object_added(bus, job->path);
}

bool job_running(const Job *job) {
        return !job->result || streq(job->result, TKD_RESULT_COMMITTED);
}

static void changed(Job *job, const char *property) {
        if (job->bus)
                (void) sd_bus_emit_properties_changed(job->bus, job->path, TKD_JOB_INTERFACE, property, NULL);
}

static void set_string(Job *job, char **field, const char *value, const char *property) {
        if (streq_ptr(*field, value))
                return;
        if (free_and_strdup(field, value) < 0)
                log_oom();
        changed(job, property);
}

void job_set_state(Job *job, const char *state) {
        set_string(job, &job->state, state, TKD_PROPERTY_JOB_STATE);
}

void job_set_step(Job *job, Step step) {
        if (job->step == step)
                return;
        job->step = step;
        changed(job, TKD_PROPERTY_JOB_STEP);
}

void job_set_status(Job *job, const char *status) {
        set_string(job, &job->status, status, TKD_PROPERTY_JOB_STATUS);
}

void job_set_progress(Job *job, unsigned percent) {
        if (job->progress == percent)
                return;
        job->progress = percent;
        changed(job, TKD_PROPERTY_JOB_PROGRESS);
}

void job_set_error(Job *job, const char *name, const char *text) {
        if (job->error_name)
                return;
        if (free_and_strdup(&job->error_text, text) < 0 || free_and_strdup(&job->error_name, name) < 0)
                log_oom();
        changed(job, TKD_PROPERTY_JOB_ERROR);
}

void job_append_error(Job *job, const char *text) {
        char *longer;

        if (!job->error_name) {
                job_set_error(job, TKD_ERROR_FAILED, text);
                return;
        }
        if (asprintf(&longer, "%s; %s", strempty(job->error_text), text) < 0) {
                log_oom();
                return;
        }
        free(job->error_text);
        job->error_text = longer;
        changed(job, TKD_PROPERTY_JOB_ERROR);
}

void job_clear_error(Job *job) {
        if (!job->error_name)
                return;
        free(TAKE_PTR(job->error_name));
        free(TAKE_PTR(job->error_text));
        changed(job, TKD_PROPERTY_JOB_ERROR);
}

void job_finish(Job *job, const char *result) {
        job->finished = now_realtime();
        set_string(job, &job->result, result, TKD_PROPERTY_JOB_RESULT);
}

int job_add_stamp(Job *job, const char *event, const char *kernel, uint64_t tsc) {
        int r;

        r = ledger_add(job->ledger, event, kernel, tsc);
        if (r < 0)
                return r;
        changed(job, TKD_PROPERTY_JOB_LEDGER);
        return 0;
}

bool job_get_stamp(const Job *job, size_t i, Stamp *ret) {
        json_object *e = json_object_array_get_idx(job->ledger, i);

        return e && ledger_parse(e, &ret->event, &ret->kernel, &ret->tsc) >= 0;
}

uint64_t job_stamp_nsec(const Job *job, const Stamp *stamp) {
        if (job->tsc_khz == 0)
                return 0;
        return (uint64_t) ((unsigned __int128) stamp->tsc * 1000000 / job->tsc_khz);
}

uint64_t job_downtime_nsec(const Job *job) {
        uint64_t begin = 0, end = 0;
        Stamp s;

        for (size_t i = 0; job_get_stamp(job, i, &s); i++)
                if (streq(s.event, "freeze-begin"))
                        begin = job_stamp_nsec(job, &s);
                else if (streq(s.event, "resume"))
                        end = job_stamp_nsec(job, &s);
        return begin > 0 && end > begin ? end - begin : 0;
}
