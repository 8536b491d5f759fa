/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Criu: dump and restore through libcriu, see criu.h.
 *
 * The streams of a service to journald are sockets whose other end is outside
 * of the dump. Their inodes are noted beside the images; at the restore the
 * stream of the placeholder takes their place.
 */
#include <criu/criu.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "criu.h"
#include "engine-error.h"
#include "files.h"
#include "program.h"
#include "unit.h"
#include "util.h"

#define JOURNAL_SOCKET          "/run/systemd/journal/stdout"
#define COMPAT_MODULE           TKD_LIBEXECDIR "/criu-compat.so"
#define LOCK_FILE               "/run/tkd/criu.lock"
#define STREAMS_FILE            "streams.json"
#define DUMP_LOG                "dump.log"
#define RESTORE_LOG             "restore.log"
#define LOG_LEVEL               2               /* errors and warnings; more would dominate the time */
#define TIMEOUT_SEC             60
#define IDLE_STEP_NSEC          (20 * 1000 * 1000L)
#define IDLE_STEPS              (TIMEOUT_SEC * 50)
#define GHOST_LIMIT             (64U << 20)     /* bytes of a deleted file that still goes along */

static int pidfd_of(pid_t pid) {
        int fd = (int) syscall(SYS_pidfd_open, pid, 0);

        return fd < 0 ? -errno : fd;
}

static int fd_of(int pidfd, int number) {
        int fd = (int) syscall(SYS_pidfd_getfd, pidfd, number, 0);

        return fd < 0 ? -errno : fd;
}

/* Whether the socket is connected to journald's stream socket. */
static bool is_journal_stream(int fd) {
        struct sockaddr_un a = {};
        socklen_t size = sizeof(a) - 1;

        return getpeername(fd, (struct sockaddr *) &a, &size) == 0 && a.sun_family == AF_UNIX &&
               streq(a.sun_path, JOURNAL_SOCKET);
}

/* Inode of descriptor `number` if it is a stream to journald, else 0. */
static ino_t journal_inode(int pidfd, int number) {
        _cleanup_close_ int fd = fd_of(pidfd, number);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || !is_journal_stream(fd))
                return 0;
        return st.st_ino;
}

static bool array_has(json_object *array, ino_t inode) {
        for (size_t i = 0; i < json_object_array_length(array); i++)
                if ((ino_t) json_object_get_int64(json_object_array_get_idx(array, i)) == inode)
                        return true;
        return false;
}

