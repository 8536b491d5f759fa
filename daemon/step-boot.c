/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steps that bring up the twin: reserve, load, boot, and how they are
 * taken back. Nothing here touches an application.
 */
#include <fcntl.h>

#include "log.h"
#include "twin-device.h"
#include "twin-log.h"
#include "worker.h"

static int explain_reserve(int r, EngineError *e) {
        switch (r) {
        case -ENOMEM:
                return engine_error_set(e, r, "NotEnoughMemory",
                                        "The kernel cannot free that much memory in one piece; "
                                        "lower TwinMemory= or boot with movablecore=");
        case -ENODEV:
        case -ENOSPC:
        case -EPERM:
                return engine_error_set(e, r, "NotEnoughCPUs", "The kernel cannot give the CPUs of TwinCPUs=: %m");
        case -EBUSY:
                return engine_error_set(e, r, "Busy", "CPUs and memory are reserved for a twin already");
        default:
                return engine_error_set(e, r, "Failed", "Cannot reserve CPUs and memory: %m");
        }
}

int step_reserve(Worker *w, EngineError *e) {
        struct twin_reserve reserve = {
                .mem_size = w->plan->mem_size,
                .pmem_size = w->plan->pmem_size,
        };
        int fd, r;

        memcpy(reserve.cpus, w->plan->cpus, sizeof(reserve.cpus));
        fd = worker_device(w, e);
        if (fd < 0)
                return fd;
        worker_progress(w, 0, "Taking CPUs and memory");
        r = w->backend->twin->reserve(fd, &reserve);
        return r < 0 ? explain_reserve(r, e) : worker_check_cancel(w, e);
}

int undo_reserve(Worker *w, EngineError *e) {
        struct twin_info info;
        int r;

        r = worker_info(w, &info, e);
        if (r < 0 || info.state == TWIN_STATE_NONE)
                return r;
        r = w->backend->twin->release(w->device_fd);
        return r < 0 ? engine_error_set(e, r, "Failed", "Cannot give CPUs and memory back: %m") : 0;
}

static int open_image(const char *path, EngineError *e) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        return fd < 0 ? engine_error_set(e, -errno, "BadImage", "Cannot open %s: %m", path) : fd;
}

static int explain_load(Worker *w, int r, EngineError *e) {
        const char *kernel = w->plan->kernel;

        switch (r) {
        case -ENOEXEC:
                return engine_error_set(e, r, "NoTwinSupport", "%s is no kernel that can be a twin", kernel);
        case -ENOMEM:
                return engine_error_set(e, r, "NotEnoughMemory",
                                        "%s and its initramfs do not fit into TwinMemory=", kernel);
        case -EKEYREJECTED:
        case -EPERM:
                return engine_error_set(e, r, "BadImage", "The kernel does not accept the signature of %s: %m", kernel);
        default:
                return engine_error_set(e, r, "BadImage", "Cannot load %s: %m", kernel);
        }
}

int step_load(Worker *w, EngineError *e) {
        _cleanup_close_ int kernel = -EBADF, initrd = -EBADF;
        int fd, r;

        fd = worker_device(w, e);
        if (fd < 0)
                return fd;
        kernel = open_image(w->plan->kernel, e);
        if (kernel < 0)
                return kernel;
        if (w->plan->initrd) {
                initrd = open_image(w->plan->initrd, e);
                if (initrd < 0)
                        return initrd;
        }
        worker_progress(w, 0, "Loading %s", w->plan->kernel);
        r = w->backend->twin->load(fd, kernel, initrd, w->plan->cmdline);
        return r < 0 ? explain_load(w, r, e) : worker_check_cancel(w, e);
}

int undo_load(Worker *w, EngineError *e) {
        struct twin_info info;
        int r;

        r = worker_info(w, &info, e);
        if (r < 0 || info.state != TWIN_STATE_LOADED)
                return r;
        r = w->backend->twin->unload(w->device_fd);
        return r < 0 ? engine_error_set(e, r, "Failed", "Cannot unload the kernel: %m") : 0;
}

static void report_twin(Worker *w) {
        json_object *o = json_object_new_object();
        struct twin_info info;

        json_object_object_add(o, "type", json_object_new_string("twin"));
        json_object_object_add(o, "kernel", json_object_new_string(w->twin.kernel));
        json_object_object_add(o, "tkd", json_object_new_string(w->twin.tkd));
        worker_send(w, o);
        if (worker_info(w, &info, NULL) < 0)
                return;
        if (info.tsc_entry)
                worker_stamp_at(w, "twin-entry", w->twin.kernel, info.tsc_entry);
        if (info.tsc_alive)
                worker_stamp_at(w, "twin-alive", w->twin.kernel, info.tsc_alive);
}

int step_boot(Worker *w, EngineError *e) {
        int fd, r;

        fd = worker_device(w, e);
        if (fd < 0)
                return fd;
        if (!w->plan->attach) {
                worker_progress(w, 0, "Booting the twin");
                r = w->backend->twin->boot(fd);
                if (r < 0)
                        return engine_error_set(e, r, "TwinFailed", "Cannot boot the twin: %m");
        }
        r = worker_attach(w, w->plan->boot_timeout_usec, e);
        if (r < 0)
                return r;
        if (w->plan->attach && !streq(w->twin.kernel, w->plan->version))
                return engine_error_set(e, -ESTALE, "TwinFailed", "The twin runs Linux %s, not %s", w->twin.kernel,
                                        w->plan->version);
        report_twin(w);
        return 0;
}

/* The kernel turns the commit word to ABORTED before it stops the twin. */
int undo_fence(Worker *w, EngineError *e) {
        struct twin_info info;
        int r;

        r = worker_info(w, &info, e);
        if (r < 0)
                return r;
        if (info.commit == TWIN_COMMIT_TWIN)
                return engine_error_set(e, -EALREADY, "Failed", "The twin has committed");
        if (!twin_state_runs(info.state))
                return 0;
        r = twin_log_keep(w->backend->twin, w->device_fd);
        if (r < 0)
                log_warning_errno(r, "Cannot keep the log of the twin: %m");
        r = w->backend->twin->kill(w->device_fd);
        if (r == -EALREADY)
                return engine_error_set(e, r, "Failed", "The twin has committed");
        if (r < 0 && r != -ESRCH)
                return engine_error_set(e, r, "Failed", "Cannot stop the twin: %m");
        w->channel_fd = safe_close(w->channel_fd);
        return 0;
}
