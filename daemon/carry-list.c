/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CarryList: which files units need in the twin, see carry-list.h.
 */
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "carry-list.h"

static bool is_kernel_filesystem(const char *path) {
        struct statfs s;

        if (statfs(path, &s) < 0)
                return false;
        return s.f_type == PROC_SUPER_MAGIC || s.f_type == SYSFS_MAGIC || s.f_type == CGROUP2_SUPER_MAGIC ||
               s.f_type == DEBUGFS_MAGIC || s.f_type == TRACEFS_MAGIC || s.f_type == SECURITYFS_MAGIC;
}

static int64_t nsec(struct timespec ts) {
        return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int add_entry(json_object *list, const char *path, const struct stat *st, bool written) {
        json_object *entry = json_object_new_object();
        char change[64];

        if (!entry)
                return -ENOMEM;
        snprintf(change, sizeof(change), "%" PRIu64 ":%" PRId64, (uint64_t) st->st_ino, nsec(st->st_ctim));
        json_object_object_add(entry, "mode", json_object_new_int64(st->st_mode));
        json_object_object_add(entry, "uid", json_object_new_int64(st->st_uid));
        json_object_object_add(entry, "gid", json_object_new_int64(st->st_gid));
        json_object_object_add(entry, "size", json_object_new_int64(st->st_size));
        json_object_object_add(entry, "mtime", json_object_new_int64(nsec(st->st_mtim)));
        json_object_object_add(entry, "change", json_object_new_string(change));
        json_object_object_add(entry, "written", json_object_new_boolean(written));
        return json_object_object_add(list, path, entry) < 0 ? -ENOMEM : 0;
}

static int add_one(json_object *list, const char *path, bool written) {
        json_object *known;
        struct stat st;

        if (json_object_object_get_ex(list, path, &known)) {
                if (written)
                        json_object_object_add(known, "written", json_object_new_boolean(true));
                return 0;
        }
        if (lstat(path, &st) < 0)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
        if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
                return 0;
        return add_entry(list, path, &st, written);
}

static int add_parents(json_object *list, const char *path) {
        char part[PATH_MAX];
        int r;

        if (snprintf(part, sizeof(part), "%s", path) >= (int) sizeof(part))
                return -ENAMETOOLONG;
        for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                r = add_one(list, part, false);
                *slash = '/';
                if (r < 0)
                        return r;
        }
        return 0;
}

int carry_list_add(json_object *list, const char *path, bool written) {
        int r;

        if (path[0] != '/' || path[1] == '\0' || is_kernel_filesystem(path))
                return 0;
        r = add_parents(list, path);
        return r < 0 ? r : add_one(list, path, written);
}

/* State of one walk; nftw() has no argument for it, and the engine has one thread. */
static struct {
        json_object *list;
        int r;
} walk;

static int walk_step(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        walk.r = add_one(walk.list, path, false);
        return walk.r < 0 ? FTW_STOP : FTW_CONTINUE;
}

int carry_list_add_tree(json_object *list, const char *path) {
        int r;

        r = carry_list_add(list, path, false);
        if (r < 0)
                return r;
        walk.list = list;
        walk.r = 0;
        if (nftw(path, walk_step, 32, FTW_PHYS | FTW_MOUNT | FTW_ACTIONRETVAL) < 0 && errno != ENOENT)
                return -errno;
        return walk.r;
}

/* One line of /proc/PID/maps: "start-end perms offset dev inode   path". */
static int add_mapping(json_object *list, const char *line) {
        const char *path = strchr(line, '/'), *perms = strchr(line, ' ');
        _cleanup_free_ char *name = NULL;
        size_t n;

        if (!path || !perms || startswith(path, "/memfd:") || startswith(path, "/SYSV"))
                return 0;
        n = strcspn(path, "\n");
        name = strndup(path, n);
        if (!name)
                return -ENOMEM;
        return carry_list_add(list, name, perms[2] == 'w' && perms[4] == 's');
}

