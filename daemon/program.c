/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Program: run a program to its end, see program.h.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "engine-error.h"
#include "program.h"

/* Keeps the last line of what comes through the pipe. */
static void read_last_line(int fd, char *line, size_t size) {
        _cleanup_fclose_ FILE *f = fdopen(fd, "re");
        _cleanup_free_ char *buf = NULL;
        size_t n = 0;
        ssize_t k;

        line[0] = '\0';
        if (!f) {
                close(fd);
                return;
        }
        while ((k = getline(&buf, &n, f)) > 0) {
                while (k > 0 && buf[k - 1] == '\n')
                        buf[--k] = '\0';
                if (k > 0)
                        snprintf(line, size, "%s", buf);
        }
}

static int start(const char *const *argv, int stderr_fd, pid_t *ret) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        sigset_t none;
        int r;

        sigemptyset(&none);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
        posix_spawn_file_actions_init(&actions);
        r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, stderr_fd, STDERR_FILENO);
        if (r == 0)
                r = posix_spawnp(ret, argv[0], &actions, &attr, (char *const *) argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attr);
        return -r;
}

int run_program(const char *const *argv, char **ret_error) {
        _cleanup_close_ int from = -EBADF, to = -EBADF;
        char line[512];
        int pipe_fds[2], status, r;
        pid_t pid;

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return error_text(ret_error, -errno, "pipe: %m");
        from = pipe_fds[0];
        to = pipe_fds[1];

        r = start(argv, to, &pid);
        if (r < 0)
                return error_text(ret_error, r, "%s: %m", argv[0]);
        to = safe_close(to);
        read_last_line(TAKE_FD(from), line, sizeof(line));

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return error_text(ret_error, -errno, "%s: %m", argv[0]);
        if (WIFSIGNALED(status))
                return error_text(ret_error, -EINTR, "%s was killed by signal %d", argv[0], WTERMSIG(status));
        if (WEXITSTATUS(status) == 0)
                return 0;
        if (line[0])
                return error_text(ret_error, WEXITSTATUS(status), "%s", line);
        return error_text(ret_error, WEXITSTATUS(status), "%s failed with status %d", argv[0], WEXITSTATUS(status));
}
