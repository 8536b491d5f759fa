/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signals of a new process, see signals.h.
 */
#include <signal.h>
#include <stddef.h>

#include "signals.h"

void reset_signals(void) {
        sigset_t none;

        for (int sig = 1; sig < SIGRTMIN; sig++)
                signal(sig, SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}
