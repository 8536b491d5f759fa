/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl log: print the twin's kernel log, and follow it. */

#include <ctype.h>

#include "bus.h"
#include "fault.h"
#include "follow.h"

#define POLL_USEC (250 * USEC_PER_MSEC)

typedef struct LogView {
        Context *context;
        sd_event *event;
        uint64_t offset; /* of the next byte to ask for */
        char *line;      /* what has come of a line whose end has not */
        size_t n_line;
        char *tail; /* the text so far, until the last N lines of it are printed */
        size_t n_tail;
        bool started; /* the tail is printed */
} LogView;

static void log_view_done(LogView *k) {
        sd_bus_detach_event(k->context->bus);
        sd_event_unref(k->event);
        free(k->line);
        free(k->tail);
}

static int append(char **text, size_t *n_text, const char *data, size_t n) {
        char *p = realloc(*text, *n_text + n + 1);

        if (!p)
                return -ENOMEM;
        memcpy(p + *n_text, data, n);
        *text = p;
        *n_text += n;
        p[*n_text] = 0;
        return 0;
}

/* The log comes from another kernel: nothing in it may steer the terminal. */
static void make_printable(char *s, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (iscntrl((unsigned char) s[i]) && s[i] != '\n' && s[i] != '\t')
                        s[i] = '?';
}

static void print_line_as_json(const char *line) {
        _cleanup_json_ json_object *o = json_object_new_object();

        json_object_object_add(o, "text", json_object_new_string(line));
        print_json_line(o);
}

static int print_as_json(LogView *k, const char *data, size_t n) {
        char *line, *end;
        int r;

        r = append(&k->line, &k->n_line, data, n);
        if (r < 0)
                return r;
        for (line = k->line; (end = strchr(line, '\n')); line = end + 1) {
                *end = 0;
                print_line_as_json(line);
        }
        k->n_line -= (size_t) (line - k->line);
        memmove(k->line, line, k->n_line + 1);
        return 0;
}

static int print_data(LogView *k, char *data, size_t n) {
        make_printable(data, n);
        if (k->context->json)
                return print_as_json(k, data, n);
        fwrite(data, 1, n, stdout);
        fflush(stdout);
        return 0;
}

/* The begin of the last @lines lines in @s; a line that has not ended yet counts. */
static size_t last_lines(const char *s, size_t n, uint64_t lines) {
        size_t i = n > 0 && s[n - 1] == '\n' ? n - 1 : n;

        if (lines == 0)
                return n;
        for (; i > 0; i--)
                if (s[i - 1] == '\n' && --lines == 0)
                        break;
        return i;
}

static int print_tail(LogView *k) {
        size_t start;

        k->started = true;
        if (k->n_tail == 0)
                return 0;
        start = last_lines(k->tail, k->n_tail, k->context->lines);
        return print_data(k, k->tail + start, k->n_tail - start);
}

/* Takes the next piece of the log. Returns an exit code; @ret_size is how much it was, 0 at the end. */
static int read_piece(LogView *k, char **ret_data, size_t *ret_size) {
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        const void *data;
        size_t size;
        int r;

        r = bus_prepare(k->context, &call, TKD_PATH, TKD_MANAGER_INTERFACE, TKD_METHOD_TWIN_LOG);
        if (r >= 0 && !k->started)
                r = bus_allow_password(k->context, call);
        if (r >= 0)
                r = sd_bus_message_append(call, "t", k->offset);
        if (r < 0)
                return fault_print_bus(k->context, NULL, r);
        r = bus_send(k->context, call, &reply);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_read(reply, "t", &k->offset);
        if (r >= 0)
                r = sd_bus_message_read_array(reply, 'y', &data, &size);
        if (r < 0)
                return bus_bad_reply(k->context, r);

        *ret_data = malloc(size + 1);
        if (!*ret_data)
                return print_oom();
        memcpy(*ret_data, data, size);
        *ret_size = size;
        return EXIT_OK;
}

/* Everything that is in the log now. Returns an exit code. */
static int read_log(LogView *k) {
        size_t n = 0;
        int r;

        do {
                _cleanup_free_ char *data = NULL;

                r = read_piece(k, &data, &n);
                if (r != EXIT_OK)
                        return r;
                r = k->started ? print_data(k, data, n) : append(&k->tail, &k->n_tail, data, n);
                if (r < 0)
                        return print_oom();
        } while (n > 0);
        return k->started || print_tail(k) >= 0 ? EXIT_OK : print_oom();
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        LogView *k = userdata;
        int r;

        r = read_log(k);
        if (r != EXIT_OK)
                return sd_event_exit(k->event, r);
        r = sd_event_source_set_time_relative(s, POLL_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int follow_log(LogView *k) {
        int r;

        r = event_open(k->context, NULL, NULL, &k->event);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(k->event, NULL, CLOCK_MONOTONIC, POLL_USEC, 0, on_timer, k);
        if (r < 0)
                return r;
        return sd_event_loop(k->event);
}

int verb_log(Context *c, int argc, char **argv) {
        _cleanup_(log_view_done) LogView k = { .context = c };
        int r;

        r = read_log(&k);
        if (r != EXIT_OK || c->no_follow)
                return r;
        r = follow_log(&k);
        return r < 0 ? fault_print_bus(c, NULL, r) : r;
}
