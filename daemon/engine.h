/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Engine: the part of tkd that touches the machine. It never runs in the daemon
 * process itself: tkd forks one worker per job, which runs the steps it is told
 * to and reports in frames (frame.h). This header is the whole seam:
 *
 *   core ---- EnginePlan, frames over a socketpair ----> worker ---- EngineBackend ----> machine
 *
 * and, in the twin, receiver_start() with its callbacks.
 *
 * Frames, core -> worker ("job" is the job as the core would save it now, see
 * ENGINE_JOB below; it may be left out where the worker has no use for it):
 *
 *   {"do":"run","step":"reserve","job":{...}}
 *   {"do":"undo","step":"reserve"}
 *   {"do":"cancel"}                       the running step ends with error "Cancelled"
 *
 * Frames, worker -> core:
 *
 *   {"type":"stamp","event":"reserve-begin","kernel":"6.12.117-tk","tsc":N}
 *   {"type":"progress","percent":N,"text":"..."}        percent of this step
 *   {"type":"twin","kernel":"7.2.13-tk","tkd":"0.1"}     the twin said hello
 *   {"type":"committed"}     the commit word says TWIN: from here only forward. Sent before the
 *                            "done" of commit, and also as the only answer to an undo that found
 *                            out that there is no way back
 *   {"type":"done","step":"reserve"}      end of the step or of its undo
 *   {"type":"error","step":"reserve","name":"TwinFailed","message":"..."}   the same, failed
 *
 * Two more "steps" belong to no job: "give" and "take", of one PCI function.
 *
 * The steps, in order: reserve, load, boot, checkpoint, migrate, commit, offline. A step that
 * failed has not been undone: the core undoes it too, and then those before it in reverse order.
 * Undos are idempotent and need nothing but the plan and the kernel's own state, so that a new
 * worker can run them after the old one was killed. "offline" does not come back when it works:
 * its last frame is {"type":"parking"}, then this kernel stops.
 *
 * ENGINE_JOB: the only key of the job that the engine reads or writes is "ledger", an array of
 * [event, kernel, tsc]. All else goes to the twin untouched.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include <linux/twin.h>

/* Version of the protocol between the two tkd; another one is refused. */
#define ENGINE_PROTOCOL         1
#define ENGINE_PORT             7400U   /* where the twin's tkd listens */
#define CONSOLE_PORT            7401U   /* where it takes logins */
#define ENGINE_HANDOVER_DIR     "/run/tkd/handover"

typedef enum EngineAction {
        ENGINE_MIGRATE,                 /* checkpoint here, restore in the twin */
        ENGINE_STOP,                    /* stays behind */
        _ENGINE_ACTION_MAX,
} EngineAction;

typedef struct EngineUnit {
        char *name;                     /* "redis-server.service" */
        EngineAction action;
        bool tcp_keep;                  /* established TCP connections: keep, or close */
        char **carry;                   /* paths to copy to the twin, NULL-terminated, may be NULL */
} EngineUnit;

/**
 * EnginePlan - all that a worker needs to know; made by the core, constant for the job
 * @tkd_version:        for the hello
 * @version:            kernel version to go to, as the user gave it
 * @kernel:             path of its bzImage, NULL with @attach
 * @initrd:             path of the twin's initramfs, or NULL
 * @cmdline:            command line of the twin
 * @mem_size:           bytes to reserve, the checkpoint memory included
 * @pmem_size:          bytes of it for the checkpoint
 * @cpus:               CPUs to give, bit N = logical CPU N
 * @attach:             the twin runs already, and what is above stands; begin with "boot"
 * @function:           that is lent or had back, by "give" and "take" only
 * @units:              units to handle, in the order of their dump
 * @n_units:            how many
 * @handover_dir:       where the checkpoint memory is mounted
 * @boot_timeout_usec:  from BOOT to the hello of the twin
 * @restore_timeout_usec: from the request to "restored"
 * @commit_timeout_usec: from the request to the commit
 */
typedef struct EnginePlan {
        char *tkd_version;
        char *version;
        char *kernel;
        char *initrd;
        char *cmdline;
        uint64_t mem_size;
        uint64_t pmem_size;
        uint64_t cpus[TWIN_CPU_WORDS];
        bool attach;
        struct twin_function function;
        EngineUnit *units;
        size_t n_units;
        char *handover_dir;
        uint64_t boot_timeout_usec;
        uint64_t restore_timeout_usec;
        uint64_t commit_timeout_usec;
} EnginePlan;

/*
 * Backend: everything by which the engine reaches the machine. The real tables are in daemon/,
 * the tests bring their own. All functions return 0 or more, or a negative errno; `ret_error`
 * gets a text for the user (allocated; untouched on success).
 */

