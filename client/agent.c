/* SPDX-License-Identifier: GPL-2.0-only */

/*
 * polkit's agent on the terminal. As systemctl does: pkttyagent is started before the call that may need an
 * authorisation, tells on a pipe when it has registered, and is ended afterwards.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "agent.h"
#include "print.h"

#define AGENT_PATH "/usr/bin/pkttyagent"
#define AGENT_START_MS 10000

static pid_t agent_pid;

static void agent_run(int notify_fd) {
        char fd[FORMAT_MAX];
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        fcntl(notify_fd, F_SETFD, 0);
        snprintf(fd, sizeof(fd), "%d", notify_fd);
        execl(AGENT_PATH, AGENT_PATH, "--notify-fd", fd, "--fallback", (char *) NULL);
        _exit(EXIT_FAILURE);
}

/* The agent closes its end of the pipe when it is ready, and also when it dies. */
static void agent_wait(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLHUP };

        while (poll(&p, 1, AGENT_START_MS) < 0 && errno == EINTR)
                ;
}

/**
 * agent_open() - start the agent where one can be of use
 *
 * Not for root, who is always allowed, and not without a terminal to ask on. That the agent is not installed is
 * no error: the call itself then says what is missing.
 */
void agent_open(void) {
        _cleanup_close_ int readable = -EBADF, writable = -EBADF;
        int fds[2];

        if (agent_pid > 0 || geteuid() == 0 || !isatty(STDIN_FILENO) || access(AGENT_PATH, X_OK) < 0)
                return;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return;
        readable = fds[0];
        writable = fds[1];

        agent_pid = fork();
        if (agent_pid == 0)
                agent_run(writable);
        if (agent_pid < 0)
                return;

        writable = safe_close(writable);
        agent_wait(readable);
}

/**
 * agent_close() - end the agent, so that the terminal is ours again
 */
void agent_close(void) {
        if (agent_pid <= 0)
                return;
        kill(agent_pid, SIGTERM);
        kill(agent_pid, SIGCONT);
        while (waitpid(agent_pid, NULL, 0) < 0 && errno == EINTR)
                ;
        agent_pid = 0;
}
