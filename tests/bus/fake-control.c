/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all fakes share: paths, log, faults, and the binding of the daemon to
 * them. See fake.h.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/file.h>
#include <time.h>

#include "binding.h"
#include "fake.h"
#include "fault.h"
#include "files.h"

bool fake_in_twin(void) {
        return getenv("TKD_FAKE_TWIN");
}

const char *fake_path(const char *format, ...) {
        static char buffers[8][256];
        static unsigned next;
        char *b = buffers[next++ % ELEMENTSOF(buffers)];
        int n = snprintf(b, sizeof(buffers[0]), "%s/", getenv("TKD_FAKE_DIR"));
        va_list ap;

        va_start(ap, format);
        vsnprintf(b + n, sizeof(buffers[0]) - (size_t) n, format, ap);
        va_end(ap);
        return b;
}

static void write_log(const char *text) {
        _cleanup_close_ int fd = open(fake_path("log"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

        dprintf(fd, "%s%s\n", fake_in_twin() ? "twin: " : "", text);
}

/* Takes the first fault for a call out of the list; returns its action. */
static char *take_fault(const char *call) {
        _cleanup_close_ int lock = open(fake_path("lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        _cleanup_free_ char *text = NULL, *rest = NULL;
        char *found = NULL;
        size_t n;
        FILE *out;

        flock(lock, LOCK_EX);
        if (read_text_file(fake_path("faults"), &text) < 0)
                return NULL;
        out = open_memstream(&rest, &n);
        for (char *p = text, *line; (line = strsep(&p, "\n"));) {
                const char *action = startswith(line, call);

                if (!found && action && *action == ':')
                        found = strdup(action + 1);
                else if (*line)
                        fprintf(out, "%s\n", line);
        }
        fclose(out);
        if (found)
                write_text_file(fake_path("faults"), rest);
        return found;
}

static void sleep_ms(unsigned long ms) {
        nanosleep(&(struct timespec) { .tv_sec = (time_t) (ms / 1000), .tv_nsec = (long) (ms % 1000) * 1000000 }, NULL);
}

static int act(const char *action) {
        const char *number = strrchr(action, ' ');
        unsigned long n = number ? strtoul(number, NULL, 10) : 0;

        if (startswith(action, "errno"))
                return -(int) n;
        if (startswith(action, "sleep"))
                sleep_ms(n);
        else if (streq(action, "hang"))
                for (;;)
                        pause();
        else if (streq(action, "crash"))
                raise(SIGKILL);
        else if (streq(action, "panic"))
                fake_set_state(TWIN_STATE_PANICKED);
        return 0;
}

int fake_enter(const char *format, ...) {
        _cleanup_free_ char *action = NULL;
        char call[256];
        va_list ap;

        va_start(ap, format);
        vsnprintf(call, sizeof(call), format, ap);
        va_end(ap);
        write_log(call);
        action = take_fault(call);
        return action ? act(action) : 0;
}

void fault_point(const char *kind, Step step) {
        (void) fake_enter("fault.%s %s", kind, step_to_string(step));
}

static const EngineBackend backend = {
        .twin = &fake_twin,
        .channel = &fake_channel,
        .handover = &fake_handover,
        .unit = &fake_unit,
        .place = &fake_place,
        .criu = &fake_criu,
        .carry = &fake_carry,
        .machine = &fake_machine_ops,
        .estate = &fake_estate,
};

const EngineBackend *engine_backend(void) {
        return &backend;
}
