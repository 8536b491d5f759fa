/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Estate: name, disks and numbers of the machine, see estate.h.
 */
#include <limits.h>
#include <mntent.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "command-line.h"
#include "engine-error.h"
#include "estate.h"
#include "files.h"
#include "frame.h"
#include "log.h"
#include "program.h"

/* A controller may need a while to find its disks. */
#define DISK_WAIT_STEPS         40
#define DISK_WAIT_STEP_NSEC     (250 * 1000 * 1000L)

/*
 * Where processes are counted from again: at the low end, as on any machine. The numbers that a
 * twin begins with are free for the next twin then.
 */
#define LAST_PID_FILE           "/proc/sys/kernel/ns_last_pid"
#define LAST_PID                "300"

/* What is bound to its place, if the machine has it. */
static const char *const bound[] = {
        "/boot",                        /* kernels and the twin's initramfs */
        "/etc/hostname",
        "/etc/tkd",                     /* configuration and policy */
        "/etc/systemd/network",         /* addresses */
        "/var/lib/tkd",                 /* jobs, from one upgrade to the next */
        "/var/log/journal",             /* the log */
};

const char *estate_path(const char *path) {
        const char *rest = startswith(path, ESTATE_ROOT);

        if (!rest || (*rest != '\0' && *rest != '/'))
                return path;
        return *rest ? rest : "/";
}

/* The device that a mount lies on: btrfs shows another number in its files. */
static int device_of(const struct mntent *m, dev_t *ret) {
        struct stat st;
        bool block = stat(m->mnt_fsname, &st) >= 0 && S_ISBLK(st.st_mode);

        if (!block && stat(m->mnt_dir, &st) < 0)
                return -errno;
        *ret = block ? st.st_rdev : st.st_dev;
        return 0;
}

/* The name of the link in @by_uuid that leads to a device. */
static int find_uuid(const char *by_uuid, dev_t dev, char **ret) {
        _cleanup_closedir_ DIR *dir = opendir(by_uuid);
        struct dirent *de;
        struct stat st;

        if (!dir)
                return -errno;
        while ((de = readdir(dir))) {
                if (de->d_name[0] == '.' || fstatat(dirfd(dir), de->d_name, &st, 0) < 0 ||
                    !S_ISBLK(st.st_mode) || st.st_rdev != dev)
                        continue;
                *ret = strdup(de->d_name);
                return *ret ? 0 : -ENOMEM;
        }
        return -ENOENT;
}

static bool known(json_object *disks, const char *uuid, const char *options) {
        for (size_t i = 0; i < json_object_array_length(disks); i++) {
                json_object *disk = json_object_array_get_idx(disks, i);

                if (streq(json_object_get_string(json_object_object_get(disk, "uuid")), uuid) &&
                    (!strstr(options, "subvol=") ||
                     streq(json_object_get_string(json_object_object_get(disk, "options")), options)))
                        return true;
        }
        return false;
}

static bool is_disk(const struct mntent *m) {
        return startswith(m->mnt_fsname, "/dev/") && !startswith(m->mnt_fsname, "/dev/loop") &&
                !startswith(m->mnt_fsname, "/dev/pmem");
}

static int add_disk(json_object *disks, const struct mntent *m, const char *uuid) {
        json_object *disk = json_object_new_object();

        if (!disk)
                return -ENOMEM;
        json_object_object_add(disk, "uuid", json_object_new_string(uuid));
        json_object_object_add(disk, "type", json_object_new_string(m->mnt_type));
        json_object_object_add(disk, "options", json_object_new_string(m->mnt_opts));
        json_object_object_add(disk, "path", json_object_new_string(estate_path(m->mnt_dir)));
        return json_object_array_add(disks, disk) < 0 ? -ENOMEM : 0;
}

static int look_at(json_object *disks, const struct mntent *m, const char *by_uuid) {
        _cleanup_free_ char *uuid = NULL;
        dev_t dev = 0;
        int r;

        if (!is_disk(m))
                return 0;
        r = device_of(m, &dev);
        if (r >= 0)
                r = find_uuid(by_uuid, dev, &uuid);
        if (r < 0) {
                log_warning_errno(r, "%s will not be mounted by the next kernel, its UUID is not known: %m", m->mnt_dir);
                return r == -ENOMEM ? r : 0;
        }
        return known(disks, uuid, m->mnt_opts) ? 0 : add_disk(disks, m, uuid);
}

int estate_find_disks(const char *mounts, const char *by_uuid, json_object **ret) {
        _cleanup_json_ json_object *disks = json_object_new_array();
        FILE *f = setmntent(mounts, "re");
        struct mntent *m;
        int r = 0;

        if (!f)
                return -errno;
        while (r >= 0 && (m = getmntent(f)))
                r = disks ? look_at(disks, m, by_uuid) : -ENOMEM;
        endmntent(f);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(disks);
        return 0;
}

static int estate_describe(json_object **ret, char **ret_error) {
        _cleanup_json_ json_object *o = json_object_new_object();
        _cleanup_free_ char *command_line = NULL;
        char hostname[HOST_NAME_MAX + 1];
        json_object *disks;
        int r;

        if (gethostname(hostname, sizeof(hostname)) < 0)
                return error_text(ret_error, -errno, "Cannot tell the name of the machine: %m");
        r = command_line_of_machine(&command_line);
        if (r < 0)
                return error_text(ret_error, r, "Cannot read the command line: %m");
        r = estate_find_disks("/proc/self/mounts", "/dev/disk/by-uuid", &disks);
        if (r < 0)
                return error_text(ret_error, r, "Cannot list the filesystems: %m");
        json_object_object_add(o, "hostname", json_object_new_string(hostname));
        json_object_object_add(o, "command-line", json_object_new_string(command_line));
        json_object_object_add(o, "disks", disks);
        *ret = TAKE_PTR(o);
        return 0;
}

