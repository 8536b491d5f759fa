/* SPDX-License-Identifier: GPL-2.0-only */

/*
 * The progress of a job on standard output. Each finished step gets a line with its length, taken from the
 * ledger; on a terminal a bar stands below them. With --json each change is one JSON object on a line.
 */

#include <sys/ioctl.h>
#include <time.h>

#include "progress.h"

#define BAR_WIDTH 30

static uint64_t monotonic_usec(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

/**
 * progress_init() - begin to show a job
 * @p: the progress
 * @c: the command line
 */
void progress_init(Progress *p, const Context *c) {
        const char *term = getenv("TERM");

        *p = (Progress) {
                .json = c->json,
                .bar = !c->json && isatty(STDOUT_FILENO) && term && !streq(term, "dumb"),
                .begin_usec = monotonic_usec(),
        };
}

/**
 * progress_done() - remove the bar and free what the progress holds
 * @p: the progress
 */
void progress_done(Progress *p) {
        progress_clear(p);
        free(p->last_json);
        p->last_json = NULL;
}

/**
 * progress_clear() - remove the bar, to print something else; the next update draws it again
 * @p: the progress
 */
void progress_clear(Progress *p) {
        if (!p->bar_is_drawn)
                return;
        fputs("\r\033[K", stdout);
        fflush(stdout);
        p->bar_is_drawn = false;
}

static void print_finished_steps(Progress *p, const Job *j) {
        _cleanup_spans_ Spans spans = {};
        char length[FORMAT_MAX];
        size_t n = 0;

        if (ledger_spans(&j->ledger, &spans) < 0)
                return;
        for (size_t i = 0; i < spans.n_items; i++) {
                const Span *s = spans.items + i;

                if (s->depth > 0 || s->point || s->open || n++ < p->n_steps)
                        continue;
                progress_clear(p);
                printf("%-12s %12s\n", s->name, format_length(length, s->length));
                p->n_steps = n;
        }
}

static int terminal_width(void) {
        struct winsize w;

        return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col == 0 ? 80 : w.ws_col;
}

static void draw_bar(Progress *p, const Job *j) {
        int filled = (int) (j->progress > 100 ? 100 : j->progress) * BAR_WIDTH / 100;
        uint64_t seconds = (monotonic_usec() - p->begin_usec) / USEC_PER_SEC;
        char bar[BAR_WIDTH + 1], line[512];
        int n;

        memset(bar, ' ', BAR_WIDTH);
        memset(bar, '#', (size_t) filled);
        bar[BAR_WIDTH] = 0;
        n = snprintf(line, sizeof(line), "[%s] %3" PRIu32 "%% %s %" PRIu64 ":%02" PRIu64 " %s", bar, j->progress,
                     isempty(j->step) ? strempty(j->state) : j->step, seconds / 60, seconds % 60,
                     strempty(j->status));
        if (n >= terminal_width())
                n = terminal_width() - 1;
        printf("\r\033[K%.*s", n, line);
        fflush(stdout);
        p->bar_is_drawn = true;
}

/* The same line twice would say nothing. */
static void print_json_progress(Progress *p, const Job *j) {
        _cleanup_json_ json_object *o = json_object_new_object();

        json_object_object_add(o, "event", json_object_new_string("progress"));
        json_object_object_add(o, "id", json_object_new_uint64(j->id));
        json_object_object_add(o, "state", json_object_new_string(strempty(j->state)));
        json_object_object_add(o, "step", json_object_new_string(strempty(j->step)));
        json_object_object_add(o, "progress", json_object_new_int64(j->progress));
        json_object_object_add(o, "status", json_object_new_string(strempty(j->status)));
        if (streq_ptr(p->last_json, json_object_to_json_string(o)))
                return;
        print_json_line(o);
        free_and_strdup(&p->last_json, json_object_to_json_string(o));
}

/**
 * progress_update() - show how far the job is
 * @p: the progress
 * @j: the job
 */
void progress_update(Progress *p, const Job *j) {
        if (p->json) {
                print_json_progress(p, j);
                return;
        }
        print_finished_steps(p, j);
        if (p->bar && !job_is_finished(j))
                draw_bar(p, j);
}