/**
 * TwinDeviceOps - /dev/twin, see linux/twin.h for the meaning and the errors of each call
 * @open:       a descriptor that polls readable when an event waits
 * @load:       kexec_file_load() with KEXEC_FILE_TWIN; @initrd_fd may be -1
 * @unload:     forget the loaded kernel, if any
 * @read_event: the next event; -EAGAIN when there is none
 * @read_log:   as TWIN_IOC_READ_LOG: @offset is moved to the first byte returned; returns bytes
 * @takeover:   one of TWIN_TAKE_*; @ret says what this kernel has after it
 */
typedef struct TwinDeviceOps {
        int (*open)(void);
        int (*info)(int fd, struct twin_info *ret);
        int (*reserve)(int fd, const struct twin_reserve *arg);
        int (*release)(int fd);
        int (*load)(int fd, int kernel_fd, int initrd_fd, const char *cmdline);
        int (*unload)(int fd);
        int (*boot)(int fd);
        int (*kill)(int fd);
        int (*commit)(int fd);
        int (*abort)(int fd);
        int (*park)(int fd);
        int (*give)(int fd, const struct twin_function *f);
        int (*take)(int fd, const struct twin_function *f);
        int (*accept)(int fd, const struct twin_function *f);
        int (*return_)(int fd, const struct twin_function *f);
        int (*takeover)(int fd, uint32_t part, uint32_t timeout_ms, struct twin_takeover *ret);
        int (*read_event)(int fd, struct twin_event *ret);
        ssize_t (*read_log)(int fd, uint64_t *offset, void *buf, size_t size);
} TwinDeviceOps;

/**
 * ChannelOps - how the two kernels' programs reach each other (AF_VSOCK; AF_UNIX in tests)
 * @listen:     in the twin: a listening stream socket for its tkd
 * @accept:     in the twin: a connection; -EPERM when it is not of the old kernel's root
 * @connect:    in the old kernel: a stream socket that does not block and is about to connect to
 *              a port of the twin; its SO_ERROR says what came of it
 */
typedef struct ChannelOps {
        int (*listen)(void);
        int (*accept)(int fd);
        int (*connect)(unsigned port);
} ChannelOps;

/**
 * HandoverOps - the memory that both kernels can mount
 * @format:     make an empty filesystem in it
 * @mount:      at @dir, which is made
 * @umount:     and flush; 0 when it was not mounted
 */
typedef struct HandoverOps {
        int (*format)(const struct twin_info *info, char **ret_error);
        int (*mount)(const struct twin_info *info, const char *dir, char **ret_error);
        int (*umount)(const char *dir);
} HandoverOps;

/**
 * UnitState - what the service manager and the kernel say of a unit
 * @main_pid:   main process, 0 if none
 * @cgroup:     its directory, "/sys/fs/cgroup/system.slice/redis-server.service"
 * @pids:       all processes in the cgroup and below
 * @files:      unit file and drop-ins, NULL-terminated
 */
typedef struct UnitState {
        pid_t main_pid;
        char *cgroup;
        pid_t *pids;
        size_t n_pids;
        char **files;
} UnitState;

/**
 * unit_state_clear() - free what an inspection returned
 * @u: state
 */
void unit_state_clear(UnitState *u);

/**
 * UnitOps - units in the old kernel
 * @inspect:    -ENOENT: not loaded or has no processes
 * @freeze:     returns when all processes stand still, and lists them anew in @u; -ETIMEDOUT (and
 *              thawed again)
 * @thaw:       by name only: must work without the service manager; 0 when there is no such cgroup
 */
typedef struct UnitOps {
        int (*inspect)(const char *name, UnitState *ret, char **ret_error);
        int (*freeze)(UnitState *u, uint64_t timeout_usec);
        int (*thaw)(const char *name);
} UnitOps;

/**
 * PlaceOps - units in the twin: where restored processes go
 * @prepare:    let the service manager start a placeholder in the own sandbox and cgroup of each
 *              unit; @names is NULL-terminated
 * @adopt:      make the restored process the main process and drop the placeholder
 * @settle:     after the takeover: forget the placeholders' configuration, and start what the
 *              machine runs beside the applications
 */
typedef struct PlaceOps {
        int (*prepare)(char **names, char **ret_error);
        int (*adopt)(const char *name, pid_t main_pid, char **ret_error);
        int (*settle)(char **names, char **ret_error);
} PlaceOps;

/**
 * CriuRequest - one dump or restore
 * @name:       unit, for messages
 * @unit:       dump: the frozen unit. restore: the placeholder, processes go beside it
 * @dir:        directory of the images and logs, exists
 * @tcp_keep:   keep established connections, or close them at restore
 */
typedef struct CriuRequest {
        const char *name;
        const UnitState *unit;
        const char *dir;
        bool tcp_keep;
} CriuRequest;

