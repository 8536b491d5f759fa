/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machine: disks of the old kernel, processes of the twin, see machine.h.
 *
 * A frozen filesystem blocks whoever writes to it, and page faults on it may
 * block too. That is why the process is locked in memory first, and opens all
 * descriptors before it freezes the first filesystem.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <mntent.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "engine-error.h"
#include "log.h"
#include "machine.h"
#include "program.h"
#include "util.h"

#define DISKS_MAX       64
#define NSEC_PER_SEC    UINT64_C(1000000000)

static struct {
        int fds[DISKS_MAX];
        dev_t devs[DISKS_MAX];
        size_t n;
} disks;

static bool known(dev_t dev) {
        for (size_t i = 0; i < disks.n; i++)
                if (disks.devs[i] == dev)
                        return true;
        return false;
}

/* Filesystems that lie on a block device; the checkpoint memory is unmounted by now. */
static bool is_disk(const struct mntent *m) {
        return startswith(m->mnt_fsname, "/dev/") && !hasmntopt(m, "ro");
}

/* A file may be a mount point as well. */
static int open_disk(const char *path) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (stat(path, &st) < 0)
                return -errno;
        if (known(st.st_dev))
                return 0;
        if (disks.n == DISKS_MAX)
                return -E2BIG;
        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        disks.devs[disks.n] = st.st_dev;
        disks.fds[disks.n++] = TAKE_FD(fd);
        return 0;
}

static int open_disks(char **ret_error) {
        FILE *f = setmntent("/proc/self/mounts", "re");
        struct mntent *m;
        int r = 0;

        if (!f)
                return error_text(ret_error, -errno, "/proc/self/mounts: %m");
        while (r >= 0 && (m = getmntent(f))) {
                if (!is_disk(m))
                        continue;
                r = open_disk(m->mnt_dir);
                if (r < 0)
                        error_text(ret_error, r, "%s: %m", m->mnt_dir);
        }
        endmntent(f);
        return r;
}

/* The log leaves the disk, and with it no file that the next kernel would find half written. */
static void move_log(const char *option) {
        _cleanup_free_ char *text = NULL;

        if (run_program((const char *const[]) { "journalctl", option, NULL }, &text) != 0)
                log_warning("journalctl %s: %s", option, strempty(text));
}

static int machine_thaw_disks(void) {
        bool frozen = disks.n > 0;

        while (disks.n > 0) {
                disks.n--;
                ioctl(disks.fds[disks.n], FITHAW, 0);
                disks.fds[disks.n] = safe_close(disks.fds[disks.n]);
        }
        munlockall();
        if (frozen)
                move_log("--flush");
        return 0;
}

/* Later mounts first: they may lie on earlier ones (loop devices). */
static int freeze_opened(char **ret_error) {
        for (size_t i = disks.n; i > 0; i--)
                if (ioctl(disks.fds[i - 1], FIFREEZE, 0) < 0 && errno != EOPNOTSUPP && errno != EBUSY)
                        return error_text(ret_error, -errno, "Cannot freeze the filesystem on %u:%u: %m",
                                          major(disks.devs[i - 1]), minor(disks.devs[i - 1]));
        return 0;
}

static int machine_freeze_disks(char **ret_error) {
        int r;

        move_log("--relinquish-var");
        if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
                return error_text(ret_error, -errno, "Cannot lock memory: %m");
        disks.n = 0;
        r = open_disks(ret_error);
        if (r >= 0) {
                sync();
                r = freeze_opened(ret_error);
        }
        if (r < 0)
                machine_thaw_disks();
        return r;
}

static int machine_resume(const pid_t *pids, size_t n) {
        int r = 0;

        for (size_t i = 0; i < n; i++)
                if (kill(pids[i], SIGCONT) < 0 && errno != ESRCH && r == 0)
                        r = -errno;
        return r;
}

static int machine_set_clock(uint64_t realtime_nsec) {
        const struct timespec ts = {
                .tv_sec = (time_t) (realtime_nsec / NSEC_PER_SEC),
                .tv_nsec = (long) (realtime_nsec % NSEC_PER_SEC),
        };

        return clock_settime(CLOCK_REALTIME, &ts) < 0 ? -errno : 0;
}

const MachineOps machine_linux = {
        .freeze_disks = machine_freeze_disks,
        .thaw_disks = machine_thaw_disks,
        .resume = machine_resume,
        .set_clock = machine_set_clock,
};
