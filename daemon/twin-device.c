/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TwinDevice: the real /dev/twin, see twin-device.h and linux/twin.h.
 */
#include <fcntl.h>
#include <linux/kexec.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "twin-device.h"

#ifndef KEXEC_FILE_TWIN
#define KEXEC_FILE_TWIN         0x40000000
#endif

static int device_open(void) {
        int fd = open("/dev/twin", O_RDWR | O_CLOEXEC | O_NONBLOCK);

        return fd < 0 ? -errno : fd;
}

static int call(int fd, unsigned long request, void *arg) {
        return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static int device_info(int fd, struct twin_info *ret) {
        return call(fd, TWIN_IOC_INFO, ret);
}

static int device_reserve(int fd, const struct twin_reserve *arg) {
        struct twin_reserve copy = *arg;

        return call(fd, TWIN_IOC_RESERVE, &copy);
}

static int device_release(int fd) {
        return call(fd, TWIN_IOC_RELEASE, NULL);
}

static int kexec_twin(int kernel_fd, int initrd_fd, const char *cmdline, unsigned long flags) {
        unsigned long size = cmdline ? strlen(cmdline) + 1 : 0;

        if (syscall(SYS_kexec_file_load, kernel_fd, initrd_fd, size, cmdline, flags | KEXEC_FILE_TWIN) < 0)
                return -errno;
        return 0;
}

static int device_load(int fd, int kernel_fd, int initrd_fd, const char *cmdline) {
        return kexec_twin(kernel_fd, initrd_fd, cmdline, initrd_fd < 0 ? KEXEC_FILE_NO_INITRAMFS : 0);
}

static int device_unload(int fd) {
        return kexec_twin(-1, -1, NULL, KEXEC_FILE_UNLOAD);
}

static int device_boot(int fd) {
        return call(fd, TWIN_IOC_BOOT, NULL);
}

static int device_kill(int fd) {
        return call(fd, TWIN_IOC_KILL, NULL);
}

static int device_commit(int fd) {
        return call(fd, TWIN_IOC_COMMIT, NULL);
}

static int device_abort(int fd) {
        return call(fd, TWIN_IOC_ABORT, NULL);
}

static int device_park(int fd) {
        return call(fd, TWIN_IOC_PARK, NULL);
}

static int call_with_function(int fd, unsigned long request, const struct twin_function *f) {
        struct twin_function copy = *f;

        return call(fd, request, &copy);
}

static int device_give(int fd, const struct twin_function *f) {
        return call_with_function(fd, TWIN_IOC_GIVE, f);
}

static int device_take(int fd, const struct twin_function *f) {
        return call_with_function(fd, TWIN_IOC_TAKE, f);
}

static int device_accept(int fd, const struct twin_function *f) {
        return call_with_function(fd, TWIN_IOC_ACCEPT, f);
}

static int device_return(int fd, const struct twin_function *f) {
        return call_with_function(fd, TWIN_IOC_RETURN, f);
}

static int device_takeover(int fd, uint32_t part, uint32_t timeout_ms, struct twin_takeover *ret) {
        struct twin_takeover t = { .timeout_ms = timeout_ms, .parts = part };
        int r;

        r = call(fd, TWIN_IOC_TAKEOVER, &t);
        if (r >= 0)
                *ret = t;
        return r;
}

static int device_read_event(int fd, struct twin_event *ret) {
        struct twin_event event;
        ssize_t n = read(fd, &event, sizeof(event));

        if (n < 0)
                return -errno;
        if (n != sizeof(event))
                return -EIO;
        *ret = event;
        return 0;
}

static ssize_t device_read_log(int fd, uint64_t *offset, void *buf, size_t size) {
        struct twin_log log = {
                .offset = *offset,
                .buf = (uintptr_t) buf,
                .len = (uint32_t) MIN(size, (size_t) UINT32_MAX),
        };
        int r;

        r = call(fd, TWIN_IOC_READ_LOG, &log);
        if (r < 0)
                return r;
        *offset = log.offset;
        return log.len;
}

const TwinDeviceOps twin_device = {
        .open = device_open,
        .info = device_info,
        .reserve = device_reserve,
        .release = device_release,
        .load = device_load,
        .unload = device_unload,
        .boot = device_boot,
        .kill = device_kill,
        .commit = device_commit,
        .abort = device_abort,
        .park = device_park,
        .give = device_give,
        .take = device_take,
        .accept = device_accept,
        .return_ = device_return,
        .takeover = device_takeover,
        .read_event = device_read_event,
        .read_log = device_read_log,
};
