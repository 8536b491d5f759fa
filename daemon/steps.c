/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of steps and what is derived from it directly: see steps.h.
 */
#include "protocol.h"
#include "steps.h"

static const StepInfo table[_STEP_MAX] = {
        [STEP_RESERVE] = {
                .name = TKD_STEP_RESERVE, .state = TKD_STATE_RESERVING,
                .limit_sec = 120, .percent = 0,
                .text = "taking CPUs and memory for the twin",
                .undo_text = "giving CPUs and memory back",
        },
        [STEP_LOAD] = {
                .name = TKD_STEP_LOAD, .state = TKD_STATE_LOADING,
                .limit_sec = 120, .percent = 5,
                .text = "verifying and loading the kernel",
                .undo_text = "unloading the kernel",
        },
        [STEP_BOOT] = {
                .name = TKD_STEP_BOOT, .state = TKD_STATE_BOOTING,
                .limit_sec = 180, .percent = 10,
                .text = "booting the twin",
                .undo_text = "stopping the twin",
        },
        [STEP_CHECKPOINT] = {
                .name = TKD_STEP_CHECKPOINT, .state = TKD_STATE_CHECKPOINTING,
                .limit_sec = 300, .percent = 45,
                .text = "freezing and dumping the applications",
                .undo_text = "thawing the applications",
        },
        [STEP_MIGRATE] = {
                .name = TKD_STEP_MIGRATE, .state = TKD_STATE_MIGRATING,
                .limit_sec = 300, .percent = 65,
                .text = "restoring the applications in the twin",
                .undo_text = "fencing the twin",
        },
        [STEP_COMMIT] = {
                .name = TKD_STEP_COMMIT, .state = TKD_STATE_COMMITTING, .sealed = true,
                .limit_sec = 60, .percent = 90,
                .text = "committing to the twin",
                .undo_text = "taking the commit back if the twin has not made it",
        },
        [STEP_OFFLINE] = {
                .name = TKD_STEP_OFFLINE, .state = TKD_STATE_OFFLINING, .forward = true, .sealed = true,
                .limit_sec = 60, .percent = 95,
                .text = "parking the old kernel",
        },
};

const StepInfo *step_info(Step step) {
        return &table[step];
}

const char *step_to_string(Step step) {
        return step < 0 ? "" : table[step].name;
}

Step step_from_string(const char *name) {
        for (Step s = 0; s < _STEP_MAX; s++)
                if (streq(name, table[s].name))
                        return s;
        return _STEP_INVALID;
}

unsigned step_progress(Step step, unsigned percent) {
        unsigned begin = table[step].percent;
        unsigned end = step + 1 < _STEP_MAX ? table[step + 1].percent : 100;

        return begin + (end - begin) * MIN(percent, 100U) / 100;
}

static void print_step(FILE *f, Step step) {
        const StepInfo *i = &table[step];
        const char *next = step + 1 < _STEP_MAX ? table[step + 1].state : TKD_STATE_DONE;

        fprintf(f, "        \"%s\" [label=\"%s\\n%s\"];\n", i->state, i->state, i->text);
        fprintf(f, "        \"%s\" -> \"%s\" [label=\"%s\"];\n", i->state, next, i->name);
        if (i->forward)
                fprintf(f, "        \"%s\" -> \"%s\" [label=\"retry\"];\n", i->state, i->state);
        else
                fprintf(f, "        \"%s\" -> \"%s\" [style=dashed, label=\"error, %s%u s: %s\"];\n",
                        i->state, TKD_STATE_ROLLING_BACK, i->sealed ? "" : "cancel, ", i->limit_sec, i->undo_text);
}

void steps_print_graph(FILE *f) {
        fprintf(f, "// Printed by \"tkd --state-graph\" from the table in steps.c; a test compares them.\n"
                   "digraph upgrade {\n"
                   "        node [shape=box];\n"
                   "        \"%s\" -> \"%s\" [label=\"Upgrade\"];\n", TKD_STATE_IDLE, table[0].state);
        for (Step s = 0; s < _STEP_MAX; s++)
                print_step(f, s);
        fprintf(f, "        \"%s\" -> \"%s\" [label=\"Boot: the twin stays\"];\n"
                   "        \"%s\" -> \"%s\" [label=\"Upgrade, the twin runs\"];\n"
                   "        \"%s\" -> \"%s\" [label=\"Release\"];\n"
                   "        \"%s\" -> \"%s\" [label=\"%s, %s, %s\"];\n"
                   "        \"%s\" -> \"%s\" [label=\"the twin has committed already\"];\n"
                   "        \"%s\" -> \"%s\" [label=\"all undone, latest step first\"];\n"
                   "        \"%s\" -> \"%s\" [label=\"the same, after Cancel\"];\n"
                   "}\n",
                table[STEP_BOOT].state, TKD_STATE_DONE,
                TKD_STATE_IDLE, table[STEP_BOOT].state,
                TKD_STATE_IDLE, TKD_STATE_RELEASING,
                TKD_STATE_RELEASING, TKD_STATE_DONE, table[STEP_BOOT].undo_text, table[STEP_LOAD].undo_text,
                table[STEP_RESERVE].undo_text,
                TKD_STATE_ROLLING_BACK, table[STEP_OFFLINE].state,
                TKD_STATE_ROLLING_BACK, TKD_STATE_FAILED,
                TKD_STATE_ROLLING_BACK, TKD_STATE_CANCELLED);
}
