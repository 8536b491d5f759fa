/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* The ledger of a job: time stamps of both kernels on one clock, and the steps and the downtime made of them. */

#include "print.h"

/* One stamp, as tkd sends it. */
typedef struct Stamp {
        char *event;
        char *kernel;
        uint64_t ns;
} Stamp;

typedef struct Ledger {
        Stamp *stamps; /* by time */
        size_t n_stamps;
} Ledger;

/* A span between NAME-begin and NAME-end, or a single event (then length is 0 and point is set). */
typedef struct Span {
        char *name;
        const char *kernel;     /* that stamped the begin */
        const char *kernel_end; /* that stamped the end */
        uint64_t start;         /* nanoseconds since the first stamp */
        uint64_t length;        /* nanoseconds */
        unsigned depth;         /* how many spans it lies within */
        bool point;
        bool open; /* has begun and has no end yet */
} Span;

typedef struct Spans {
        Span *items;
        size_t n_items;
} Spans;

/* Where the app stood still, in nanoseconds. */
typedef struct Downtime {
        uint64_t total;
        uint64_t freeze;
        uint64_t dump;
        uint64_t transfer;
        uint64_t restore;
        uint64_t other;  /* the rest: commit, waiting for answers */
        const char *end; /* the event that ended it */
} Downtime;

void ledger_done(Ledger *l);
int ledger_read(Ledger *l, sd_bus_message *m);
bool ledger_has(const Ledger *l, const char *event);
int ledger_spans(const Ledger *l, Spans *ret);
bool ledger_downtime(const Ledger *l, Downtime *ret);
int ledger_print(const Ledger *l, bool running);
void downtime_print(const Downtime *d);
json_object *ledger_to_json(const Ledger *l);
json_object *spans_to_json(const Spans *s);
json_object *downtime_to_json(const Downtime *d);

void spans_done(Spans *s);

#define _cleanup_spans_ _cleanup_(spans_done)
