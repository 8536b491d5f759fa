/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carry: packs and unpacks the files of units with tar, see carry.h.
 *
 * Beside each archive lies its list: {"files": {path: entry}, "gone": [path]}.
 * The late list holds what is new, changed or open for writing since the early
 * one, and names what has disappeared.
 */
#include <limits.h>
#include <sys/stat.h>

#include "carry-list.h"
#include "carry.h"
#include "engine-error.h"
#include "files.h"
#include "program.h"
#include "strv.h"

#define TAR_FILE_CHANGED        1       /* exit status: a file changed while it was read */

typedef struct CarryPaths {
        char archive[PATH_MAX];
        char list[PATH_MAX];
        char names[PATH_MAX];
} CarryPaths;

static void carry_paths(CarryPaths *p, const char *dir, bool late) {
        const char *stem = late ? "files-late" : "files-early";

        snprintf(p->archive, sizeof(p->archive), "%s/%s.tar", dir, stem);
        snprintf(p->list, sizeof(p->list), "%s/%s.json", dir, stem);
        snprintf(p->names, sizeof(p->names), "%s/%s.names", dir, stem);
}

/* Writes the names as tar wants them: relative to /, each ended by a zero byte. */
static int write_names(const char *path, char *const *names) {
        _cleanup_fclose_ FILE *f = fopen(path, "we");

        if (!f)
                return -errno;
        for (; names && *names; names++)
                if (fwrite(*names + 1, strlen(*names + 1) + 1, 1, f) != 1)
                        return -EIO;
        return fflush(f) == 0 ? 0 : -errno;
}

static int collect(const EngineUnit *units, const UnitState *states, size_t n, json_object **ret) {
        _cleanup_json_ json_object *list = json_object_new_object();
        int r;

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                if (!states[i].cgroup)
                        continue;
                r = carry_list_add_unit(list, &units[i], &states[i]);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(list);
        return 0;
}

/* Takes out of the list what goes at the other time. */
static void keep_early(json_object *list) {
        json_object_object_foreach(list, path, entry) {
                if (carry_list_is_written(entry))
                        json_object_object_del(list, path);
        }
}

static int keep_late(json_object *list, json_object *early, json_object *gone) {
        json_object_object_foreach(early, old_path, old_entry) {
                if (old_entry && !json_object_object_get_ex(list, old_path, NULL) &&
                    json_object_array_add(gone, json_object_new_string(old_path)) < 0)
                        return -ENOMEM;
        }
        json_object_object_foreach(list, path, entry) {
                json_object *earlier = NULL;

                json_object_object_get_ex(early, path, &earlier);
                if (!carry_list_changed(entry, earlier))
                        json_object_object_del(list, path);
        }
        return 0;
}

static int read_early(const char *dir, json_object **ret) {
        _cleanup_json_ json_object *object = NULL;
        json_object *files;
        CarryPaths p;
        int r;

        carry_paths(&p, dir, false);
        r = read_json_file(p.list, &object);
        if (r < 0)
                return r;
        if (!json_object_object_get_ex(object, "files", &files))
                return -EBADMSG;
        *ret = json_object_get(files);
        return 0;
}

/* Makes the list of this time, as it is saved beside the archive. */
static int make_list(const EngineUnit *units, const UnitState *states, size_t n, bool late, const char *dir,
                     json_object **ret) {
        _cleanup_json_ json_object *list = NULL, *early = NULL, *saved = json_object_new_object();
        json_object *gone = json_object_new_array();
        int r;

        if (!saved || !gone)
                return -ENOMEM;
        json_object_object_add(saved, "gone", gone);
        r = collect(units, states, n, &list);
        if (r >= 0 && late)
                r = read_early(dir, &early);
        if (r < 0)
                return r;
        if (late)
                r = keep_late(list, early, gone);
        else
                keep_early(list);
        if (r < 0)
                return r;
        json_object_object_add(saved, "files", TAKE_PTR(list));
        *ret = TAKE_PTR(saved);
        return 0;
}

static int list_names(json_object *list, char ***ret, bool missing_only) {
        json_object *files;
        int r;

        if (!json_object_object_get_ex(list, "files", &files))
                return -EBADMSG;
        json_object_object_foreach(files, path, entry) {
                if (missing_only && carry_list_same(entry, path))
                        continue;
                r = strv_push(ret, path);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int run_tar(const char *const *argv, bool late, char **ret_error) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = run_program(argv, &text);
        if (r == 0 || (r == TAR_FILE_CHANGED && !late))
                return 0;
        return error_text(ret_error, r < 0 ? r : -EIO, "Cannot carry files: %s", strempty(text));
}

static int tar_create(const CarryPaths *p, bool late, char **ret_error) {
        return run_tar((const char *const[]) {
                               "tar", "--create", "--file", p->archive, "--directory=/", "--null",
                               "--no-recursion", "--sparse", "--numeric-owner", "--acls", "--xattrs",
                               "--xattrs-include=*", "--warning=no-file-ignored", "--files-from", p->names,
                               late ? NULL : "--ignore-failed-read", NULL }, late, ret_error);
}

static int tar_extract(const CarryPaths *p, const char *names, char **ret_error) {
        return run_tar((const char *const[]) {
                               "tar", "--extract", "--file", p->archive, "--directory=/", "--null",
                               "--no-recursion", "--same-permissions", "--same-owner", "--numeric-owner",
                               "--acls", "--xattrs", "--xattrs-include=*", "--files-from", names, NULL },
                       true, ret_error);
}

static int carry_pack(const EngineUnit *units, const UnitState *states, size_t n, bool late, const char *dir,
                      char **ret_error) {
        _cleanup_json_ json_object *list = NULL;
        _cleanup_strv_ char **names = NULL;
        CarryPaths p;
        int r;

        carry_paths(&p, dir, late);
        r = make_list(units, states, n, late, dir, &list);
        if (r >= 0)
                r = list_names(list, &names, false);
        if (r >= 0)
                r = write_json_file(p.list, list);
        if (r >= 0)
                r = write_names(p.names, names);
        if (r < 0)
                return error_text(ret_error, r, "Cannot list the files to carry: %m");
        return names ? tar_create(&p, late, ret_error) : 0;
}

static void remove_gone(json_object *list) {
        json_object *gone;

        if (!json_object_object_get_ex(list, "gone", &gone))
                return;
        for (size_t i = json_object_array_length(gone); i > 0; i--)
                remove(json_object_get_string(json_object_array_get_idx(gone, i - 1)));
}

/* The handover memory may be mounted anywhere, the names that are missing here go to /run. */
static int carry_unpack(bool late, const char *dir, char **ret_error) {
        static const char missing[] = "/run/tkd/carry.names";
        _cleanup_json_ json_object *list = NULL;
        _cleanup_strv_ char **names = NULL;
        CarryPaths p;
        int r;

        carry_paths(&p, dir, late);
        r = read_json_file(p.list, &list);
        if (r >= 0)
                r = list_names(list, &names, true);
        if (r < 0)
                return error_text(ret_error, r, "Cannot read %s: %m", p.list);
        remove_gone(list);
        if (!names)
                return 0;
        r = mkdir_parents("/run/tkd");
        if (r >= 0)
                r = write_names(missing, names);
        if (r < 0)
                return error_text(ret_error, r, "Cannot write %s: %m", missing);
        r = tar_extract(&p, missing, ret_error);
        unlink(missing);
        return r;
}

const CarryOps carry_tar = {
        .pack = carry_pack,
        .unpack = carry_unpack,
};
