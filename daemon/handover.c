/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handover: pmem device, filesystem and mount, see handover.h.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "engine-error.h"
#include "handover.h"
#include "program.h"
#include "util.h"

/* The device shows up a moment after the memory was reserved. */
#define DEVICE_WAIT_STEPS       50
#define DEVICE_WAIT_STEP_NSEC   (100 * 1000 * 1000L)

static int read_resource(const char *disk, uint64_t *ret) {
        _cleanup_fclose_ FILE *f = NULL;
        char path[128];

        snprintf(path, sizeof(path), "/sys/block/%.32s/device/resource", disk);
        f = fopen(path, "re");
        if (!f)
                return -errno;
        return fscanf(f, "%" SCNx64, ret) == 1 ? 0 : -EIO;
}

/* Looks for the pmem disk that begins at a physical address. */
static int find_disk(uint64_t start, char **ret) {
        _cleanup_closedir_ DIR *dir = opendir("/sys/block");
        struct dirent *de;
        uint64_t resource;

        if (!dir)
                return -errno;
        while ((de = readdir(dir))) {
                if (!startswith(de->d_name, "pmem"))
                        continue;
                if (read_resource(de->d_name, &resource) < 0 || resource != start)
                        continue;
                return asprintf(ret, "/dev/%s", de->d_name) < 0 ? -ENOMEM : 0;
        }
        return -ENODEV;
}

static int wait_disk(const struct twin_info *info, char **ret, char **ret_error) {
        const struct timespec step = { .tv_nsec = DEVICE_WAIT_STEP_NSEC };
        int r;

        if (info->pmem_size == 0)
                return error_text(ret_error, -ENODEV, "No checkpoint memory is reserved");
        for (unsigned i = 0; i < DEVICE_WAIT_STEPS; i++) {
                r = find_disk(info->pmem_start, ret);
                if (r >= 0 && access(*ret, F_OK) == 0)
                        return 0;
                if (r >= 0)
                        free(TAKE_PTR(*ret));
                nanosleep(&step, NULL);
        }
        return error_text(ret_error, -ENODEV, "The checkpoint memory at 0x%" PRIx64 " shows no pmem device",
                          (uint64_t) info->pmem_start);
}

/* What the other kernel wrote must not be hidden by blocks that this one remembers. */
static int drop_cached_blocks(const char *disk) {
        _cleanup_close_ int fd = open(disk, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return ioctl(fd, BLKFLSBUF, 0) < 0 ? -errno : 0;
}

static int handover_format(const struct twin_info *info, char **ret_error) {
        _cleanup_free_ char *disk = NULL, *text = NULL;
        int r;

        r = wait_disk(info, &disk, ret_error);
        if (r < 0)
                return r;
        r = run_program((const char *const[]) {
                                "mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", "-O", "^has_journal",
                                "-E", "lazy_itable_init=1,nodiscard", disk, NULL }, &text);
        if (r != 0)
                return error_text(ret_error, r < 0 ? r : -EIO, "Cannot format %s: %s", disk, strempty(text));
        return 0;
}

static int handover_mount(const struct twin_info *info, const char *dir, char **ret_error) {
        _cleanup_free_ char *disk = NULL;
        int r;

        r = wait_disk(info, &disk, ret_error);
        if (r < 0)
                return r;
        r = drop_cached_blocks(disk);
        if (r < 0)
                return error_text(ret_error, r, "Cannot flush %s: %m", disk);
        if (mkdir(dir, 0700) < 0 && errno != EEXIST)
                return error_text(ret_error, -errno, "Cannot make %s: %m", dir);
        if (mount(disk, dir, "ext4", MS_NOATIME | MS_NOSUID | MS_NODEV, "dax") < 0)
                return error_text(ret_error, -errno, "Cannot mount %s at %s: %m", disk, dir);
        return 0;
}

static int handover_umount(const char *dir) {
        if (umount2(dir, UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
                return -errno;
        return 0;
}

const HandoverOps handover_pmem = {
        .format = handover_format,
        .mount = handover_mount,
        .umount = handover_umount,
};
