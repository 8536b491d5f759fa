/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hello of the two tkd: taken when it is complete and of the same protocol.
 */
#include <sys/socket.h>

#include "channel.h"
#include "frame.h"
#include "test.h"

static void test_round_trip(void) {
        _cleanup_(hello_clear) Hello hello = {};
        _cleanup_json_ json_object *frame = NULL;
        _cleanup_error_ EngineError e = {};
        int fds[2];

        ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
        ASSERT_OK(channel_say_hello(fds[0], "0.1", USEC_PER_SEC));
        ASSERT_OK(frame_read(fds[1], USEC_PER_SEC, &frame));
        ASSERT_OK(channel_check_hello(frame, &hello, &e));
        ASSERT_STREQ(hello.tkd, "0.1");
        ASSERT_STREQ(hello.kernel, kernel_release());
        close(fds[0]);
        close(fds[1]);
}

static void expect_refusal(const char *text, int error, const char *words) {
        _cleanup_json_ json_object *frame = json_tokener_parse(text);
        _cleanup_error_ EngineError e = {};
        Hello hello = {};

        ASSERT_EQ(channel_check_hello(frame, &hello, &e), error);
        ASSERT_TRUE(!hello.kernel && !hello.tkd);
        ASSERT_STREQ(e.name, "TwinFailed");
        ASSERT_TRUE(strstr(e.message, words));
}

int main(void) {
        test_round_trip();
        expect_refusal("{\"type\":\"hello\",\"protocol\":99,\"tkd\":\"9\",\"kernel\":\"7.2\"}", -EPROTONOSUPPORT,
                       "speaks protocol 99");
        expect_refusal("{\"type\":\"hello\",\"tkd\":\"9\",\"kernel\":\"7.2\"}", -EBADMSG, "did not say hello");
        expect_refusal("{\"type\":\"hello\",\"protocol\":1,\"tkd\":9}", -EBADMSG, "did not say hello");
        expect_refusal("{\"type\":\"restore\"}", -EBADMSG, "did not say hello");
        return EXIT_SUCCESS;
}
