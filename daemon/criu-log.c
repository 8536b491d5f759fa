/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading CRIU's log, see criu.h. Lines look like
 * "(00.012345) Error (criu/files-ext.c:99): Can't dump file 5 of that type".
 */
#include "criu.h"
#include "util.h"

/* The text of an error line, or NULL when it is another line. */
static const char *error_in_line(const char *line) {
        const char *p = strstr(line, "Error (");

        p = p ? strstr(p, "): ") : NULL;
        return p ? p + 3 : NULL;
}

char *criu_log_cause(const char *path) {
        _cleanup_fclose_ FILE *f = fopen(path, "re");
        _cleanup_free_ char *line = NULL;
        size_t size = 0;

        if (!f)
                return NULL;
        while (getline(&line, &size, f) > 0) {
                const char *text = error_in_line(line);

                if (text)
                        return strndup(text, strcspn(text, "\n"));
        }
        return NULL;
}
