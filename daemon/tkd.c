/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tkd: replaces the running kernel by another one without ending the
 * applications. This file is its command line and its loop.
 */
#include <getopt.h>
#include <signal.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "binding.h"
#include "conf-files.h"
#include "log.h"
#include "manager.h"
#include "steps.h"
#include "twin-side.h"

typedef struct Arguments {
        bool twin;
} Arguments;

/* What is stopped by a signal: one of them. */
typedef struct Daemon {
        Manager *manager;
        TwinSide *twin;
} Daemon;

static void help(void) {
        printf("%s [OPTION...]\n\n"
               "Replaces the running kernel without ending the applications.\n\n"
               "  --twin         be the receiving side in a twin kernel\n"
               "  --root=DIR     look for all files below DIR\n"
               "  --state-graph  print the states of an upgrade as a graph for dot(1)\n"
               "  --version      show the version\n"
               "  --help         show this text\n\n"
               "See tkd(8); tkctl(1) is what talks to it.\n", program_invocation_short_name);
}

/* Returns 1 when an option was the whole work, 0, or a negative errno. */
static int parse_option(int c, Arguments *a) {
        switch (c) {
        case 't':
                a->twin = true;
                return 0;
        case 'r':
                return conf_set_root(streq(optarg, "/") ? NULL : optarg);
        case 'g':
                steps_print_graph(stdout);
                return 1;
        case 'v':
                puts("tkd " TKD_VERSION);
                return 1;
        case 'h':
                help();
                return 1;
        default:
                return -EINVAL;
        }
}

static int parse_arguments(int argc, char *argv[], Arguments *a) {
        static const struct option options[] = {
                { "twin",        no_argument,       NULL, 't' },
                { "root",        required_argument, NULL, 'r' },
                { "state-graph", no_argument,       NULL, 'g' },
                { "version",     no_argument,       NULL, 'v' },
                { "help",        no_argument,       NULL, 'h' },
                {}
        };
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                r = parse_option(c, a);
                if (r != 0)
                        return r;
        }
        if (optind < argc) {
                log_error("tkd takes no arguments, only options");
                return -EINVAL;
        }
        return 0;
}

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Daemon *d = userdata;

        if (d->manager)
                manager_stop(d->manager);
        else
                twin_side_stop(d->twin);
        return 0;
}

/* Workers are watched by the loop, which needs their signal blocked. */
static void block_child_signal(void) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        sigprocmask(SIG_BLOCK, &set, NULL);
}

static int make_event(Daemon *d, sd_event **ret) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        int r;

        block_child_signal();
        r = sd_event_default(&event);
        if (r < 0)
                return r;
        r = sd_event_add_signal(event, NULL, SIGTERM | SD_EVENT_SIGNAL_PROCMASK, on_signal, d);
        if (r < 0)
                return r;
        r = sd_event_add_signal(event, NULL, SIGINT | SD_EVENT_SIGNAL_PROCMASK, on_signal, d);
        if (r < 0)
                return r;
        r = sd_event_set_watchdog(event, true);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(event);
        return 0;
}

static int run_manager(sd_event *event, Daemon *d) {
        int r;

        r = manager_new(event, engine_backend(), &d->manager);
        if (r < 0)
                return r;
        r = manager_connect(d->manager);
        if (r < 0)
                return r;
        r = manager_resume(d->manager);
        if (r < 0)
                return r;
        sd_notify(false, "READY=1\nSTATUS=Idle");
        return sd_event_loop(event);
}

static int run_twin(sd_event *event, Daemon *d) {
        int r;

        r = twin_side_new(event, engine_backend(), &d->twin);
        if (r < 0)
                return r;
        sd_notify(false, "READY=1");
        return sd_event_loop(event);
}

static int run(const Arguments *a) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        Daemon d = {};
        int r;

        r = make_event(&d, &event);
        if (r < 0)
                return log_error_errno(r, "Cannot make the event loop: %m");
        r = a->twin ? run_twin(event, &d) : run_manager(event, &d);
        sd_notify(false, "STOPPING=1");
        manager_free(d.manager);
        twin_side_free(d.twin);
        return r;
}

int main(int argc, char *argv[]) {
        Arguments a = {};
        int r;

        signal(SIGPIPE, SIG_IGN);
        log_setup();
        r = parse_arguments(argc, argv, &a);
        if (r == 0)
                r = run(&a);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
