/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EngineError: name and text of a failed step, see engine-error.h.
 */
#include <stdarg.h>

#include "engine-error.h"

static char *format_text(int r, const char *format, va_list ap) {
        char *text;

        errno = -r;
        return vasprintf(&text, format, ap) < 0 ? NULL : text;
}

int engine_error_set(EngineError *e, int r, const char *name, const char *format, ...) {
        va_list ap;

        if (!e)
                return r;
        engine_error_clear(e);
        va_start(ap, format);
        e->message = format_text(r, format, ap);
        va_end(ap);
        e->name = name;
        return r;
}

int engine_error_take(EngineError *e, int r, const char *name, const char *what, const char *text) {
        if (text)
                return engine_error_set(e, r, name, "%s: %s", what, text);
        return engine_error_set(e, r, name, "%s: %m", what);
}

void engine_error_clear(EngineError *e) {
        free(TAKE_PTR(e->message));
        e->name = NULL;
}

int error_text(char **ret_error, int r, const char *format, ...) {
        va_list ap;

        if (!ret_error)
                return r;
        va_start(ap, format);
        *ret_error = format_text(r, format, ap);
        va_end(ap);
        return r;
}
