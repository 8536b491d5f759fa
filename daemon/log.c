/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Logging: see log.h.
 */
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "log.h"

#define LINE_MAX_BYTES 2048

static int max_level = LOG_INFO;
static LogTarget current_target = LOG_TARGET_CONSOLE;

static const char *const level_names[] = {
        [LOG_EMERG]   = "emerg",
        [LOG_ALERT]   = "alert",
        [LOG_CRIT]    = "crit",
        [LOG_ERR]     = "err",
        [LOG_WARNING] = "warning",
        [LOG_NOTICE]  = "notice",
        [LOG_INFO]    = "info",
        [LOG_DEBUG]   = "debug",
};

static const char *const target_names[_LOG_TARGET_MAX] = {
        [LOG_TARGET_CONSOLE] = "console",
        [LOG_TARGET_JOURNAL] = "journal",
        [LOG_TARGET_NULL]    = "null",
};

/* $JOURNAL_STREAM names device and inode of the stream that systemd gave us. */
static bool stderr_is_journal(void) {
        const char *e = getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;

        return e && sscanf(e, "%llu:%llu", &dev, &ino) == 2 &&
                fstat(STDERR_FILENO, &st) >= 0 && st.st_dev == dev && st.st_ino == ino;
}

void log_setup(void) {
        const char *e = getenv("TKD_LOG_LEVEL");
        int level = e ? log_level_from_string(e) : -EINVAL;

        if (level >= 0)
                max_level = level;
        current_target = stderr_is_journal() ? LOG_TARGET_JOURNAL : LOG_TARGET_CONSOLE;
}

int log_get_max_level(void) {
        return max_level;
}

void log_set_max_level(int level) {
        max_level = level;
}

LogTarget log_get_target(void) {
        return current_target;
}

void log_set_target(LogTarget target) {
        current_target = target;
}

const char *log_level_to_string(int level) {
        return level_names[level];
}

int log_level_from_string(const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(level_names); i++)
                if (streq(s, level_names[i]))
                        return (int) i;
        return -EINVAL;
}

const char *log_target_to_string(LogTarget target) {
        return target_names[target];
}

LogTarget log_target_from_string(const char *s) {
        for (int i = 0; i < _LOG_TARGET_MAX; i++)
                if (streq(s, target_names[i]))
                        return i;
        return _LOG_TARGET_INVALID;
}

/* Console lines carry the priority as <N>, as sd-daemon(3) has it, when a manager reads them. */
static void write_console(int level, const char *text) {
        if (getenv("INVOCATION_ID"))
                dprintf(STDERR_FILENO, "<%d>%s\n", level, text);
        else
                dprintf(STDERR_FILENO, "%s\n", text);
}

int log_internal(int level, int error, const char *file, int line, const char *format, ...) {
        char text[LINE_MAX_BYTES];
        va_list ap;

        error = abs(error);
        if (level > max_level || current_target == LOG_TARGET_NULL)
                return -error;

        int saved = errno;
        errno = error;
        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);

        if (current_target == LOG_TARGET_CONSOLE)
                write_console(level, text);
        else if (error)
                sd_journal_send("MESSAGE=%s", text, "PRIORITY=%d", level, "CODE_FILE=%s", file,
                                "CODE_LINE=%d", line, "ERRNO=%d", error, NULL);
        else
                sd_journal_send("MESSAGE=%s", text, "PRIORITY=%d", level, "CODE_FILE=%s", file,
                                "CODE_LINE=%d", line, NULL);
        errno = saved;
        return -error;
}

void log_event(int level, const char *message_id, uint64_t job, const char *step, const char *format, ...) {
        char text[LINE_MAX_BYTES];
        va_list ap;

        if (level > max_level || current_target == LOG_TARGET_NULL)
                return;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);

        if (current_target == LOG_TARGET_CONSOLE)
                write_console(level, text);
        else
                sd_journal_send("MESSAGE=%s", text, "PRIORITY=%d", level, "MESSAGE_ID=%s", message_id,
                                "JOB=%llu", (unsigned long long) job, "STEP=%s", strempty(step), NULL);
}
