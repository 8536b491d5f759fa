/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tkd.conf: see config.h. Sections and keys as in systemd's own files.
 */
#include <ctype.h>
#include <stdarg.h>

#include "conf-files.h"
#include "config.h"
#include "files.h"
#include "strv.h"

#define SECTION "Daemon"

typedef int (*ParseFn)(const char *value, void *field);

static int parse_path_template(const char *value, void *field) {
        const char *percent = strchr(value, '%');

        if (value[0] != '/' || !percent || percent[1] != 'v' || strchr(percent + 1, '%'))
                return -EINVAL;
        return free_and_strdup(field, value);
}

static int parse_text(const char *value, void *field) {
        return free_and_strdup(field, value);
}

/* A decimal number and one of the units in names; "" is a name too. */
static int parse_with_unit(const char *value, const char *const *names, const uint64_t *factors, uint64_t *ret) {
        unsigned long long n;
        uint64_t bytes;
        char *end;

        if (!isdigit((unsigned char) *value))
                return -EINVAL;
        errno = 0;
        n = strtoull(value, &end, 10);
        if (errno)
                return -ERANGE;
        for (size_t i = 0; names[i]; i++)
                if (streq(end, names[i])) {
                        if (__builtin_mul_overflow(n, factors[i], &bytes))
                                return -ERANGE;
                        *ret = bytes;
                        return 0;
                }
        return -EINVAL;
}

static int parse_size(const char *value, void *field) {
        static const char *const names[] = { "", "K", "M", "G", "T", NULL };
        static const uint64_t factors[] = { 1, 1 << 10, 1 << 20, 1 << 30, UINT64_C(1) << 40 };

        return parse_with_unit(value, names, factors, field);
}

static int parse_sec(const char *value, void *field) {
        static const char *const names[] = { "", "s", "ms", "min", NULL };
        static const uint64_t factors[] = { USEC_PER_SEC, USEC_PER_SEC, USEC_PER_MSEC, 60 * USEC_PER_SEC };

        return parse_with_unit(value, names, factors, field);
}

static int parse_cpus(const char *value, void *field) {
        return cpu_set_parse(value, field);
}

typedef struct Key {
        const char *name;
        ParseFn parse;
        size_t offset;
        const char *expected;
} Key;

#define PATH_EXPECTED "an absolute path with one %v in it"
#define SIZE_EXPECTED "a size such as 512M or 2G"
#define TIME_EXPECTED "a time such as 90, 500ms or 2min"

static const Key keys[] = {
        { "Kernel",           parse_path_template, offsetof(Config, kernel),            PATH_EXPECTED },
        { "TwinInitramfs",    parse_path_template, offsetof(Config, initramfs),         PATH_EXPECTED },
        { "TwinCommandLine",  parse_text,          offsetof(Config, command_line),      "a command line" },
        { "TwinCPUs",         parse_cpus,          offsetof(Config, cpus),              "a list such as 2-3,6" },
        { "TwinMemory",       parse_size,          offsetof(Config, memory),            SIZE_EXPECTED },
        { "CheckpointMemory", parse_size,          offsetof(Config, checkpoint_memory), SIZE_EXPECTED },
        { "GraceSec",         parse_sec,           offsetof(Config, grace_usec),        TIME_EXPECTED },
};

/* The key that bounds a step: the step's name with a capital, and "TimeoutSec". */
static bool find_timeout_key(const char *name, Key *ret) {
        for (Step s = 0; s < _STEP_MAX; s++) {
                const char *step = step_to_string(s), *rest;

                if (tolower((unsigned char) name[0]) != step[0] || !isupper((unsigned char) name[0]))
                        continue;
                rest = startswith(name + 1, step + 1);
                if (!rest || !streq(rest, "TimeoutSec"))
                        continue;
                *ret = (Key) { name, parse_sec, offsetof(Config, step_usec) + (size_t) s * sizeof(uint64_t),
                               TIME_EXPECTED };
                return true;
        }
        return false;
}

static bool find_key(const char *name, Key *ret) {
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(name, keys[i].name)) {
                        *ret = keys[i];
                        return true;
                }
        return find_timeout_key(name, ret);
}

