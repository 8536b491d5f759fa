/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arrays of strings: see strv.h.
 */
#include "strv.h"

char **strv_free(char **l) {
        for (char **s = l; s && *s; s++)
                free(*s);
        free(l);
        return NULL;
}

size_t strv_length(char *const *l) {
        size_t n = 0;

        while (l && l[n])
                n++;
        return n;
}

bool strv_contains(char *const *l, const char *s) {
        for (; l && *l; l++)
                if (streq(*l, s))
                        return true;
        return false;
}

int strv_consume(char ***l, char *s) {
        size_t n = strv_length(*l);
        char **bigger;

        bigger = s ? reallocarray(*l, n + 2, sizeof(char *)) : NULL;
        if (!bigger) {
                free(s);
                return -ENOMEM;
        }
        bigger[n] = s;
        bigger[n + 1] = NULL;
        *l = bigger;
        return 0;
}

int strv_push(char ***l, const char *s) {
        return strv_consume(l, strdup(s));
}

int strv_copy(char *const *l, char ***ret) {
        _cleanup_strv_ char **copy = NULL;
        int r;

        for (; l && *l; l++) {
                r = strv_push(&copy, *l);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(copy);
        return 0;
}
