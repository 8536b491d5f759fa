/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Engine: the objects that cross the seam, see engine.h.
 */
#include "engine.h"
#include "strv.h"
#include "util.h"

void unit_state_clear(UnitState *u) {
        free(TAKE_PTR(u->cgroup));
        free(TAKE_PTR(u->pids));
        u->files = strv_free(u->files);
        u->n_pids = 0;
        u->main_pid = 0;
}

EnginePlan *engine_plan_free(EnginePlan *plan) {
        if (!plan)
                return NULL;
        for (size_t i = 0; i < plan->n_units; i++) {
                free(plan->units[i].name);
                strv_free(plan->units[i].carry);
        }
        free(plan->units);
        free(plan->tkd_version);
        free(plan->version);
        free(plan->kernel);
        free(plan->initrd);
        free(plan->cmdline);
        free(plan->handover_dir);
        free(plan);
        return NULL;
}
