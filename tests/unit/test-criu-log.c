/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRIU's log: the first error is the cause, warnings and notes are not.
 */
#include "criu.h"
#include "files.h"
#include "test.h"

static char *cause_of(const char *text) {
        char path[] = "/tmp/test-criu-log.XXXXXX";
        char *cause;
        int fd = mkstemp(path);

        ASSERT_OK(fd);
        close(fd);
        ASSERT_OK(write_text_file(path, text));
        cause = criu_log_cause(path);
        unlink(path);
        return cause;
}

int main(void) {
        _cleanup_free_ char *first = NULL;

        first = cause_of("(00.004) Warn  (criu/kerndat.c:1): something (else): odd\n"
                         "(00.010) Error (criu/sk-unix.c:880): unix: Can't dump half of stream unix connection\n"
                         "(00.011) Error (criu/cr-dump.c:1681): Dump files (pid: 150) failed with -1\n");
        ASSERT_STREQ(first, "unix: Can't dump half of stream unix connection");
        ASSERT_STREQ(cause_of("(00.004) Dumping finished successfully\n"), NULL);
        ASSERT_STREQ(cause_of(""), NULL);
        ASSERT_STREQ(criu_log_cause("/nonexistent/dump.log"), NULL);
        return EXIT_SUCCESS;
}
