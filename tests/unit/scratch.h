/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A directory of its own for a test that needs files, used as the root of all
 * configuration.
 */
#pragma once

#include "conf-files.h"
#include "files.h"
#include "test.h"

static char scratch[] = "/tmp/tkd-unit-XXXXXX";

/* Makes it, once, and the directories in which configuration is. */
static inline void scratch_make(void) {
        ASSERT_TRUE(mkdtemp(scratch));
        ASSERT_OK(conf_set_root(scratch));
}

/* A path in it, in a static buffer. */
static inline const char *scratch_path(const char *path) {
        static char buffers[4][256];
        static unsigned next;
        char *b = buffers[next++ % ELEMENTSOF(buffers)];

        snprintf(b, sizeof(buffers[0]), "%s%s", scratch, path);
        return b;
}

/* Writes a file, with the directories above it. */
static inline void scratch_write(const char *path, const char *text) {
        _cleanup_free_ char *dir = strdup(scratch_path(path));

        *strrchr(dir, '/') = 0;
        ASSERT_OK(mkdir_parents(dir));
        unlink(scratch_path(path));
        ASSERT_OK(write_text_file(scratch_path(path), text));
}

static inline void scratch_remove(void) {
        _cleanup_free_ char *command = NULL;

        ASSERT_TRUE(asprintf(&command, "rm -rf %s", scratch) > 0);
        ASSERT_EQ(system(command), 0);
        conf_set_root(NULL);
}
