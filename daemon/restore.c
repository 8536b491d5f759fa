/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Restore: the twin's part before the commit. "prepare" comes while the
 * applications still run in the old kernel and does all that can be done
 * without them; "restore" is their downtime.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "engine-error.h"
#include "log.h"
#include "reception.h"
#include "strv.h"

/* A clock that is off by less is left alone. */
#define CLOCK_SLACK_NSEC        INT64_C(1000000)

static int64_t get_int(json_object *o, const char *key) {
        json_object *value;

        return json_object_object_get_ex(o, key, &value) ? json_object_get_int64(value) : 0;
}

/* The old kernel's time at a known TSC tells the time now. */
static int set_clock(Reception *c, json_object *frame) {
        int64_t realtime = get_int(frame, "realtime"), now;
        uint64_t ticks = tsc_now() - (uint64_t) get_int(frame, "tsc");
        struct twin_info info;
        struct timespec ts;
        int r;

        r = c->backend->twin->info(c->device_fd, &info);
        if (r < 0 || realtime == 0 || info.tsc_khz == 0 || !c->backend->machine->set_clock)
                return r;
        realtime += (int64_t) ((unsigned __int128) ticks * 1000000 / info.tsc_khz);
        clock_gettime(CLOCK_REALTIME, &ts);
        now = ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
        if (llabs(now - realtime) < CLOCK_SLACK_NSEC)
                return 0;
        log_info("Moving the clock by %lld ms", (long long) ((realtime - now) / 1000000));
        return c->backend->machine->set_clock((uint64_t) realtime);
}

/* A thread or process that has the number already makes CRIU fail when it is too late. */
static int check_pid(const char *unit, int pid, EngineError *e) {
        char path[64], comm[32] = "";
        _cleanup_close_ int fd = -EBADF;
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/comm", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return 0;
        n = read(fd, comm, sizeof(comm) - 1);
        comm[n > 0 ? strcspn(comm, "\n") : 0] = '\0';
        return engine_error_set(e, -EEXIST, "RestoreFailed",
                                "%s needs the process number %d, which \"%s\" has here", unit, pid, comm);
}

static int check_pids(Reception *c, json_object *unit, EngineError *e) {
        const char *name = frame_get_string(unit, "name");
        json_object *pids;
        int r = 0;

        if (!json_object_object_get_ex(unit, "pids", &pids) || !json_object_is_type(pids, json_type_array))
                return 0;
        for (size_t i = 0; r >= 0 && i < json_object_array_length(pids); i++)
                r = check_pid(name, json_object_get_int(json_object_array_get_idx(pids, i)), e);
        return r;
}

static int add_place(Reception *c, json_object *unit) {
        const char *name = frame_get_string(unit, "name");
        Place *grown, *p;

        if (!name)
                return -EBADMSG;
        grown = reallocarray(c->places, c->n_places + 1, sizeof(Place));
        if (!grown)
                return -ENOMEM;
        c->places = grown;
        p = &grown[c->n_places];
        *p = (Place) { .name = strdup(name), .tcp_keep = get_int(unit, "tcp-keep") };
        if (!p->name)
                return -ENOMEM;
        c->n_places++;
        return 0;
}

static int take_units(Reception *c, json_object *frame, EngineError *e) {
        const char *dir = frame_get_string(frame, "dir");
        json_object *units;
        int r;

        if (!dir || !json_object_object_get_ex(frame, "units", &units) ||
            !json_object_is_type(units, json_type_array))
                return engine_error_set(e, -EBADMSG, "Failed", "Bad request to prepare");
        json_object_put(c->estate);
        c->estate = json_object_get(json_object_object_get(frame, "estate"));
        r = free_and_strdup(&c->dir, dir);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(units); i++) {
                json_object *unit = json_object_array_get_idx(units, i);

                r = check_pids(c, unit, e);
                if (r >= 0)
                        r = add_place(c, unit);
        }
        return r;
}

static int mount_memory(Reception *c, EngineError *e) {
        _cleanup_free_ char *text = NULL;
        struct twin_info info;
        int r;

        r = c->backend->twin->info(c->device_fd, &info);
        if (r >= 0)
                r = c->backend->handover->mount(&info, c->dir, &text);
        return r < 0 ? engine_error_take(e, r, "RestoreFailed", "Checkpoint memory", text) : 0;
}

static int unpack(Reception *c, bool late, EngineError *e) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = c->backend->carry->unpack(late, c->dir, &text);
        return r < 0 ? engine_error_take(e, r, "RestoreFailed", "Files of the units", text) : 0;
}

