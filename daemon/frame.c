/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frame: one JSON object with its length, see frame.h. Reading is done by one
 * object for both uses: FrameReader takes what the socket has; the blocking
 * call polls between.
 */
#include <endian.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "frame.h"

#define FRAME_HEADER_SIZE       sizeof(uint32_t)

struct FrameReader {
        int fd;
        size_t filled;          /* bytes of this frame that have come, header included */
        uint32_t header;        /* as it came */
        char *body;             /* allocated when the header is complete */
        uint32_t size;          /* of body */
};

static uint64_t now_usec(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / NSEC_PER_USEC;
}

static uint64_t deadline_from(uint64_t timeout_usec) {
        uint64_t now = now_usec();

        return timeout_usec > USEC_NEVER - now ? USEC_NEVER : now + timeout_usec;
}

/* Waits for events on fd. 0, -ETIMEDOUT or a negative errno. */
static int wait_fd(int fd, short events, uint64_t deadline) {
        struct pollfd p = { .fd = fd, .events = events };

        for (;;) {
                uint64_t now = now_usec();
                int timeout = -1, r;

                if (deadline != USEC_NEVER) {
                        if (now >= deadline)
                                return -ETIMEDOUT;
                        timeout = (int) MIN((deadline - now) / USEC_PER_MSEC + 1, (uint64_t) INT_MAX);
                }
                r = poll(&p, 1, timeout);
                if (r > 0)
                        return 0;
                if (r < 0 && errno != EINTR)
                        return -errno;
        }
}

static int write_all(int fd, const void *data, size_t size, uint64_t deadline) {
        const char *p = data;

        while (size > 0) {
                ssize_t n = send(fd, p, size, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0) {
                        int r;

                        if (errno == EINTR)
                                continue;
                        if (errno != EAGAIN)
                                return -errno;
                        r = wait_fd(fd, POLLOUT, deadline);
                        if (r < 0)
                                return r;
                        continue;
                }
                p += n;
                size -= n;
        }
        return 0;
}

int frame_write(int fd, json_object *object, uint64_t timeout_usec) {
        uint64_t deadline = deadline_from(timeout_usec);
        const char *text;
        uint32_t header;
        size_t size;
        int r;

        text = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &size);
        if (!text)
                return -ENOMEM;
        if (size > FRAME_SIZE_MAX)
                return -EMSGSIZE;

        header = htole32((uint32_t) size);
        r = write_all(fd, &header, sizeof(header), deadline);
        if (r < 0)
                return r;
        return write_all(fd, text, size, deadline);
}

int frame_reader_new(int fd, FrameReader **ret) {
        FrameReader *r = calloc(1, sizeof(*r));

        if (!r)
                return -ENOMEM;
        r->fd = fd;
        *ret = r;
        return 0;
}

FrameReader *frame_reader_free(FrameReader *r) {
        if (r)
                free(r->body);
        free(r);
        return NULL;
}

/* Reads on at offset `done` of a part of `size` bytes. 1 when complete, 0 when not yet. */
static int reader_fill(FrameReader *r, void *part, size_t size, size_t done) {
        while (done < size) {
                ssize_t n = recv(r->fd, (char *) part + done, size - done, MSG_DONTWAIT);

                if (n == 0)
                        return -ECONNRESET;
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return errno == EAGAIN ? 0 : -errno;
                }
                done += n;
                r->filled += n;
        }
        return 1;
}

static int reader_header(FrameReader *r) {
        int k;

        k = reader_fill(r, &r->header, FRAME_HEADER_SIZE, r->filled);
        if (k <= 0)
                return k;

        r->size = le32toh(r->header);
        if (r->size > FRAME_SIZE_MAX)
                return -EMSGSIZE;
        r->body = malloc(r->size + 1);
        return r->body ? 1 : -ENOMEM;
}

static int parse_body(const char *body, size_t size, json_object **ret) {
        json_tokener *tokener = json_tokener_new();
        json_object *object;
        bool whole;

        if (!tokener)
                return -ENOMEM;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
        object = json_tokener_parse_ex(tokener, body, (int) size);
        whole = json_tokener_get_error(tokener) == json_tokener_success &&
                json_tokener_get_parse_end(tokener) == size;
        json_tokener_free(tokener);

        if (!whole || !json_object_is_type(object, json_type_object)) {
                json_object_put(object);
                return -EBADMSG;
        }
        *ret = object;
        return 0;
}

int frame_reader_next(FrameReader *r, json_object **ret) {
        int k;

        if (!r->body) {
                k = reader_header(r);
                if (k <= 0)
                        return k;
        }
        k = reader_fill(r, r->body, r->size, r->filled - FRAME_HEADER_SIZE);
        if (k <= 0)
                return k;

        k = parse_body(r->body, r->size, ret);
        free(TAKE_PTR(r->body));
        r->filled = 0;
        return k < 0 ? k : 1;
}

int frame_read(int fd, uint64_t timeout_usec, json_object **ret) {
        uint64_t deadline = deadline_from(timeout_usec);
        _cleanup_(frame_reader_freep) FrameReader *reader = NULL;
        int r;

        r = frame_reader_new(fd, &reader);
        if (r < 0)
                return r;
        for (;;) {
                r = frame_reader_next(reader, ret);
                if (r != 0)
                        return r < 0 ? r : 0;
                r = wait_fd(fd, POLLIN, deadline);
                if (r < 0)
                        return r;
        }
}

const char *frame_get_string(json_object *object, const char *key) {
        json_object *value;

        if (!json_object_object_get_ex(object, key, &value) ||
            !json_object_is_type(value, json_type_string))
                return NULL;
        return json_object_get_string(value);
}
