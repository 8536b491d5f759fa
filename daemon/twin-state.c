/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of a twin through any TwinDeviceOps, real or fake.
 */
#include "twin-device.h"

#define LOG_TAIL_BYTES          16384U
#define PANIC                   "Kernel panic - "
#define LAST_WORDS              5U      /* lines */

static const char *const state_table[] = {
        [TWIN_STATE_NONE]       = "none",
        [TWIN_STATE_RESERVED]   = "reserved",
        [TWIN_STATE_LOADED]     = "loaded",
        [TWIN_STATE_BOOTING]    = "booting",
        [TWIN_STATE_ALIVE]      = "alive",
        [TWIN_STATE_LOST]       = "lost",
        [TWIN_STATE_PANICKED]   = "panicked",
        [TWIN_STATE_HALTED]     = "halted",
        [TWIN_STATE_REFUSED]    = "refused",
};

const char *twin_state_to_string(uint32_t state) {
        return state < ELEMENTSOF(state_table) ? state_table[state] : "unknown";
}

bool twin_state_runs(uint32_t state) {
        return state >= TWIN_STATE_BOOTING;
}

bool twin_state_is_dead(uint32_t state) {
        return state == TWIN_STATE_LOST || state == TWIN_STATE_PANICKED ||
               state == TWIN_STATE_HALTED || state == TWIN_STATE_REFUSED;
}

/* The part of the text that holds its last lines. */
static const char *last_lines(const char *text, size_t size, unsigned lines) {
        const char *p = text + size;

        while (p > text) {
                if (p[-1] == '\n' && lines-- == 0)
                        break;
                p--;
        }
        return p;
}

/* The last line that says why the kernel panicked; what follows it may be long. */
static const char *panic_line(const char *text, size_t size, size_t *ret_size) {
        const char *found = NULL, *end;

        for (const char *p = text; (p = memmem(p, size - (size_t) (p - text), PANIC, strlen(PANIC))); p++)
                found = p;
        if (!found)
                return NULL;
        end = memchr(found, '\n', size - (size_t) (found - text));
        while (found > text && found[-1] != '\n')
                found--;
        *ret_size = (size_t) ((end ?: text + size) - found);
        return found;
}

char *twin_log_tail(const TwinDeviceOps *ops, int fd, unsigned lines) {
        char buf[LOG_TAIL_BYTES];
        struct twin_info info;
        uint64_t offset;
        ssize_t n;

        if (ops->info(fd, &info) < 0 || info.log_size == 0)
                return strdup("");
        offset = info.log_size > sizeof(buf) ? info.log_size - sizeof(buf) : 0;
        n = ops->read_log(fd, &offset, buf, sizeof(buf));
        if (n <= 0)
                return strdup("");
        while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == '\0'))
                n--;

        const char *p = last_lines(buf, n, lines - 1), *panic;
        size_t size;
        char *text;

        panic = panic_line(buf, p - buf, &size);
        if (!panic)
                return strndup(p, buf + n - p);
        return asprintf(&text, "%.*s\n%.*s", (int) size, panic, (int) (buf + n - p), p) < 0 ? NULL : text;
}

char *twin_obituary(const TwinDeviceOps *ops, int fd, uint32_t state) {
        _cleanup_free_ char *tail = twin_log_tail(ops, fd, LAST_WORDS);
        char *text;

        if (asprintf(&text, "The twin is %s%s%s", twin_state_to_string(state),
                     isempty(tail) ? ", and has printed nothing" : "; its last words:\n", strempty(tail)) < 0)
                return NULL;
        return text;
}