static int umount_memory(Reception *c, EngineError *e) {
        int r;

        r = c->backend->handover->umount(c->dir);
        return r < 0 ? engine_error_set(e, r, "RestoreFailed", "Cannot unmount %s: %m", c->dir) : 0;
}

static int list_names(const Reception *c, char ***ret) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < c->n_places; i++)
                r = strv_push(ret, c->places[i].name);
        return r;
}

static int make_places(Reception *c, EngineError *e) {
        _cleanup_strv_ char **names = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        r = list_names(c, &names);
        if (r >= 0 && names)
                r = c->backend->place->prepare(names, &text);
        for (size_t i = 0; r >= 0 && i < c->n_places; i++)
                r = c->backend->unit->inspect(c->places[i].name, &c->places[i].holder, &text);
        return r < 0 ? engine_error_take(e, r, "RestoreFailed", "Places for the units", text) : 0;
}

static int warm_up(Reception *c, EngineError *e) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = c->backend->criu->check(&text);
        return r < 0 ? engine_error_take(e, r, "RestoreFailed", "CRIU does not work", text) : 0;
}

int reception_prepare(Reception *c, json_object *frame, EngineError *e) {
        int r;

        reception_stamp(c, "prepare-begin");
        r = set_clock(c, frame);
        if (r < 0)
                return engine_error_set(e, r, "RestoreFailed", "Cannot set the clock: %m");
        r = take_units(c, frame, e);
        if (r >= 0)
                r = mount_memory(c, e);
        if (r >= 0)
                r = unpack(c, false, e);
        if (r >= 0)
                r = umount_memory(c, e);
        if (r >= 0)
                r = make_places(c, e);
        if (r >= 0)
                r = warm_up(c, e);
        reception_stamp(c, "prepare-end");
        return r;
}

static int note_pids(Reception *c, const UnitState *u) {
        pid_t *grown = reallocarray(c->pids, c->n_pids + u->n_pids + 1, sizeof(pid_t));

        if (!grown)
                return -ENOMEM;
        c->pids = grown;
        for (size_t i = 0; i < u->n_pids; i++)
                c->pids[c->n_pids++] = u->pids[i];
        return 0;
}

/* Everything in the unit's cgroup now, the placeholder as well: it does not mind a SIGCONT. */
static int note_restored(Reception *c, const char *name, char **ret_text) {
        UnitState u = {};
        int r;

        r = c->backend->unit->inspect(name, &u, ret_text);
        if (r >= 0)
                r = note_pids(c, &u);
        unit_state_clear(&u);
        return r;
}

static int restore_place(Reception *c, const Place *place, char **ret_text) {
        char dir[PATH_MAX];
        CriuRequest request = {
                .name = place->name,
                .unit = &place->holder,
                .dir = dir,
                .tcp_keep = place->tcp_keep,
        };
        pid_t main_pid;
        int r;

        snprintf(dir, sizeof(dir), "%s/units/%s", c->dir, place->name);
        main_pid = c->backend->criu->restore(&request, ret_text);
        if (main_pid < 0)
                return main_pid;
        r = c->backend->place->adopt(place->name, main_pid, ret_text);
        return r < 0 ? r : note_restored(c, place->name, ret_text);
}

static int restore_places(Reception *c, EngineError *e) {
        for (size_t i = 0; i < c->n_places; i++) {
                _cleanup_free_ char *text = NULL, *what = NULL;
                int r;

                reception_progress(c, (unsigned) (20 + 80 * i / c->n_places), "Restoring %s", c->places[i].name);
                r = restore_place(c, &c->places[i], &text);
                if (r >= 0)
                        continue;
                if (asprintf(&what, "Cannot restore %s", c->places[i].name) < 0)
                        what = NULL;
                return engine_error_take(e, r, "RestoreFailed", strempty(what), text);
        }
        return 0;
}

int reception_restore(Reception *c, json_object *frame, EngineError *e) {
        int r;

        if (!c->dir)
                return engine_error_set(e, -EBADMSG, "Failed", "Restore without prepare");
        r = mount_memory(c, e);
        if (r >= 0)
                r = unpack(c, true, e);
        if (r < 0)
                return r;
        reception_stamp(c, "transfer-end");
        reception_stamp(c, "restore-begin");
        r = restore_places(c, e);
        if (r < 0)
                return r;
        reception_stamp(c, "restore-end");
        return umount_memory(c, e);
}
