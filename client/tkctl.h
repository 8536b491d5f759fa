/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What the verbs of tkctl share: the command line, the connection, the exit codes. */

#include "print.h"
#include "protocol.h"

/* The exit codes of tkctl(1). They are stable: never change a number, only add. */
typedef enum ExitCode {
        EXIT_OK = 0,
        EXIT_FAILED = 1,       /* the job, or whatever was asked, failed */
        EXIT_USAGE = 2,        /* wrong command line */
        EXIT_REFUSED = 3,      /* tkd refused the request, or check found an error: nothing was touched */
        EXIT_DENIED = 4,       /* not authorised */
        EXIT_UNREACHABLE = 5,  /* no connection to tkd */
        EXIT_CANCELLED = 6,    /* the job was cancelled and rolled back */
        EXIT_LOST = 7,         /* the connection was lost while the job ran: its end is not known here */
        EXIT_INTERRUPTED = 130 /* second Ctrl-C: tkctl left, the job goes on */
} ExitCode;

typedef enum Transport {
        TRANSPORT_LOCAL,
        TRANSPORT_REMOTE,
        TRANSPORT_MACHINE,
        TRANSPORT_ADDRESS,
} Transport;

/* The command line, and the connection once a verb has opened it. */
typedef struct Context {
        Transport transport;
        const char *target; /* host, machine or address */
        const char *mode;   /* NULL: the daemon's default */
        bool json;
        bool no_wait;
        bool dry_run;
        bool no_follow;
        bool no_pager;
        bool ask_password;
        uint64_t lines; /* UINT64_MAX: all */
        sd_bus *bus;
} Context;

/*
 * Each verb gets the arguments after its name and returns an ExitCode. It has said on standard error what is
 * wrong when that is not EXIT_OK.
 */
int verb_status(Context *c, int argc, char **argv);
int verb_check(Context *c, int argc, char **argv);
int verb_upgrade(Context *c, int argc, char **argv);
int verb_rollback(Context *c, int argc, char **argv);
int verb_boot(Context *c, int argc, char **argv);
int verb_release(Context *c, int argc, char **argv);
int verb_cancel(Context *c, int argc, char **argv);
int verb_list(Context *c, int argc, char **argv);
int verb_history(Context *c, int argc, char **argv);
int verb_show(Context *c, int argc, char **argv);
int verb_monitor(Context *c, int argc, char **argv);
int verb_console(Context *c, int argc, char **argv);
int verb_give(Context *c, int argc, char **argv);
int verb_take(Context *c, int argc, char **argv);
int verb_log(Context *c, int argc, char **argv);