static int add_mappings(json_object *list, pid_t pid) {
        _cleanup_fclose_ FILE *f = NULL;
        _cleanup_free_ char *line = NULL;
        char path[64];
        size_t size = 0;
        int r = 0;

        snprintf(path, sizeof(path), "/proc/%d/maps", (int) pid);
        f = fopen(path, "re");
        if (!f)
                return errno == ENOENT ? 0 : -errno;
        while (r >= 0 && getline(&line, &size, f) > 0)
                r = add_mapping(list, line);
        return r;
}

static bool opened_for_writing(pid_t pid, const char *number) {
        _cleanup_fclose_ FILE *f = NULL;
        char path[300], line[128];
        unsigned flags;

        snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", (int) pid, number);
        f = fopen(path, "re");
        while (f && fgets(line, sizeof(line), f))
                if (sscanf(line, "flags: %o", &flags) == 1)
                        return (flags & O_ACCMODE) != O_RDONLY;
        return false;
}

static int add_opened(json_object *list, pid_t pid, const char *number) {
        char path[300], target[PATH_MAX];
        struct stat st;
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int) pid, number);
        if (stat(path, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) || st.st_nlink == 0)
                return 0;
        n = readlink(path, target, sizeof(target) - 1);
        if (n < 0)
                return 0;
        target[n] = '\0';
        return carry_list_add(list, target, S_ISREG(st.st_mode) && opened_for_writing(pid, number));
}

static int add_opened_files(json_object *list, pid_t pid) {
        _cleanup_closedir_ DIR *dir = NULL;
        struct dirent *de;
        char path[64];
        int r = 0;

        snprintf(path, sizeof(path), "/proc/%d/fd", (int) pid);
        dir = opendir(path);
        if (!dir)
                return errno == ENOENT ? 0 : -errno;
        while (r >= 0 && (de = readdir(dir)))
                if (de->d_name[0] != '.')
                        r = add_opened(list, pid, de->d_name);
        return r;
}

static int add_link_target(json_object *list, pid_t pid, const char *name) {
        char path[64], target[PATH_MAX];
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, name);
        n = readlink(path, target, sizeof(target) - 1);
        if (n < 0)
                return errno == ENOENT ? 0 : -errno;
        target[n] = '\0';
        return carry_list_add(list, target, false);
}

static int add_process(json_object *list, pid_t pid) {
        int r;

        r = add_link_target(list, pid, "cwd");
        if (r >= 0)
                r = add_link_target(list, pid, "exe");
        if (r >= 0)
                r = add_mappings(list, pid);
        if (r >= 0)
                r = add_opened_files(list, pid);
        return r;
}

int carry_list_add_unit(json_object *list, const EngineUnit *unit, const UnitState *state) {
        int r = 0;

        for (char **i = state->files; r >= 0 && i && *i; i++)
                r = carry_list_add(list, *i, false);
        for (char **i = unit->carry; r >= 0 && i && *i; i++)
                r = carry_list_add_tree(list, *i);
        for (size_t i = 0; r >= 0 && i < state->n_pids; i++)
                r = add_process(list, state->pids[i]);
        return r;
}

static int64_t get_int(json_object *entry, const char *key) {
        json_object *value;

        return json_object_object_get_ex(entry, key, &value) ? json_object_get_int64(value) : -1;
}

bool carry_list_is_written(json_object *entry) {
        json_object *value;

        return json_object_object_get_ex(entry, "written", &value) && json_object_get_boolean(value);
}

bool carry_list_same(json_object *entry, const char *path) {
        struct stat st;

        if (carry_list_is_written(entry) || lstat(path, &st) < 0)
                return false;
        if (st.st_mode != get_int(entry, "mode") || st.st_uid != get_int(entry, "uid") ||
            st.st_gid != get_int(entry, "gid"))
                return false;
        if (S_ISDIR(st.st_mode))
                return true;
        return st.st_size == get_int(entry, "size") && nsec(st.st_mtim) == get_int(entry, "mtime");
}

bool carry_list_changed(json_object *entry, json_object *earlier) {
        json_object *a, *b;

        if (!earlier || carry_list_is_written(entry))
                return true;
        return !json_object_object_get_ex(entry, "change", &a) ||
               !json_object_object_get_ex(earlier, "change", &b) || !json_object_equal(a, b);
}
