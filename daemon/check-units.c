/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The units of a check: see check-units.h. systemd is asked for the running
 * units, then for the cgroup of each one to migrate; the rest is in /proc.
 */
#include <fcntl.h>
#include <inttypes.h>

#include "check-units.h"
#include "conf-files.h"
#include "files.h"
#include "plan.h"
#include "unit.h"

#define SYSTEMD                 "org.freedesktop.systemd1"
#define MIB                     (UINT64_C(1) << 20)

/* A walk over the units; freed when the last answer is in. */
typedef struct Walk {
        sd_bus *bus;
        Check *check;
        UnitsDoneFn done;
        void *userdata;
        unsigned pending;               /* answers that are awaited */
        uint64_t memory;                /* of all processes to migrate, bytes */
} Walk;

/* One unit whose cgroup is asked for. */
typedef struct UnitQuestion {
        Walk *walk;
        char *name;
} UnitQuestion;

static void unit_question_free(void *p) {
        UnitQuestion *q = p;

        free(q->name);
        free(q);
}

/* The applications must fit in both: as images first, then as they are. */
static void check_fits(Walk *w, const char *key, uint64_t size) {
        if (w->memory > size)
                findings_add(&w->check->findings, FINDING_NOT_ENOUGH_MEMORY,
                             "%s is %" PRIu64 " MiB, but the applications use %" PRIu64 " MiB",
                             key, size / MIB, w->memory / MIB);
}

static void walk_finish(Walk *w) {
        check_fits(w, "CheckpointMemory=", w->check->config.checkpoint_memory);
        check_fits(w, "TwinMemory=", w->check->config.memory);
        w->done(w->userdata);
        sd_bus_unref(w->bus);
        free(w);
}

/* Namespaces that a unit must share with PID 1, and the setting that makes one of its own. */
static const struct {
        const char *file;
        const char *setting;
} namespaces[] = {
        { "net",  "PrivateNetwork=" },
        { "user", "PrivateUsers="   },
        { "ipc",  "PrivateIPC="     },
        { "pid",  "PrivatePIDs="    },
};

static bool same_namespace(pid_t pid, const char *file) {
        char path[64], ours[64] = "", theirs[64] = "";

        snprintf(path, sizeof(path), "/proc/self/ns/%s", file);
        (void) !readlink(path, ours, sizeof(ours) - 1);
        snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, file);
        return readlink(path, theirs, sizeof(theirs) - 1) < 0 || streq(ours, theirs);
}

static void check_namespaces(Check *c, const char *unit, pid_t pid) {
        for (size_t i = 0; i < ELEMENTSOF(namespaces); i++)
                if (!same_namespace(pid, namespaces[i].file))
                        findings_add(&c->findings, FINDING_BAD_UNIT,
                                     "%s cannot be migrated: process %d has its own %s namespace (%s)",
                                     unit, pid, namespaces[i].file, namespaces[i].setting);
}

/* Descriptors that CRIU cannot dump. */
static const char *const bad_descriptors[] = {
        "anon_inode:[io_uring]",
        "anon_inode:[userfaultfd]",
        "anon_inode:[perf_event]",
        "anon_inode:[fanotify]",
        "anon_inode:bpf",
};

static const char *find_bad_descriptor(pid_t pid) {
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *e;
        char path[64], target[64];

        snprintf(path, sizeof(path), "/proc/%d/fd", pid);
        d = opendir(path);
        while (d && (e = readdir(d))) {
                ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);

                target[MAX(n, 0)] = 0;
                for (size_t i = 0; i < ELEMENTSOF(bad_descriptors); i++)
                        if (startswith(target, bad_descriptors[i]))
                                return bad_descriptors[i];
        }
        return NULL;
}

/* A line "Name: VALUE" of /proc/PID/status, 0 when it is not there. */
static uint64_t status_value(const char *status, const char *name) {
        const char *line = strstr(status, name);

        return line ? strtoull(line + strlen(name), NULL, 10) : 0;
}

static void check_process(Walk *w, const char *unit, pid_t pid) {
        _cleanup_free_ char *status = NULL;
        const char *bad = find_bad_descriptor(pid);
        char path[64];
        uint64_t tracer;

        snprintf(path, sizeof(path), "/proc/%d/status", pid);
        if (read_text_file(path, &status) < 0)
                return;         /* it has ended meanwhile */
        check_namespaces(w->check, unit, pid);
        if (bad)
                findings_add(&w->check->findings, FINDING_BAD_UNIT,
                             "%s cannot be migrated: process %d uses %s", unit, pid, bad);
        tracer = status_value(status, "\nTracerPid:");
        if (tracer > 0)
                findings_add(&w->check->findings, FINDING_BAD_UNIT,
                             "%s cannot be migrated: process %d is traced by process %" PRIu64, unit, pid, tracer);
        w->memory += (status_value(status, "\nRssAnon:") + status_value(status, "\nRssShmem:")) * 1024;
}

static int list_pids(const char *cgroup, UnitState *ret) {
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "/sys/fs/cgroup%s", cgroup) < 0)
                return -ENOMEM;
        ret->cgroup = conf_path(path);
        return ret->cgroup ? unit_list_pids(ret) : -ENOMEM;
}

