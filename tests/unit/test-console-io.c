/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ConsoleIO: frames come out as they went in, whole ones only; the key that
 * detaches.
 */
#include <fcntl.h>
#include <unistd.h>

#include "console-io.h"
#include "test.h"
#include "util.h"

static void test_frames(void) {
        static ConsoleBuffer b;
        const char text[] = "ls\n";
        ConsoleType type;
        size_t size, whole;

        console_put(&b, CONSOLE_DATA, text, strlen(text));
        console_put(&b, CONSOLE_TERM, "", 0);
        whole = b.size;
        for (b.size = 0; b.size < CONSOLE_HEAD + strlen(text); b.size++)
                ASSERT_EQ(console_next(&b, &type, &size), 0);
        b.size = whole;
        ASSERT_EQ(console_next(&b, &type, &size), 1);
        ASSERT_EQ(type, CONSOLE_DATA);
        ASSERT_EQ(size, strlen(text));
        ASSERT_TRUE(memcmp(b.data + CONSOLE_HEAD, text, size) == 0);
        console_drop(&b, CONSOLE_HEAD + size);
        ASSERT_EQ(console_next(&b, &type, &size), 1);
        ASSERT_EQ(type, CONSOLE_TERM);
        ASSERT_EQ(size, 0);
}

static void test_bad_frames(void) {
        static ConsoleBuffer b;
        ConsoleType type;
        size_t size;

        console_append(&b, "d\0\xff\xff", 4);
        ASSERT_EQ(console_next(&b, &type, &size), -EBADMSG);
        console_drop(&b, 4);
        console_append(&b, "d\1\0\0", 4);
        ASSERT_EQ(console_next(&b, &type, &size), -EBADMSG);
}

static void test_pipe(void) {
        static ConsoleBuffer in, out;
        int fds[2];

        ASSERT_OK(pipe2(fds, O_NONBLOCK));
        ASSERT_EQ(console_fill(&in, fds[0]), -EAGAIN);
        console_append(&out, "hello", 5);
        ASSERT_OK(console_drain(&out, fds[1]));
        ASSERT_EQ(out.size, 0);
        ASSERT_EQ(console_fill(&in, fds[0]), 5);
        in.size = sizeof(in.data);
        ASSERT_EQ(console_fill(&in, fds[0]), -EAGAIN);
        in.size = 0;
        close(fds[1]);
        ASSERT_EQ(console_fill(&in, fds[0]), 0);
        close(fds[0]);
}

static bool press(ConsoleEscape *e, const char *keys, uint64_t now) {
        return console_escape(e, (const uint8_t *) keys, strlen(keys), now);
}

static void test_escape(void) {
        ConsoleEscape e = {};

        ASSERT_TRUE(press(&e, "\x1d\x1d\x1d", 5));
        e = (ConsoleEscape) {};
        ASSERT_TRUE(!press(&e, "\x1d\x1d", 5));
        ASSERT_TRUE(!press(&e, "a\x1d", 6));
        ASSERT_TRUE(!press(&e, "\x1d", 7));
        ASSERT_TRUE(press(&e, "\x1d", CONSOLE_ESCAPE_USEC));
        e = (ConsoleEscape) {};
        ASSERT_TRUE(!press(&e, "\x1d\x1d", 5));
        ASSERT_TRUE(!press(&e, "\x1d", 6 + CONSOLE_ESCAPE_USEC));
}

int main(void) {
        test_frames();
        test_bad_frames();
        test_pipe();
        test_escape();
        return EXIT_SUCCESS;
}
