/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The step that stops the applications: what can be carried while they run goes
 * to the twin first, which makes places for them; then they are frozen and
 * dumped. They stay frozen here until the commit or the undo.
 */
#include <limits.h>
#include <time.h>

#include "files.h"
#include "twin-device.h"
#include "worker.h"

#define FREEZE_TIMEOUT_USEC     (10 * USEC_PER_SEC)

static const EngineUnit *unit_of(Worker *w, size_t i) {
        return &w->plan->units[i];
}

/* Whether the unit takes part: it is to migrate, and had processes when it was looked at. */
static bool takes_part(Worker *w, size_t i) {
        return w->states[i].cgroup != NULL;
}

static int inspect_unit(Worker *w, size_t i, EngineError *e) {
        _cleanup_free_ char *text = NULL;
        int r;

        unit_state_clear(&w->states[i]);
        r = w->backend->unit->inspect(unit_of(w, i)->name, &w->states[i], &text);
        if (r == -ENOENT) {
                worker_progress(w, 0, "%s has no processes, nothing to migrate", unit_of(w, i)->name);
                return 0;
        }
        if (r < 0)
                return engine_error_take(e, r, "CheckpointFailed", unit_of(w, i)->name, text);
        return 0;
}

static int inspect_units(Worker *w, EngineError *e) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < w->plan->n_units; i++)
                if (unit_of(w, i)->action == ENGINE_MIGRATE)
                        r = inspect_unit(w, i, e);
        return r;
}

static int mount_memory(Worker *w, bool format, EngineError *e) {
        const HandoverOps *handover = w->backend->handover;
        _cleanup_free_ char *text = NULL;
        struct twin_info info;
        int r;

        r = worker_info(w, &info, e);
        if (r < 0)
                return r;
        r = format ? handover->format(&info, &text) : 0;
        if (r >= 0)
                r = handover->mount(&info, w->plan->handover_dir, &text);
        return r < 0 ? engine_error_take(e, r, "CheckpointFailed", "Checkpoint memory", text) : 0;
}

static int umount_memory(Worker *w, EngineError *e) {
        int r;

        r = w->backend->handover->umount(w->plan->handover_dir);
        return r < 0 ? engine_error_set(e, r, "CheckpointFailed", "Cannot unmount %s: %m", w->plan->handover_dir) : 0;
}

static int pack_files(Worker *w, bool late, EngineError *e) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = w->backend->carry->pack(w->plan->units, w->states, w->plan->n_units, late, w->plan->handover_dir, &text);
        return r < 0 ? engine_error_take(e, r, "CheckpointFailed", "Files of the units", text) : 0;
}

/* A thread's number must be free in the twin as well. */
static void add_threads(json_object *pids, pid_t pid) {
        _cleanup_closedir_ DIR *dir = NULL;
        struct dirent *de;
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/task", (int) pid);
        dir = opendir(path);
        while (dir && (de = readdir(dir)))
                if (de->d_name[0] != '.')
                        json_object_array_add(pids, json_object_new_int(atoi(de->d_name)));
}

static json_object *describe_unit(Worker *w, size_t i) {
        json_object *o = json_object_new_object(), *pids = json_object_new_array();

        for (size_t k = 0; k < w->states[i].n_pids; k++)
                add_threads(pids, w->states[i].pids[k]);
        json_object_object_add(o, "name", json_object_new_string(unit_of(w, i)->name));
        json_object_object_add(o, "tcp-keep", json_object_new_boolean(unit_of(w, i)->tcp_keep));
        json_object_object_add(o, "pids", pids);
        return o;
}

/* What the twin needs to know before the images come; the clock as a pair of one moment. */
static json_object *describe(Worker *w, json_object *estate) {
        json_object *o = json_object_new_object(), *units = json_object_new_array();
        struct timespec ts;

        for (size_t i = 0; i < w->plan->n_units; i++)
                if (takes_part(w, i))
                        json_object_array_add(units, describe_unit(w, i));
        clock_gettime(CLOCK_REALTIME, &ts);
        json_object_object_add(o, "units", units);
        json_object_object_add(o, "estate", estate);
        json_object_object_add(o, "realtime", json_object_new_int64(ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec));
        json_object_object_add(o, "tsc", json_object_new_int64((int64_t) tsc_now()));
        json_object_object_add(o, "dir", json_object_new_string(w->plan->handover_dir));
        return o;
}

static int ask_prepare(Worker *w, EngineError *e) {
        _cleanup_free_ char *text = NULL;
        json_object *estate;
        int r;

        r = w->backend->estate->describe(&estate, &text);
        if (r < 0)
                return engine_error_take(e, r, "CheckpointFailed", "What the machine has", text);
        r = worker_ask(w, "prepare", describe(w, estate), e);
        if (r >= 0)
                r = worker_answer(w, "prepared", w->plan->restore_timeout_usec, "RestoreFailed", e);
        return r > 0 ? engine_error_set(e, -EPROTO, "TwinFailed", "The twin committed unasked") : r;
}

