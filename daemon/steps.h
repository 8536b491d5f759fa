/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state machine of an upgrade, as one table. States on the bus, progress,
 * journal records, time limits, fault points and the picture in states.dot are
 * all derived from it.
 */
#pragma once

#include "util.h"

typedef enum Step {
        STEP_RESERVE,
        STEP_LOAD,
        STEP_BOOT,
        STEP_CHECKPOINT,
        STEP_MIGRATE,
        STEP_COMMIT,
        STEP_OFFLINE,
        _STEP_MAX,
        _STEP_INVALID = -EINVAL,
} Step;

/**
 * struct StepInfo - one row of the table
 * @name:       of the step: API, ledger, journal, messages
 * @state:      of the job while the step runs
 * @forward:    there is no way back from it: it has no undo, and is retried until it works
 * @sealed:     it cannot be cancelled
 * @limit_sec:  seconds after which it is ended by force (0: no limit); *TimeoutSec= overrides it
 * @percent:    progress of the job when the step begins
 * @text:       what happens, for people
 * @undo_text:  what its undo does
 */
typedef struct StepInfo {
        const char *name;
        const char *state;
        bool forward;
        bool sealed;
        unsigned limit_sec;
        unsigned percent;
        const char *text;
        const char *undo_text;
} StepInfo;

/* The row of a step, which must be valid. */
const StepInfo *step_info(Step step);

const char *step_to_string(Step step);          /* "" for _STEP_INVALID */
Step step_from_string(const char *name);        /* or _STEP_INVALID */

/**
 * step_progress() - progress of the whole job
 * @step: that runs
 * @percent: of the step, 0 to 100
 *
 * Return: percent of the job, 0 to 100.
 */
unsigned step_progress(Step step, unsigned percent);

/* Prints the table as a graph in dot's language. */
void steps_print_graph(FILE *f);
