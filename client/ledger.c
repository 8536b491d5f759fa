/* SPDX-License-Identifier: GPL-2.0-only */

/*
 * The ledger of a job: time stamps of both kernels on one clock (the TSC), as tkd sends them, and what is
 * made of them for people: the steps with start and length, and the parts of the app's downtime.
 */


#include "ledger.h"
#include "table.h"

#define SUFFIX_BEGIN "-begin"
#define SUFFIX_END "-end"

/**
 * ledger_done() - free what a ledger holds
 * @l: the ledger; empty afterwards
 */
void ledger_done(Ledger *l) {
        for (size_t i = 0; i < l->n_stamps; i++) {
                free(l->stamps[i].event);
                free(l->stamps[i].kernel);
        }
        free(l->stamps);
        *l = (Ledger) {};
}

/* Keeps the order of the stamps of one instant. Nearly all come in order: the twin's may be late. */
static void ledger_insert(Ledger *l, Stamp stamp) {
        size_t i = l->n_stamps++;

        for (; i > 0 && l->stamps[i - 1].ns > stamp.ns; i--)
                l->stamps[i] = l->stamps[i - 1];
        l->stamps[i] = stamp;
}

static int ledger_add(Ledger *l, const char *event, const char *kernel, uint64_t ns) {
        _cleanup_free_ char *e = strdup(event), *k = strdup(kernel);
        Stamp *stamps;

        if (!e || !k)
                return -ENOMEM;
        stamps = reallocarray(l->stamps, l->n_stamps + 1, sizeof(Stamp));
        if (!stamps)
                return -ENOMEM;

        l->stamps = stamps;
        ledger_insert(l, (Stamp) { .event = TAKE_PTR(e), .kernel = TAKE_PTR(k), .ns = ns });
        return 0;
}

/**
 * ledger_read() - replace a ledger by the one in a message, sorted by time
 * @l: the ledger
 * @m: a message that stands at an a(sst)
 *
 * Return: 0 or a negative errno.
 */
