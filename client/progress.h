/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* The progress of a job on standard output: a bar on a terminal, plain lines otherwise, or JSON. */

#include "job.h"

typedef struct Progress {
        bool json;
        bool bar;            /* standard output is a terminal that can redraw a line */
        bool bar_is_drawn;
        size_t n_steps;      /* finished steps that have their line */
        uint64_t begin_usec; /* CLOCK_MONOTONIC, for the clock beside the bar */
        char *last_json;
} Progress;

void progress_init(Progress *p, const Context *c);
void progress_done(Progress *p);
void progress_update(Progress *p, const Job *j);
void progress_clear(Progress *p);
