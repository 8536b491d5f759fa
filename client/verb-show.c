/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl show: one job, with its ledger and the parts of the downtime. */

#include "bus.h"
#include "job.h"
#include "pager.h"

static void print_line(const char *title, const char *value) {
        if (!isempty(value))
                printf("%10s: %s\n", title, value);
}

static void print_head(const Job *j) {
        printf("Job %" PRIu64 "\n", j->id);
        print_line("Kind", j->kind);
        print_line("Version", j->version);
        print_line("From", j->from);
        print_line("Mode", j->mode);
        print_line("Started by", j->initiator);
        print_line("State", j->state);
        if (job_is_finished(j))
                print_line("Last step", job_last_step(j));
        else {
                print_line("Step", j->step);
                printf("%10s: %" PRIu32 " %%\n", "Progress", j->progress);
                print_line("Status", j->status);
        }
        if (!isempty(j->error_name))
                printf("%10s: %s (%s)\n", "Error", strempty(j->error_text), j->error_name);
}

static int print_ledger(const Job *j) {
        Downtime d;
        int r;

        if (j->ledger.n_stamps == 0)
                return EXIT_OK;
        putchar('\n');
        r = ledger_print(&j->ledger, !job_is_finished(j));
        if (r < 0)
                return print_oom();
        if (ledger_downtime(&j->ledger, &d)) {
                putchar('\n');
                downtime_print(&d);
        }
        return EXIT_OK;
}

int verb_show(Context *c, int argc, char **argv) {
        _cleanup_job_ Job job = {};
        uint64_t id;
        int r;

        r = argc > 0 ? job_parse_id(argv[0], &id) : job_find_latest(c, false, &id);
        if (r != EXIT_OK)
                return r;
        r = job_load(c, id, &job);
        if (r != EXIT_OK)
                return r;

        if (c->json) {
                _cleanup_json_ json_object *o = job_to_json(&job);

                print_json(o);
                return EXIT_OK;
        }
        pager_open(c);
        print_head(&job);
        return print_ledger(&job);
}
