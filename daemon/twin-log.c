/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TwinLog: see twin-log.h.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "conf-files.h"
#include "files.h"
#include "twin-log.h"
#include "util.h"

#define KEPT_DIR        "/run/tkd"
#define KEPT_PATH       KEPT_DIR "/twin.log"
#define CHUNK           (64 * 1024)
#define QUIET_MSEC      200     /* of silence are the end */
#define SETTLE_MSEC     1000    /* at most */

static uint64_t log_size(const TwinDeviceOps *ops, int fd) {
        struct twin_info info;

        return ops->info(fd, &info) < 0 ? 0 : info.log_size;
}

void twin_log_settle(const TwinDeviceOps *ops, int fd) {
        const struct timespec quiet = { .tv_nsec = QUIET_MSEC * 1000 * 1000 };
        uint64_t size, before = log_size(ops, fd);

        for (unsigned msec = 0; msec < SETTLE_MSEC; msec += QUIET_MSEC, before = size) {
                nanosleep(&quiet, NULL);
                size = log_size(ops, fd);
                if (size == before)
                        return;
        }
}

static int copy_log(const TwinDeviceOps *ops, int fd, int to) {
        _cleanup_free_ char *buf = malloc(CHUNK);
        uint64_t offset = 0;
        ssize_t n;

        if (!buf)
                return -ENOMEM;
        while ((n = ops->read_log(fd, &offset, buf, CHUNK)) > 0) {
                if (write(to, buf, (size_t) n) != n)
                        return -EIO;
                offset += (uint64_t) n;
        }
        return (int) n;
}

int twin_log_keep(const TwinDeviceOps *ops, int fd) {
        _cleanup_free_ char *dir = conf_path(KEPT_DIR), *path = conf_path(KEPT_PATH);
        _cleanup_close_ int to = -EBADF;
        int r;

        if (!dir || !path)
                return -ENOMEM;
        r = mkdir_parents(dir);
        if (r < 0)
                return r;
        to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        return to < 0 ? -errno : copy_log(ops, fd, to);
}

static ssize_t read_kept(uint64_t *offset, void *buf, size_t size) {
        _cleanup_free_ char *path = conf_path(KEPT_PATH);
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        ssize_t n;

        if (!path)
                return -ENOMEM;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0) {
                *offset = 0;
                return errno == ENOENT ? 0 : -errno;
        }
        if (*offset > (uint64_t) st.st_size)
                *offset = 0;
        n = pread(fd, buf, size, (off_t) *offset);
        return n < 0 ? -errno : n;
}

ssize_t twin_log_read(const TwinDeviceOps *ops, int fd, uint64_t *offset, void *buf, size_t size) {
        uint64_t end = log_size(ops, fd);

        if (end == 0)
                return read_kept(offset, buf, size);
        if (*offset > end)
                *offset = 0;
        return ops->read_log(fd, offset, buf, size);
}
