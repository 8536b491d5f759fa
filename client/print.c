/* SPDX-License-Identifier: GPL-2.0-only */

/* What every file of tkctl uses to say something: lengths of time, JSON, errors. */

#include <stdarg.h>
#include <time.h>

#include "print.h"

/**
 * format_length() - a length of time for people
 * @buf: where to write
 * @ns: nanoseconds
 *
 * Return: @buf, e.g. "12.3 ms" or "4.567 s".
 */
const char *format_length(char buf[static FORMAT_MAX], uint64_t ns) {
        if (ns < NSEC_PER_SEC)
                snprintf(buf, FORMAT_MAX, "%.1f ms", (double) ns / NSEC_PER_MSEC);
        else
                snprintf(buf, FORMAT_MAX, "%.3f s", (double) ns / NSEC_PER_SEC);
        return buf;
}

/**
 * format_date() - a wall clock time, local
 * @buf: where to write
 * @usec: microseconds since 1970, 0 for "not known"
 *
 * Return: @buf.
 */
const char *format_date(char buf[static FORMAT_MAX], uint64_t usec) {
        time_t t = (time_t) (usec / USEC_PER_SEC);
        struct tm tm;

        if (usec == 0 || !localtime_r(&t, &tm) ||
            strftime(buf, FORMAT_MAX, "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
                snprintf(buf, FORMAT_MAX, "-");
        return buf;
}

/**
 * format_bytes() - an amount of memory
 * @buf: where to write
 * @bytes: the amount
 *
 * Return: @buf, e.g. "512 MiB".
 */
const char *format_bytes(char buf[static FORMAT_MAX], uint64_t bytes) {
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
        double v = (double) bytes;
        size_t u = 0;

        for (; v >= 1024 && u < ELEMENTSOF(units) - 1; u++)
                v /= 1024;
        snprintf(buf, FORMAT_MAX, v == (double) (uint64_t) v ? "%.0f %s" : "%.1f %s", v, units[u]);
        return buf;
}

/**
 * parse_u64() - a decimal number and nothing else
 * @s: the text
 * @ret: the number
 *
 * Return: 0, -EINVAL or -ERANGE.
 */
int parse_u64(const char *s, uint64_t *ret) {
        unsigned long long v;
        char *end;

        if (*s < '0' || *s > '9')
                return -EINVAL;
        errno = 0;
        v = strtoull(s, &end, 10);
        if (errno > 0)
                return -errno;
        if (*end)
                return -EINVAL;

        *ret = v;
        return 0;
}

/**
 * print_json() - print a value on standard output, indented
 * @o: the value
 */
void print_json(json_object *o) {
        puts(json_object_to_json_string_ext(
                     o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/**
 * print_json_line() - print a value on one line, at once: for streams of events
 * @o: the value
 */
void print_json_line(json_object *o) {
        puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        fflush(stdout);
}

/**
 * print_error() - one line on standard error, with the name of the program before it
 * @format: as for printf, without a newline
 *
 * Return: EXIT_FAILURE, so that a verb can return it.
 */
int print_error(const char *format, ...) {
        va_list ap;

        fflush(stdout);
        fputs("tkctl: ", stderr);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
        return EXIT_FAILURE;
}

/**
 * print_oom() - say that memory ran out
 *
 * Return: EXIT_FAILURE.
 */
int print_oom(void) {
        return print_error("Out of memory.");
}
