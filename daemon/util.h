/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few helpers that every file here uses: cleanup attributes in systemd's
 * manner, ownership transfer, string comparison.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(f)            __attribute__((cleanup(f)))
#define _printf_(a, b)          __attribute__((format(printf, a, b)))
#define _unused_                __attribute__((unused))
#define _sentinel_              __attribute__((sentinel))

#define ELEMENTSOF(x)           (sizeof(x) / sizeof((x)[0]))
#define MAX(a, b)               ((a) > (b) ? (a) : (b))
#define MIN(a, b)               ((a) < (b) ? (a) : (b))

#define USEC_PER_SEC            UINT64_C(1000000)
#define USEC_PER_MSEC           UINT64_C(1000)
#define NSEC_PER_USEC           UINT64_C(1000)
#define USEC_NEVER              UINT64_MAX

/* Defines func##p() for _cleanup_ from func(type). */
#define DEFINE_CLEANUP(type, func)                              \
        static inline _unused_ void func##p(type *p) {          \
                if (*p)                                         \
                        func(*p);                               \
        }

static inline void freep(void *p) {
        free(*(void **) p);
}

/* Closes fd if there is one, keeps errno. Always returns -EBADF, to be assigned. */
static inline int safe_close(int fd) {
        int saved = errno;

        if (fd >= 0)
                close(fd);
        errno = saved;
        return -EBADF;
}

static inline void closep(int *fd) {
        safe_close(*fd);
}

DEFINE_CLEANUP(FILE *, fclose)
DEFINE_CLEANUP(DIR *, closedir)
DEFINE_CLEANUP(json_object *, json_object_put)
DEFINE_CLEANUP(json_tokener *, json_tokener_free)

#define _cleanup_free_          _cleanup_(freep)
#define _cleanup_close_         _cleanup_(closep)
#define _cleanup_fclose_        _cleanup_(fclosep)
#define _cleanup_closedir_      _cleanup_(closedirp)
#define _cleanup_json_          _cleanup_(json_object_putp)

#define TAKE_PTR(p)                             \
        ({                                      \
                typeof(p) _taken = (p);         \
                (p) = NULL;                     \
                _taken;                         \
        })

#define TAKE_FD(fd)                             \
        ({                                      \
                int _taken = (fd);              \
                (fd) = -EBADF;                  \
                _taken;                         \
        })

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

/* As streq(), and either may be NULL. */
static inline bool streq_ptr(const char *a, const char *b) {
        return a == b || (a && b && streq(a, b));
}

static inline const char *strempty(const char *s) {
        return s ? s : "";
}

/* What is shown for something that has no value. */
static inline const char *strdash(const char *s) {
        return s && *s ? s : "-";
}

static inline bool isempty(const char *s) {
        return !s || !*s;
}

/* What follows prefix in s, or NULL when s does not begin with it. */
static inline const char *startswith(const char *s, const char *prefix) {
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/**
 * free_and_strdup() - replace a string by a copy of another
 * @p: the string, freed when it is replaced
 * @s: the other, or NULL
 *
 * Return: 0 or -ENOMEM, *p then untouched.
 */
static inline int free_and_strdup(char **p, const char *s) {
        char *copy = NULL;

        if (s) {
                copy = strdup(s);
                if (!copy)
                        return -ENOMEM;
        }
        free(*p);
        *p = copy;
        return 0;
}

/* TSC ticks: the one clock that both kernels share. */
static inline uint64_t tsc_now(void) {
        return __builtin_ia32_rdtsc();
}
