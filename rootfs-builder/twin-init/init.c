// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first process of the twin: turns the initramfs into a root in RAM and
 * hands over to systemd there. The initramfs itself would not do as the root:
 * pivot_root() and mount namespaces fail on rootfs, and both systemd and CRIU
 * need them.
 *
 *      /base.erofs     Debian, compressed, read-only, straight from the initramfs
 *      /top.erofs      tkd and our configuration, likewise, above it by overlayfs
 *      tmpfs           what is written, on top
 *
 * It also keeps the twin's own processes out of the way of those to come:
 * an application is restored under the PID it had, which must be free. Kernel
 * threads started before this process have the low numbers that kernel threads
 * had in the old kernel too; every process started from here on, userland or
 * kernel thread, gets a number from FIRST_PID up, where an ordinary machine
 * never counts.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_PID "2000000"
#define PID_MAX "4194304" /* the most that Linux takes, systemd's default */
#define INIT "/lib/systemd/systemd"

/* PID 1 must not return: the kernel panics, and the old kernel sees that. */
static void fail(const char *what) {
        fprintf(stderr, "twin-init: %s: %m\n", what);
        exit(EXIT_FAILURE);
}

static void write_file(const char *path, const char *text) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd < 0 || write(fd, text, strlen(text)) < 0)
                fail(path);
        close(fd);
}

static void mount_or_fail(const char *source, const char *target, const char *type, unsigned long flags, const char *options) {
        if (mkdir(target, 0755) < 0 && errno != EEXIST)
                fail(target);
        if (mount(source, target, type, flags, options) < 0)
                fail(target);
}

/* erofs mounts files by itself, but not those of tmpfs, which rootfs is. */
static const char *loop_device(const char *image) {
        static char path[32];
        int control, number, loop, file;

        control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        if (control < 0)
                fail("/dev/loop-control");
        number = ioctl(control, LOOP_CTL_GET_FREE);
        snprintf(path, sizeof(path), "/dev/loop%d", number);
        loop = open(path, O_RDWR | O_CLOEXEC);
        file = open(image, O_RDONLY | O_CLOEXEC);
        if (loop < 0 || file < 0 || ioctl(loop, LOOP_SET_FD, file) < 0)
                fail(path);
        close(control);
        close(file);
        close(loop);
        return path;
}

static void mount_image(const char *image, const char *target) {
        mount_or_fail(loop_device(image), target, "erofs", MS_RDONLY, NULL);
}

static void mount_root(void) {
        mount_image("/base.erofs", "/base");
        mount_image("/top.erofs", "/top");
        mount_or_fail("tmpfs", "/rw", "tmpfs", 0, "mode=0755,size=90%");
        if (mkdir("/rw/upper", 0755) < 0 || mkdir("/rw/work", 0755) < 0)
                fail("/rw");
        mount_or_fail("ram-root", "/newroot", "overlay", 0,
                      "lowerdir=/top:/base,upperdir=/rw/upper,workdir=/rw/work");
}

static void move_to(const char *from, const char *to) {
        if (mount(from, to, NULL, MS_MOVE, NULL) < 0)
                fail(to);
}

int main(void) {
        mount_or_fail("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
        mount_or_fail("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, NULL);
        write_file("/proc/sys/kernel/pid_max", PID_MAX);
        write_file("/proc/sys/kernel/ns_last_pid", FIRST_PID);

        mount_root();
        move_to("/proc", "/newroot/proc");
        move_to("/dev", "/newroot/dev");
        if (chdir("/newroot") < 0)
                fail("/newroot");
        move_to(".", "/");
        if (chroot(".") < 0 || chdir("/") < 0)
                fail("chroot");

        execl(INIT, INIT, NULL);
        fail(INIT);
}