/* While the applications still run: files that do not change, and places in the twin. */
static int prepare_twin(Worker *w, EngineError *e) {
        int r;

        worker_progress(w, 5, "Copying files to the twin");
        r = mount_memory(w, true, e);
        if (r >= 0)
                r = pack_files(w, false, e);
        if (r >= 0)
                r = umount_memory(w, e);
        if (r >= 0)
                r = worker_check_cancel(w, e);
        if (r < 0)
                return r;

        worker_progress(w, 30, "The twin prepares the units");
        return ask_prepare(w, e);
}

static int freeze_units(Worker *w, EngineError *e) {
        int r;

        worker_progress(w, 50, "Freezing the units");
        worker_stamp(w, "freeze-begin");
        for (size_t i = 0; i < w->plan->n_units; i++) {
                if (!takes_part(w, i))
                        continue;
                r = w->backend->unit->freeze(&w->states[i], FREEZE_TIMEOUT_USEC);
                if (r < 0)
                        return engine_error_set(e, r, "CheckpointFailed", "Cannot freeze %s: %m", unit_of(w, i)->name);
        }
        worker_stamp(w, "freeze-end");
        return worker_check_cancel(w, e);
}

static int dump_unit(Worker *w, size_t i, EngineError *e) {
        _cleanup_free_ char *text = NULL, *what = NULL, *dir = NULL;
        CriuRequest request;
        int r;

        if (asprintf(&dir, "%s/units/%s", w->plan->handover_dir, unit_of(w, i)->name) < 0 ||
            asprintf(&what, "Cannot dump %s", unit_of(w, i)->name) < 0)
                return engine_error_set(e, -ENOMEM, "Failed", "Out of memory");
        r = mkdir_parents(dir);
        if (r < 0)
                return engine_error_set(e, r, "CheckpointFailed", "Cannot make %s: %m", dir);
        request = (CriuRequest) {
                .name = unit_of(w, i)->name,
                .unit = &w->states[i],
                .dir = dir,
                .tcp_keep = unit_of(w, i)->tcp_keep,
        };
        r = w->backend->criu->dump(&request, &text);
        return r < 0 ? engine_error_take(e, r, "CheckpointFailed", what, text) : 0;
}

static int dump_units(Worker *w, EngineError *e) {
        int r;

        worker_stamp(w, "dump-begin");
        for (size_t i = 0; i < w->plan->n_units; i++) {
                if (!takes_part(w, i))
                        continue;
                worker_progress(w, 60 + (unsigned) (40 * i / w->plan->n_units), "Dumping %s", unit_of(w, i)->name);
                r = dump_unit(w, i, e);
                if (r >= 0)
                        r = worker_check_cancel(w, e);
                if (r < 0)
                        return r;
        }
        worker_stamp(w, "dump-end");
        return 0;
}

static int warm_up(Worker *w, EngineError *e) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = w->backend->criu->check(&text);
        return r < 0 ? engine_error_take(e, r, "CheckpointFailed", "CRIU does not work here", text) : 0;
}

int step_checkpoint(Worker *w, EngineError *e) {
        int r;

        r = inspect_units(w, e);
        if (r >= 0)
                r = warm_up(w, e);
        if (r >= 0)
                r = prepare_twin(w, e);
        if (r >= 0)
                r = mount_memory(w, false, e);
        if (r >= 0)
                r = freeze_units(w, e);
        return r < 0 ? r : dump_units(w, e);
}

/* The applications may run here again only when no twin can run them. */
int undo_checkpoint(Worker *w, EngineError *e) {
        int r;

        r = undo_fence(w, e);
        if (r < 0)
                return r;
        for (size_t i = 0; i < w->plan->n_units; i++) {
                int k;

                if (unit_of(w, i)->action != ENGINE_MIGRATE)
                        continue;
                k = w->backend->unit->thaw(unit_of(w, i)->name);
                if (k < 0)
                        r = engine_error_set(e, k, "Failed", "Cannot thaw %s: %m", unit_of(w, i)->name);
        }
        if (r < 0)
                return r;
        worker_stamp(w, "thaw");
        return umount_memory(w, e);
}

static int save_job(Worker *w, EngineError *e) {
        char path[PATH_MAX];
        int r;

        snprintf(path, sizeof(path), "%s/job.json", w->plan->handover_dir);
        r = write_json_file(path, w->job);
        return r < 0 ? engine_error_set(e, r, "CheckpointFailed", "Cannot write %s: %m", path) : 0;
}

/* Begins where the checkpoint ends: everything stands still and can be carried. */
int step_migrate(Worker *w, EngineError *e) {
        int r;

        worker_progress(w, 0, "Handing the checkpoint over");
        worker_stamp(w, "transfer-begin");
        r = pack_files(w, true, e);
        if (r >= 0)
                r = save_job(w, e);
        if (r >= 0)
                r = umount_memory(w, e);
        if (r >= 0)
                r = worker_check_cancel(w, e);
        if (r >= 0)
                r = worker_ask(w, "restore", NULL, e);
        if (r < 0)
                return r;
        worker_progress(w, 20, "Restoring in the twin");
        r = worker_answer(w, "restored", w->plan->restore_timeout_usec, "RestoreFailed", e);
        return r > 0 ? engine_error_set(e, -EPROTO, "TwinFailed", "The twin committed unasked") : r;
}