/**
 * CriuOps - each call runs libcriu in a child, since its options are process-global
 * @check:      warm up CRIU's cache of kernel features
 * @dump:       processes stay as they are (frozen by their cgroup)
 * @restore:    processes end up stopped (SIGCONT lets them go); returns the main PID
 */
typedef struct CriuOps {
        int (*check)(char **ret_error);
        int (*dump)(const CriuRequest *r, char **ret_error);
        pid_t (*restore)(const CriuRequest *r, char **ret_error);
} CriuOps;

/**
 * CarryOps - files that go with the units
 * @pack:       write the files of @units to @dir: those that do not change (@late false, before
 *              the freeze) or those that are open for writing (@late true, after it)
 * @unpack:     the same in the twin: put them in place, skip those that are there already
 */
typedef struct CarryOps {
        int (*pack)(const EngineUnit *units, const UnitState *states, size_t n, bool late,
                    const char *dir, char **ret_error);
        int (*unpack)(bool late, const char *dir, char **ret_error);
} CarryOps;

/**
 * MachineOps - the last things this kernel does
 * @freeze_disks: lock this process in memory, sync, freeze all writable disk filesystems
 * @thaw_disks:   take that back
 * @resume:       let stopped processes go on
 */
typedef struct MachineOps {
        int (*freeze_disks)(char **ret_error);
        int (*thaw_disks)(void);
        int (*resume)(const pid_t *pids, size_t n);
        int (*set_clock)(uint64_t realtime_nsec);
} MachineOps;

/**
 * EstateOps - what the upgraded kernel inherits of the machine beside the applications
 * @describe:   in the old kernel, while the applications run; a JSON object, see estate.h
 * @claim:      in the new one, when it has the devices; may be called again
 */
typedef struct EstateOps {
        int (*describe)(json_object **ret, char **ret_error);
        int (*claim)(json_object *estate, char **ret_error);
} EstateOps;

typedef struct EngineBackend {
        const TwinDeviceOps *twin;
        const ChannelOps *channel;
        const HandoverOps *handover;
        const UnitOps *unit;
        const PlaceOps *place;
        const CriuOps *criu;
        const CarryOps *carry;
        const MachineOps *machine;
        const EstateOps *estate;
} EngineBackend;

/* The machine itself. */
extern const EngineBackend engine_backend_real;

/**
 * engine_worker_main() - body of the worker process
 * @fd:         its end of the socketpair (SOCK_STREAM)
 * @plan:       what to do
 * @backend:    by what means
 *
 * The caller has forked, made a process group and closed what the worker must not have.
 * Return: exit status for _exit(), 0 when the core closed the socket.
 */
int engine_worker_main(int fd, const EnginePlan *plan, const EngineBackend *backend);

/**
 * engine_plan_free() - free a plan and all it points to
 * @plan: may be NULL
 *
 * Return: NULL.
 */
EnginePlan *engine_plan_free(EnginePlan *plan);

/*
 * Receiver: the twin's side. A worker process of its own waits for the old tkd, restores,
 * commits, resumes and takes the machine over; the callbacks run in the caller's event loop.
 */
typedef struct Receiver Receiver;

/**
 * ReceiverCallbacks - what the core of `tkd --twin` hears
 * @hello:      connected; @old_kernel and @old_tkd are the peer's versions
 * @progress:   a line for the log and for STATUS=
 * @committed:  applications run here now; @job as the old core sent it last, ledger included
 * @done:       this kernel owns the machine. Become its tkd; @job with the complete ledger, or NULL
 *              when this tkd was restarted after an upgrade that has ended
 * @failed:     before the commit: the twin's job is over, the old kernel will stop it. After the
 *              commit: an attempt to go forward failed, the receiver tries again by itself
 */
typedef struct ReceiverCallbacks {
        void (*hello)(const char *old_kernel, const char *old_tkd, void *userdata);
        void (*progress)(unsigned percent, const char *text, void *userdata);
        void (*committed)(json_object *job, void *userdata);
        void (*done)(json_object *job, void *userdata);
        void (*failed)(const char *name, const char *message, void *userdata);
} ReceiverCallbacks;

/**
 * receiver_start() - start the receiving side
 * @event:      loop of the caller
 * @backend:    by what means
 * @tkd_version: for the hello
 * @callbacks:  any may be NULL
 * @userdata:   for them
 * @ret:        the receiver, to be freed with receiver_free()
 *
 * Return: 0 or a negative errno.
 */
int receiver_start(sd_event *event, const EngineBackend *backend, const char *tkd_version,
                   const ReceiverCallbacks *callbacks, void *userdata, Receiver **ret);

/**
 * receiver_forget() - the job is in the journal: a restart of this tkd has nothing to finish
 */
void receiver_forget(void);

/**
 * receiver_free() - stop the receiving side, its worker included
 * @r: may be NULL
 *
 * Return: NULL.
 */
Receiver *receiver_free(Receiver *r);