static int set_defaults(Config *c) {
        *c = (Config) {
                .kernel = strdup("/boot/vmlinuz-%v"),
                .initramfs = strdup("/boot/twin-%v.img"),
                .command_line = strdup(""),
                .memory = UINT64_C(1) << 30,
                .checkpoint_memory = UINT64_C(512) << 20,
                .grace_usec = 15 * USEC_PER_SEC,
        };
        for (Step s = 0; s < _STEP_MAX; s++)
                c->step_usec[s] = step_info(s)->limit_sec * USEC_PER_SEC;
        return c->kernel && c->initramfs && c->command_line ? 0 : -ENOMEM;
}

/* Where a message points to. */
typedef struct Place {
        const char *path;
        unsigned line;
} Place;

_printf_(3, 4)
static int fail(const Place *at, char **ret_error, const char *format, ...) {
        _cleanup_free_ char *what = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&what, format, ap);
        va_end(ap);
        if (n < 0 || asprintf(ret_error, "%s:%u: %s", conf_strip_root(at->path), at->line, what) < 0)
                return -ENOMEM;
        return -EBADMSG;
}

static char *strip(char *s) {
        size_t n;

        s += strspn(s, " \t\r");
        n = strlen(s);
        while (n > 0 && strchr(" \t\r", s[n - 1]))
                s[--n] = 0;
        return s;
}

static int assign(Config *c, const Place *at, const char *name, const char *value, char **ret_error) {
        Key key;
        int r;

        if (!find_key(name, &key))
                return fail(at, ret_error, "unknown key %s=", name);
        r = key.parse(value, (char *) c + key.offset);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return fail(at, ret_error, "%s=%s is not %s", name, value, key.expected);
        if (key.parse == parse_cpus)
                c->has_cpus = true;
        return 0;
}

static int parse_line(Config *c, const Place *at, char *line, bool *in_section, char **ret_error) {
        char *equals;

        line = strip(line);
        if (*line == 0 || *line == '#' || *line == ';')
                return 0;
        if (*line == '[') {
                *in_section = streq(line, "[" SECTION "]");
                return *in_section ? 0 : fail(at, ret_error, "unknown section %s, only [" SECTION "] is known", line);
        }
        equals = strchr(line, '=');
        if (!equals)
                return fail(at, ret_error, "neither a section nor KEY=VALUE: %s", line);
        if (!*in_section)
                return fail(at, ret_error, "a key before the section [" SECTION "]: %s", line);
        *equals = 0;
        return assign(c, at, strip(line), strip(equals + 1), ret_error);
}

static int load_file(Config *c, const char *path, char **ret_error) {
        _cleanup_free_ char *text = NULL;
        Place at = { path, 0 };
        bool in_section = false;
        ssize_t n;
        int r;

        n = read_text_file(path, &text);
        if (n < 0)
                return fail(&at, ret_error, "cannot be read: %s", strerror((int) -n));
        for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
                at.line++;
                r = parse_line(c, &at, line, &in_section, ret_error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int config_load(Config *ret, char **ret_error) {
        _cleanup_free_ char *main_file = NULL;
        _cleanup_strv_ char **dropins = NULL;
        int r;

        r = set_defaults(ret);
        if (r < 0)
                return r;
        r = conf_files("tkd.conf", "tkd.conf.d", ".conf", &main_file, &dropins);
        if (r < 0)
                return r;
        if (main_file) {
                r = load_file(ret, main_file, ret_error);
                if (r < 0)
                        return r;
        }
        for (char **p = dropins; p && *p; p++) {
                r = load_file(ret, *p, ret_error);
                if (r < 0)
                        return r;
        }
        return 0;
}

void config_done(Config *c) {
        free(c->kernel);
        free(c->initramfs);
        free(c->command_line);
        *c = (Config) {};
}

char *config_expand(const char *template, const char *version) {
        const char *percent = strstr(template, "%v");
        char *s;

        return asprintf(&s, "%.*s%s%s", (int) (percent - template), template, version, percent + 2) < 0 ? NULL : s;
}