static int find_streams_of(pid_t pid, json_object *streams) {
        _cleanup_closedir_ DIR *dir = NULL;
        _cleanup_close_ int pidfd = pidfd_of(pid);
        struct dirent *de;
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/fd", (int) pid);
        dir = opendir(path);
        if (pidfd < 0 || !dir)
                return -errno;
        while ((de = readdir(dir))) {
                ino_t inode;

                if (de->d_name[0] == '.')
                        continue;
                inode = journal_inode(pidfd, atoi(de->d_name));
                if (inode == 0 || array_has(streams, inode))
                        continue;
                if (json_object_array_add(streams, json_object_new_int64((int64_t) inode)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Notes the journald streams of all processes in the images' directory. */
static int find_streams(const CriuRequest *request, json_object **ret) {
        _cleanup_json_ json_object *object = json_object_new_object();
        json_object *streams = json_object_new_array();
        char path[PATH_MAX];
        int r;

        if (!object || !streams)
                return -ENOMEM;
        json_object_object_add(object, "streams", streams);
        for (size_t i = 0; i < request->unit->n_pids; i++) {
                r = find_streams_of(request->unit->pids[i], streams);
                if (r < 0)
                        return r;
        }
        snprintf(path, sizeof(path), "%s/" STREAMS_FILE, request->dir);
        r = write_json_file(path, object);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

/* Into the mount and UTS namespace of a process; its file names mean something only there. */
static int enter_namespaces(pid_t pid) {
        _cleanup_close_ int pidfd = pidfd_of(pid);

        if (pidfd < 0)
                return pidfd;
        return setns(pidfd, CLONE_NEWNS | CLONE_NEWUTS) < 0 ? -errno : 0;
}

static int enter_cgroup(const char *cgroup) {
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
        return write_text_file(path, "0");
}

/* Options that dump and restore share. */
static int common_options(const CriuRequest *request, int dir_fd, const char *log) {
        if (criu_init_opts() < 0 || criu_set_service_binary("criu") < 0)
                return -ENOMEM;
        criu_set_images_dir_fd(dir_fd);
        criu_set_work_dir_fd(dir_fd);
        criu_set_log_level(LOG_LEVEL);
        criu_set_timeout(TIMEOUT_SEC);
        criu_set_file_locks(true);
        criu_set_link_remap(true);
        criu_set_ghost_limit(GHOST_LIMIT);
        criu_set_ext_unix_sk(true);
        criu_set_tcp_skip_in_flight(true);
        criu_set_tcp_established(request->tcp_keep);
        criu_set_tcp_close(!request->tcp_keep);
        criu_set_manage_cgroups(true);
        criu_set_manage_cgroups_mode(CRIU_CG_MODE_IGNORE);
        if (criu_set_network_lock(CRIU_NETWORK_LOCK_SKIP) < 0 || criu_set_log_file(log) < 0)
                return -ENOMEM;
        return 0;
}

/* Held as long as a dump runs: by this process and by the child that it forks. */
static int lock_dumps(void) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = mkdir_parents("/run/tkd");
        if (r < 0)
                return r;
        fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int criu_wait_idle(void) {
        const struct timespec step = { .tv_nsec = IDLE_STEP_NSEC };

        for (unsigned i = 0; i < IDLE_STEPS; i++) {
                _cleanup_close_ int fd = lock_dumps();

                if (fd != -EWOULDBLOCK)
                        return fd < 0 ? fd : 0;
                nanosleep(&step, NULL);
        }
        return -ETIMEDOUT;
}

static int dump_child(const CriuRequest *request, int dir_fd, json_object *streams) {
        int r;

        /* a group of its own, so that it is not killed with the worker's */
        setpgid(0, 0);
        r = common_options(request, dir_fd, DUMP_LOG);
        if (r < 0)
                return r;
        criu_set_pid(request->unit->main_pid);
        criu_set_leave_running(true);
        if (criu_set_freeze_cgroup(request->unit->cgroup) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < json_object_array_length(streams); i++)
                if (criu_add_unix_sk((unsigned) json_object_get_int64(json_object_array_get_idx(streams, i))) < 0)
                        return -ENOMEM;
        r = enter_namespaces(request->unit->main_pid);
        if (r >= 0 && access(COMPAT_MODULE, R_OK) == 0)
                r = setenv("LD_PRELOAD", COMPAT_MODULE, true) < 0 ? -errno : 0;
        if (r < 0)
                return r;
        return criu_dump() < 0 ? -EBADE : 0;
}

/* libcriu of 4.1 cannot ask for stopped processes; a configuration file can. */
static int leave_stopped(void) {
        static const char text[] = "leave-stopped\n";
        char path[64];
        int fd = memfd_create("criu.conf", MFD_CLOEXEC);

        if (fd < 0)
                return -errno;
        if (write(fd, text, sizeof(text) - 1) != sizeof(text) - 1)
                return -EIO;
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int) getpid(), fd);
        return setenv("CRIU_CONFIG_FILE", path, true) < 0 ? -errno : 0;
}

/* The placeholder's stream to journald stands in for each one of the dumped processes. */
static int inherit_streams(const CriuRequest *request) {
        _cleanup_json_ json_object *object = NULL;
        _cleanup_close_ int pidfd = pidfd_of(request->unit->main_pid);
        json_object *streams = NULL;
        char path[PATH_MAX], key[64];
        int r, fd;

        snprintf(path, sizeof(path), "%s/" STREAMS_FILE, request->dir);
        r = read_json_file(path, &object);
        if (r < 0)
                return r;
        json_object_object_get_ex(object, "streams", &streams);
        for (size_t i = 0; streams && i < json_object_array_length(streams); i++) {
                fd = pidfd < 0 ? pidfd : fd_of(pidfd, STDOUT_FILENO);
                if (fd < 0)
                        return fd;
                if (fcntl(fd, F_SETFD, 0) < 0)
                        return -errno;
                snprintf(key, sizeof(key), "socket:[%lld]",
                         (long long) json_object_get_int64(json_object_array_get_idx(streams, i)));
                if (criu_add_inherit_fd(fd, key) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int restore_child(const CriuRequest *request, int dir_fd) {
        int r;

        r = common_options(request, dir_fd, RESTORE_LOG);
        if (r >= 0)
                r = leave_stopped();
        if (r >= 0)
                r = inherit_streams(request);
        if (r >= 0)
                r = enter_cgroup(request->unit->cgroup);
        if (r >= 0)
                r = enter_namespaces(request->unit->main_pid);
        if (r < 0)
                return r;
        r = criu_restore();
        return r < 0 ? -EBADE : r;
}

/* What runs in the child: 0 or more, or a negative errno. */
typedef int (*ChildFunc)(const CriuRequest *request, int dir_fd, json_object *streams);

static void run_child(ChildFunc func, const CriuRequest *request, int dir_fd, json_object *streams, int to) {
        sigset_t mask;
        int r;

        /* libcriu must reap its own child; see the notes on SIGCHLD in its criu.c */
        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD);
        sigprocmask(SIG_BLOCK, &mask, NULL);

        r = func(request, dir_fd, streams);
        if (write(to, &r, sizeof(r)) != sizeof(r))
                _exit(EXIT_FAILURE);
        _exit(EXIT_SUCCESS);
}

static int wait_child(pid_t pid, int from) {
        int value;
        ssize_t n;

        do
                n = read(from, &value, sizeof(value));
        while (n < 0 && errno == EINTR);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return n == sizeof(value) ? value : -EIO;
}

static int in_child(ChildFunc func, const CriuRequest *request, int dir_fd, json_object *streams) {
        _cleanup_close_ int from = -EBADF, to = -EBADF;
        int pipe_fds[2];
        pid_t pid;

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return -errno;
        from = pipe_fds[0];
        to = pipe_fds[1];
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                run_child(func, request, dir_fd, streams, to);
        to = safe_close(to);
        return wait_child(pid, from);
}

/* Makes a text of what went wrong; CRIU's own words when it got as far as to write some. */
static int explain(const CriuRequest *request, const char *log, int r, char **ret_error) {
        _cleanup_free_ char *cause = NULL;
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/%s", request->dir, log);
        cause = criu_log_cause(path);
        if (cause)
                return error_text(ret_error, r, "%s", cause);
        return error_text(ret_error, r, "CRIU: %m");
}

static int open_dir(const char *path) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

static int lib_dump(const CriuRequest *request, char **ret_error) {
        _cleanup_close_ int dir_fd = open_dir(request->dir), lock_fd = -EBADF;
        _cleanup_json_ json_object *object = NULL;
        json_object *streams;
        int r;

        if (dir_fd < 0)
                return error_text(ret_error, dir_fd, "%s: %m", request->dir);
        lock_fd = lock_dumps();
        if (lock_fd < 0)
                return error_text(ret_error, lock_fd, LOCK_FILE ": %m");
        r = find_streams(request, &object);
        if (r < 0)
                return error_text(ret_error, r, "Cannot list its log streams: %m");
        json_object_object_get_ex(object, "streams", &streams);
        r = in_child(dump_child, request, dir_fd, streams);
        return r < 0 ? explain(request, DUMP_LOG, r, ret_error) : 0;
}

static int restore_func(const CriuRequest *request, int dir_fd, json_object *streams) {
        return restore_child(request, dir_fd);
}

static pid_t lib_restore(const CriuRequest *request, char **ret_error) {
        _cleanup_close_ int dir_fd = open_dir(request->dir);
        int r;

        if (dir_fd < 0)
                return error_text(ret_error, dir_fd, "%s: %m", request->dir);
        r = in_child(restore_func, request, dir_fd, NULL);
        return r < 0 ? explain(request, RESTORE_LOG, r, ret_error) : r;
}

/* The program rather than criu_check(): libcriu 4.1 does not send the options that CRIU asks for. */
static int lib_check(char **ret_error) {
        int r;

        r = run_program((const char *const[]) { "criu", "check", NULL }, ret_error);
        return r > 0 ? -EBADE : r;
}

const CriuOps criu_lib = {
        .check = lib_check,
        .dump = lib_dump,
        .restore = lib_restore,
};