static void check_processes(Walk *w, const char *unit, const char *cgroup) {
        UnitState state = {};
        int r;

        r = list_pids(cgroup, &state);
        if (r < 0)
                findings_add(&w->check->findings, FINDING_BAD_UNIT,
                             "%s cannot be migrated: its cgroup cannot be read: %s", unit, strerror(-r));
        for (size_t i = 0; r >= 0 && i < state.n_pids; i++)
                check_process(w, unit, state.pids[i]);
        unit_state_clear(&state);
}

static int on_cgroup(sd_bus_message *answer, void *userdata, sd_bus_error *ret_error) {
        UnitQuestion *q = userdata;
        Walk *w = q->walk;
        const char *cgroup = NULL;

        if (sd_bus_message_is_method_error(answer, NULL) || sd_bus_message_read(answer, "v", "s", &cgroup) < 0 ||
            isempty(cgroup))
                findings_add(&w->check->findings, FINDING_BAD_UNIT,
                             "%s cannot be migrated: systemd does not tell its cgroup", q->name);
        else
                check_processes(w, q->name, cgroup);
        if (--w->pending == 0)
                walk_finish(w);
        return 1;
}

static int ask_cgroup(Walk *w, const char *name, const char *path) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        UnitQuestion *q;
        int r;

        q = malloc(sizeof(UnitQuestion));
        if (!q)
                return -ENOMEM;
        *q = (UnitQuestion) { w, strdup(name) };
        r = !q->name ? -ENOMEM :
                sd_bus_call_method_async(w->bus, &slot, SYSTEMD, path, "org.freedesktop.DBus.Properties", "Get",
                                         on_cgroup, q, "ss",
                                         strstr(name, ".scope") ? SYSTEMD ".Scope" : SYSTEMD ".Service", "ControlGroup");
        if (r < 0) {
                unit_question_free(q);
                return r;
        }
        sd_bus_slot_set_floating(slot, 1);
        sd_bus_slot_set_destroy_callback(slot, unit_question_free);
        w->pending++;
        return 0;
}

static const char *const action_texts[_ENGINE_ACTION_MAX] = {
        [ENGINE_MIGRATE] = "goes on in the twin",
        [ENGINE_STOP]    = "ends with the running kernel",
};

/* tkd itself, as a cold boot or an upgrade has started it. */
static bool is_own_unit(const char *name) {
        return streq(name, "tkd.service") || streq(name, "tkd-twin.service");
}

static int add_unit(Walk *w, const char *name, const char *path) {
        const PolicyRule *rule = is_own_unit(name) ? NULL : policy_find(&w->check->policy, name);
        EngineAction action = rule ? rule->action : ENGINE_STOP;
        int r;

        findings_add(&w->check->findings, FINDING_UNIT, "%s: %s: %s (%s)", name, action_to_string(action),
                     action_texts[action], rule ? rule->source : "no rule");
        r = plan_add_unit(w->check->plan, name, action, rule && rule->tcp_keep, rule ? rule->carry : NULL);
        if (r < 0 || action != ENGINE_MIGRATE)
                return r;
        return ask_cgroup(w, name, path);
}

static int add_units(Walk *w, sd_bus_message *answer) {
        const char *name, *sub, *path;
        int r;

        r = sd_bus_message_enter_container(answer, 'a', "(ssssssouso)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(answer, "(ssssssouso)", &name, NULL, NULL, NULL, &sub, NULL, &path,
                                        NULL, NULL, NULL)) > 0) {
                if (streq(sub, "exited"))
                        continue;       /* active, but nothing of it runs */
                r = add_unit(w, name, path);
                if (r < 0)
                        return r;
        }
        return r;
}

static int on_units(sd_bus_message *answer, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *failure = sd_bus_message_get_error(answer);
        Walk *w = userdata;
        int r = 0;

        if (failure)
                findings_add(&w->check->findings, FINDING_FAILED, "Cannot ask systemd for its units: %s",
                             strempty(failure->message));
        else {
                r = add_units(w, answer);
                if (r < 0)
                        findings_add(&w->check->findings, FINDING_FAILED, "Cannot read systemd's list of units: %s",
                                     strerror(-r));
                else if (w->pending == 0)
                        findings_add(&w->check->findings, FINDING_NOTHING_MIGRATES,
                                     "The policy lets no running unit migrate: all of them end with this kernel");
        }
        if (w->pending == 0)
                walk_finish(w);
        return 1;
}

int check_units_start(sd_bus *bus, Check *check, UnitsDoneFn done, void *userdata) {
        static const char *const states[] = { "active", "activating", "reloading", "deactivating", NULL };
        static const char *const patterns[] = { "*.service", "*.scope", NULL };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        Walk *w;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD ".Manager",
                                           "ListUnitsByPatterns");
        if (r < 0)
                return r;
        r = sd_bus_message_append_strv(m, (char **) states);
        if (r < 0)
                return r;
        r = sd_bus_message_append_strv(m, (char **) patterns);
        if (r < 0)
                return r;
        w = malloc(sizeof(Walk));
        if (!w)
                return -ENOMEM;
        *w = (Walk) { .bus = sd_bus_ref(bus), .check = check, .done = done, .userdata = userdata };
        r = sd_bus_call_async(bus, &slot, m, on_units, w, 0);
        if (r < 0) {
                sd_bus_unref(w->bus);
                free(w);
                return r;
        }
        sd_bus_slot_set_floating(slot, 1);
        return 0;
}