int ledger_read(Ledger *l, sd_bus_message *m) {
        const char *event, *kernel;
        uint64_t ns;
        int r;

        ledger_done(l);
        r = sd_bus_message_enter_container(m, 'a', "(sst)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "(sst)", &event, &kernel, &ns)) > 0) {
                r = ledger_add(l, event, kernel, ns);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 0;
}

static const Stamp *ledger_first(const Ledger *l, const char *event) {
        for (size_t i = 0; i < l->n_stamps; i++)
                if (streq(l->stamps[i].event, event))
                        return l->stamps + i;
        return NULL;
}

static const Stamp *ledger_last(const Ledger *l, const char *event) {
        for (size_t i = l->n_stamps; i > 0; i--)
                if (streq(l->stamps[i - 1].event, event))
                        return l->stamps + i - 1;
        return NULL;
}

/**
 * ledger_has() - whether something is in the ledger
 * @l: the ledger
 * @event: its name
 */
bool ledger_has(const Ledger *l, const char *event) {
        return ledger_first(l, event);
}

/* The part of @event before @suffix, or NULL when it does not end so. */
static char *name_before(const char *event, const char *suffix) {
        size_t n = strlen(event), k = strlen(suffix);

        if (n <= k || !streq(event + n - k, suffix))
                return NULL;
        return strndup(event, n - k);
}

/**
 * spans_done() - free what a list of spans holds
 * @s: the list; empty afterwards
 */
void spans_done(Spans *s) {
        for (size_t i = 0; i < s->n_items; i++)
                free(s->items[i].name);
        free(s->items);
        *s = (Spans) {};
}

static Span *spans_find_open(const Spans *s, const char *name) {
        for (size_t i = s->n_items; i > 0; i--) {
                Span *span = s->items + i - 1;

                if (span->open && streq(span->name, name))
                        return span;
        }
        return NULL;
}

static unsigned spans_count_open(const Spans *s) {
        unsigned n = 0;

        for (size_t i = 0; i < s->n_items; i++)
                n += s->items[i].open;
        return n;
}

/* Consumes @name, also on failure. */
static int spans_add(Spans *s, char *name, const Stamp *stamp, uint64_t start, bool point) {
        Span *items;

        items = name ? reallocarray(s->items, s->n_items + 1, sizeof(Span)) : NULL;
        if (!items) {
                free(name);
                return -ENOMEM;
        }

        s->items = items;
        items[s->n_items] = (Span) {
                .name = name,
                .kernel = stamp->kernel,
                .kernel_end = stamp->kernel,
                .start = start,
                .depth = spans_count_open(s),
                .point = point,
                .open = !point,
        };
        s->n_items++;
        return 0;
}

/* What began within a span and has no end of its own was a single event. */
static void span_close(Spans *s, Span *span, const Stamp *end, uint64_t at) {
        span->length = at > span->start ? at - span->start : 0;
        span->kernel_end = end->kernel;
        span->open = false;
        for (Span *inner = span + 1; inner < s->items + s->n_items; inner++)
                if (inner->open) {
                        inner->open = false;
                        inner->point = true;
                }
}

static int spans_add_stamp(Spans *s, const Stamp *stamp, uint64_t first) {
        uint64_t start = stamp->ns > first ? stamp->ns - first : 0;
        _cleanup_free_ char *end = name_before(stamp->event, SUFFIX_END);
        Span *span = end ? spans_find_open(s, end) : NULL;
        char *begin;

        if (span) {
                span_close(s, span, stamp, start);
                return 0;
        }

        begin = name_before(stamp->event, SUFFIX_BEGIN);
        if (begin)
                return spans_add(s, begin, stamp, start, false);
        return spans_add(s, strdup(stamp->event), stamp, start, true);
}

/**
 * ledger_spans() - pair the begins with the ends
 * @l: the ledger; must live as long as the result
 * @ret: the spans in the order of their begin
 *
 * Return: 0 or -ENOMEM.
 */
int ledger_spans(const Ledger *l, Spans *ret) {
        _cleanup_spans_ Spans s = {};
        int r;

        for (size_t i = 0; i < l->n_stamps; i++) {
                r = spans_add_stamp(&s, l->stamps + i, l->stamps[0].ns);
                if (r < 0)
                        return r;
        }

        *ret = s;
        s = (Spans) {};
        return 0;
}

static uint64_t between(const Stamp *begin, const Stamp *end) {
        return begin && end && end->ns > begin->ns ? end->ns - begin->ns : 0;
}

/* The freeze may have no end of its own: then it ends where the dump begins. */
static uint64_t freeze_length(const Ledger *l, const Stamp *begin) {
        return between(begin, ledger_first(l, "freeze-end") ?: ledger_first(l, "dump-begin"));
}

/**
 * ledger_downtime() - how long the apps stood still, and why
 * @l: the ledger
 * @ret: total and parts
 *
 * Return: false when they were not frozen, or are still.
 */
bool ledger_downtime(const Ledger *l, Downtime *ret) {
        static const char *const ends[] = { "resume-end", "resume", "thaw-end", "thaw" };
        const Stamp *begin = ledger_first(l, "freeze-begin"), *end = NULL;
        uint64_t parts;

        for (size_t i = 0; i < ELEMENTSOF(ends) && !end; i++)
                end = ledger_last(l, ends[i]);
        if (!begin || !end)
                return false;

        *ret = (Downtime) {
                .total = between(begin, end),
                .freeze = freeze_length(l, begin),
                .dump = between(ledger_first(l, "dump-begin"), ledger_last(l, "dump-end")),
                .transfer = between(ledger_first(l, "transfer-begin"), ledger_last(l, "transfer-end")),
                .restore = between(ledger_first(l, "restore-begin"), ledger_last(l, "restore-end")),
                .end = startswith(end->event, "thaw") ? "thaw" : "resume",
        };
        parts = ret->freeze + ret->dump + ret->transfer + ret->restore;
        ret->other = ret->total > parts ? ret->total - parts : 0;
        return true;
}

static int add_span(Table *t, const Span *s, bool running) {
        bool crosses = !streq(s->kernel, s->kernel_end);
        int r;

        r = table_add(t, "%*s%s", (int) (2 * s->depth), "", s->name);
        if (r < 0)
                return r;
        r = table_add(t, "%.3f s", (double) s->start / NSEC_PER_SEC);
        if (r < 0)
                return r;
        if (s->point || s->open)
                r = table_add(t, s->open && running ? "running" : "-");
        else
                r = table_add(t, "%.1f ms", (double) s->length / NSEC_PER_MSEC);
        if (r < 0)
                return r;
        return table_add(t, "%s%s%s", s->kernel, crosses ? " -> " : "", crosses ? s->kernel_end : "");
}

/**
 * ledger_print() - the ledger as a table of steps
 * @l: the ledger
 * @running: its job runs, so that what has no end yet will get one
 *
 * Return: 0 or -ENOMEM.
 */
int ledger_print(const Ledger *l, bool running) {
        static const Column columns[] = { { "STEP", false }, { "START", true }, { "LENGTH", true }, { "KERNEL", false } };
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        _cleanup_spans_ Spans spans = {};
        int r;

        if (!t)
                return -ENOMEM;
        r = ledger_spans(l, &spans);
        if (r < 0)
                return r;
        for (size_t i = 0; i < spans.n_items; i++) {
                r = add_span(t, spans.items + i, running);
                if (r < 0)
                        return r;
        }
        table_print(t);
        return 0;
}

static void print_part(const char *name, uint64_t ns, uint64_t total) {
        printf("  %-10s %10.1f ms  %3.0f %%\n", name, (double) ns / NSEC_PER_MSEC,
               total > 0 ? 100.0 * (double) ns / (double) total : 0);
}

/**
 * downtime_print() - the downtime and its parts
 * @d: the downtime
 */
void downtime_print(const Downtime *d) {
        printf("Downtime, freeze to %s:\n", d->end);
        print_part("freeze", d->freeze, d->total);
        print_part("dump", d->dump, d->total);
        print_part("transfer", d->transfer, d->total);
        print_part("restore", d->restore, d->total);
        print_part("other", d->other, d->total);
        print_part("total", d->total, d->total);
}

/**
 * ledger_to_json() - the stamps as they came
 * @l: the ledger
 */
json_object *ledger_to_json(const Ledger *l) {
        json_object *array = json_object_new_array();

        for (size_t i = 0; i < l->n_stamps; i++) {
                json_object *o = json_object_new_object();

                json_object_object_add(o, "event", json_object_new_string(l->stamps[i].event));
                json_object_object_add(o, "kernel", json_object_new_string(l->stamps[i].kernel));
                json_object_object_add(o, "ns", json_object_new_uint64(l->stamps[i].ns));
                json_object_array_add(array, o);
        }
        return array;
}

/**
 * spans_to_json() - the steps; a length that is not known is null
 * @s: the steps
 */
json_object *spans_to_json(const Spans *s) {
        json_object *array = json_object_new_array();

        for (size_t i = 0; i < s->n_items; i++) {
                const Span *span = s->items + i;
                json_object *o = json_object_new_object();

                json_object_object_add(o, "name", json_object_new_string(span->name));
                json_object_object_add(o, "start_ns", json_object_new_uint64(span->start));
                json_object_object_add(o, "length_ns",
                                       span->point || span->open ? NULL : json_object_new_uint64(span->length));
                json_object_object_add(o, "kernel", json_object_new_string(span->kernel));
                json_object_object_add(o, "kernel_end", json_object_new_string(span->kernel_end));
                json_object_array_add(array, o);
        }
        return array;
}

/**
 * downtime_to_json() - the downtime and its parts, in nanoseconds
 * @d: the downtime
 */
json_object *downtime_to_json(const Downtime *d) {
        json_object *o = json_object_new_object();

        json_object_object_add(o, "total_ns", json_object_new_uint64(d->total));
        json_object_object_add(o, "freeze_ns", json_object_new_uint64(d->freeze));
        json_object_object_add(o, "dump_ns", json_object_new_uint64(d->dump));
        json_object_object_add(o, "transfer_ns", json_object_new_uint64(d->transfer));
        json_object_object_add(o, "restore_ns", json_object_new_uint64(d->restore));
        json_object_object_add(o, "other_ns", json_object_new_uint64(d->other));
        json_object_object_add(o, "ended_by", json_object_new_string(d->end));
        return o;
}
