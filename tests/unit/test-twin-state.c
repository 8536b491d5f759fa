/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the engine makes of a twin's state and of its log.
 */
#include "test.h"
#include "twin-device.h"

static const char *log_text;

static int fake_info(int fd, struct twin_info *ret) {
        *ret = (struct twin_info) { .log_size = strlen(log_text) };
        return 0;
}

static ssize_t fake_read_log(int fd, uint64_t *offset, void *buf, size_t size) {
        size_t n = MIN(strlen(log_text) - *offset, size);

        memcpy(buf, log_text + *offset, n);
        return (ssize_t) n;
}

static const TwinDeviceOps fake = { .info = fake_info, .read_log = fake_read_log };

static void expect_tail(const char *text, unsigned lines, const char *tail) {
        _cleanup_free_ char *got = NULL;

        log_text = text;
        got = twin_log_tail(&fake, -1, lines);
        ASSERT_STREQ(got, tail);
}

static void test_log_tail(void) {
        _cleanup_free_ char *long_text = malloc(20001);

        expect_tail("", 3, "");
        expect_tail("one\n", 3, "one");
        expect_tail("one\ntwo\nthree\n", 2, "two\nthree");
        expect_tail("one\ntwo\n\n\n", 1, "two");

        expect_tail("a\n[1] Kernel panic - not syncing: x\nb\nc\n", 2, "[1] Kernel panic - not syncing: x\nb\nc");
        expect_tail("Kernel panic - x\nKernel panic - y\nb\nc\nd", 1, "Kernel panic - y\nd");
        expect_tail("a\nKernel panic - x\nb\n", 2, "Kernel panic - x\nb");

        memset(long_text, 'x', 20000);
        strcpy(long_text + 20000 - 5, "\nend\n");
        expect_tail(long_text, 1, "end");
}

static void test_states(void) {
        ASSERT_STREQ(twin_state_to_string(TWIN_STATE_NONE), "none");
        ASSERT_STREQ(twin_state_to_string(TWIN_STATE_REFUSED), "refused");
        ASSERT_STREQ(twin_state_to_string(TWIN_STATE_REFUSED + 1), "unknown");
        ASSERT_TRUE(!twin_state_runs(TWIN_STATE_LOADED) && twin_state_runs(TWIN_STATE_BOOTING));
        ASSERT_TRUE(twin_state_runs(TWIN_STATE_PANICKED) && twin_state_is_dead(TWIN_STATE_PANICKED));
        ASSERT_TRUE(!twin_state_is_dead(TWIN_STATE_ALIVE));
}

int main(void) {
        test_log_tail();
        test_states();
        return EXIT_SUCCESS;
}
