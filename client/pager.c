/* SPDX-License-Identifier: GPL-2.0-only */

/* Long output goes through a pager when it goes to a terminal: $PAGER, or less, or straight out. */

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "pager.h"

static pid_t pager_pid;

static void pager_run(int fd) {
        const char *pager = getenv("PAGER");

        dup2(fd, STDIN_FILENO);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        setenv("LESS", "FRSXMK", false);
        setenv("LESSSECURE", "1", true);
        if (pager)
                execl("/bin/sh", "sh", "-c", pager, (char *) NULL);
        execlp("less", "less", (char *) NULL);
        execlp("cat", "cat", (char *) NULL);
        _exit(EXIT_FAILURE);
}

/**
 * pager_open() - send standard output through a pager
 * @c: the command line: --no-pager and --json mean none
 *
 * Nothing happens where standard output is no terminal, or $PAGER is empty.
 */
void pager_open(const Context *c) {
        const char *pager = getenv("PAGER");
        int fds[2];

        if (c->no_pager || c->json || pager_pid > 0 || !isatty(STDOUT_FILENO) || (pager && isempty(pager)))
                return;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return;

        fflush(stdout);
        pager_pid = fork();
        if (pager_pid == 0)
                pager_run(fds[0]);
        if (pager_pid > 0) {
                signal(SIGPIPE, SIG_IGN);
                signal(SIGINT, SIG_IGN);
                dup2(fds[1], STDOUT_FILENO);
        }
        close(fds[0]);
        close(fds[1]);
}

/**
 * pager_close() - end the output and wait until the reader has seen it
 */
void pager_close(void) {
        if (pager_pid <= 0)
                return;
        fflush(stdout);
        close(STDOUT_FILENO);
        while (waitpid(pager_pid, NULL, 0) < 0 && errno == EINTR)
                ;
        pager_pid = 0;
}