static bool is_mounted(const char *path) {
        FILE *f = setmntent("/proc/self/mounts", "re");
        bool found = false;
        struct mntent *m;

        while (f && !found && (m = getmntent(f)))
                found = streq(m->mnt_dir, path);
        if (f)
                endmntent(f);
        return found;
}

static int try_mount(json_object *disk, const char *target, char **ret_error) {
        _cleanup_free_ char *source = NULL, *text = NULL;
        int r;

        if (asprintf(&source, "UUID=%s", strempty(frame_get_string(disk, "uuid"))) < 0)
                return -ENOMEM;
        r = run_program((const char *const[]) {
                                "mount", "-t", strempty(frame_get_string(disk, "type")), "-o",
                                strempty(frame_get_string(disk, "options")), source, target, NULL }, &text);
        if (r == 0)
                return 0;
        free(TAKE_PTR(*ret_error));
        return error_text(ret_error, r < 0 ? r : -EIO, "%s", strempty(text));
}

static int mount_disk(json_object *disk, char **ret_error) {
        const struct timespec step = { .tv_nsec = DISK_WAIT_STEP_NSEC };
        const char *path = strempty(frame_get_string(disk, "path"));
        char target[PATH_MAX];
        int r;

        snprintf(target, sizeof(target), ESTATE_ROOT "%s", streq(path, "/") ? "" : path);
        if (is_mounted(target))
                return 0;
        r = mkdir_parents(target);
        if (r < 0)
                return error_text(ret_error, r, "%s: %m", target);
        r = try_mount(disk, target, ret_error);
        for (unsigned i = 0; r < 0 && i < DISK_WAIT_STEPS; i++) {
                nanosleep(&step, NULL);
                r = try_mount(disk, target, ret_error);
        }
        return r;
}

static int bind_path(const char *path) {
        char source[PATH_MAX];
        int r;

        snprintf(source, sizeof(source), ESTATE_ROOT "%s", path);
        if (access(source, F_OK) < 0 || is_mounted(path))
                return 0;
        r = access(path, F_OK) >= 0 ? 0 : mkdir_parents(path);
        if (r < 0)
                return r;
        return mount(source, path, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

static int claim_disks(json_object *o) {
        json_object *disks;
        int r = 0;

        if (!json_object_object_get_ex(o, "disks", &disks))
                return 0;
        for (size_t i = 0; i < json_object_array_length(disks); i++) {
                json_object *disk = json_object_array_get_idx(disks, i);
                _cleanup_free_ char *text = NULL;
                int k;

                k = mount_disk(disk, &text);
                if (k >= 0)
                        continue;
                log_error("%s of the machine is not mounted: %s", strempty(frame_get_string(disk, "path")),
                          text ?: strerror(-k));
                r = k;
        }
        for (size_t i = 0; i < ELEMENTSOF(bound); i++) {
                int k = bind_path(bound[i]);

                if (k < 0)
                        log_warning_errno(k, "%s of the machine is not at its place: %m", bound[i]);
        }
        return r;
}

/* The log that was kept in memory so far goes on where the machine keeps its own. */
static void flush_log(void) {
        _cleanup_free_ char *text = NULL;

        if (is_mounted("/var/log/journal") &&
            run_program((const char *const[]) { "journalctl", "--flush", NULL }, &text) != 0)
                log_warning("The log stays in memory: %s", strempty(text));
}

/* systemd's own generator does this on a cold boot, but not in a root with /etc/initrd-release. */
static void start_logins(void) {
        _cleanup_free_ char *consoles = NULL, *text = NULL;
        char *rest = NULL, unit[128];

        if (read_text_file("/sys/class/tty/console/active", &consoles) < 0)
                return;
        for (char *tty = strtok_r(consoles, " \n", &rest); tty; tty = strtok_r(NULL, " \n", &rest)) {
                if (strspn(tty, "ty0123456789") == strlen(tty))
                        continue;       /* a virtual terminal is logind's */
                snprintf(unit, sizeof(unit), "serial-getty@%s.service", tty);
                free(TAKE_PTR(text));
                if (run_program((const char *const[]) { "systemctl", "start", "--no-block", unit, NULL }, &text) != 0)
                        log_warning("No login on %s: %s", tty, strempty(text));
        }
}

static void claim_name(json_object *o) {
        const char *hostname = frame_get_string(o, "hostname");

        if (hostname && sethostname(hostname, strlen(hostname)) < 0)
                log_warning_errno(-errno, "The machine has lost its name: %m");
}

static int estate_claim(json_object *o, char **ret_error) {
        int r, k;

        claim_name(o);
        r = command_line_keep(strempty(frame_get_string(o, "command-line")));
        if (r < 0)
                log_warning_errno(r, "The next upgrade starts from this kernel's command line: %m");
        r = write_text_file(LAST_PID_FILE, LAST_PID);
        if (r < 0)
                log_warning_errno(r, "Processes go on to be counted from high numbers: %m");
        k = claim_disks(o);
        flush_log();
        start_logins();
        return k < 0 ? error_text(ret_error, k, "Not all filesystems of the machine are mounted below " ESTATE_ROOT) : 0;
}

const EstateOps estate_linux = {
        .describe = estate_describe,
        .claim = estate_claim,
};
