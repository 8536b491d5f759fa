/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames: whole and in pieces, too long, torn, and without an object in them.
 */
#include <endian.h>
#include <sys/socket.h>

#include "frame.h"
#include "test.h"

static void make_pair(int fds[2]) {
        ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
}

static void send_raw(int fd, uint32_t size, const char *body) {
        uint32_t header = htole32(size);

        ASSERT_EQ(send(fd, &header, sizeof(header), 0), sizeof(header));
        ASSERT_EQ(send(fd, body, strlen(body), 0), strlen(body));
}

static void test_round_trip(void) {
        _cleanup_json_ json_object *out = json_object_new_object(), *in = NULL;
        int fds[2];

        make_pair(fds);
        json_object_object_add(out, "type", json_object_new_string("hello"));
        ASSERT_OK(frame_write(fds[0], out, USEC_PER_SEC));
        ASSERT_OK(frame_read(fds[1], USEC_PER_SEC, &in));
        ASSERT_TRUE(json_object_equal(out, in));
        ASSERT_STREQ(frame_get_string(in, "type"), "hello");
        ASSERT_STREQ(frame_get_string(in, "nothing"), NULL);
        close(fds[0]);
        close(fds[1]);
}

static void test_pieces(void) {
        static const char text[] = "\x0e\0\0\0{\"type\":\"bit\"}\x02\0\0\0{}";
        _cleanup_(frame_reader_freep) FrameReader *reader = NULL;
        unsigned frames = 0;
        int fds[2];

        make_pair(fds);
        ASSERT_OK(frame_reader_new(fds[1], &reader));
        for (size_t i = 0; i < sizeof(text) - 1; i++) {
                _cleanup_json_ json_object *in = NULL;

                ASSERT_EQ(send(fds[0], text + i, 1, 0), 1);
                frames += frame_reader_next(reader, &in) == 1;
                ASSERT_EQ(frames > 0, i >= 4 + 14 - 1);
        }
        ASSERT_EQ(frames, 2);
        close(fds[0]);
        ASSERT_EQ(frame_reader_next(reader, NULL), -ECONNRESET);
        close(fds[1]);
}

static void expect_error(uint32_t size, const char *body, int error) {
        json_object *in = NULL;
        int fds[2];

        make_pair(fds);
        send_raw(fds[0], size, body);
        close(fds[0]);
        ASSERT_EQ(frame_read(fds[1], USEC_PER_SEC, &in), error);
        ASSERT_TRUE(!in);
        close(fds[1]);
}

static void test_bad_frames(void) {
        expect_error(FRAME_SIZE_MAX + 1, "", -EMSGSIZE);
        expect_error(10, "{", -ECONNRESET);
        expect_error(2, "[]", -EBADMSG);
        expect_error(3, "{}x", -EBADMSG);
        expect_error(1, "{", -EBADMSG);
        expect_error(0, "", -EBADMSG);
}

static void test_time_out(void) {
        json_object *in = NULL;
        int fds[2];

        make_pair(fds);
        ASSERT_EQ(frame_read(fds[1], 10 * USEC_PER_MSEC, &in), -ETIMEDOUT);
        close(fds[0]);
        close(fds[1]);
}

static void test_full_socket(void) {
        _cleanup_json_ json_object *out = json_object_new_object();
        _cleanup_free_ char *text = calloc(1, FRAME_SIZE_MAX + 1);
        int fds[2];

        make_pair(fds);
        memset(text, 'x', FRAME_SIZE_MAX);
        json_object_object_add(out, "long", json_object_new_string(text));
        ASSERT_EQ(frame_write(fds[0], out, USEC_PER_SEC), -EMSGSIZE);

        text[FRAME_SIZE_MAX - 100] = '\0';
        json_object_object_add(out, "long", json_object_new_string(text));
        ASSERT_EQ(frame_write(fds[0], out, 10 * USEC_PER_MSEC), -ETIMEDOUT);
        close(fds[1]);
        ASSERT_EQ(frame_write(fds[0], out, USEC_PER_SEC), -EPIPE);
        close(fds[0]);
}

int main(void) {
        test_round_trip();
        test_pieces();
        test_bad_frames();
        test_time_out();
        test_full_socket();
        return EXIT_SUCCESS;
}
