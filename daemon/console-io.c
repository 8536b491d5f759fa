/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ConsoleIO: see console-io.h.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "console-io.h"

size_t console_room(const ConsoleBuffer *b) {
        return sizeof(b->data) - b->size;
}

int console_fill(ConsoleBuffer *b, int fd) {
        ssize_t n;

        if (console_room(b) == 0)
                return -EAGAIN;         /* nothing read would look like the end */
        n = read(fd, b->data + b->size, console_room(b));
        if (n < 0)
                return errno == EINTR ? -EAGAIN : -errno;
        b->size += (size_t) n;
        return (int) n;
}

int console_drain(ConsoleBuffer *b, int fd) {
        ssize_t n = write(fd, b->data, b->size);

        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 0 : -errno;
        console_drop(b, (size_t) n);
        return 0;
}

void console_drop(ConsoleBuffer *b, size_t size) {
        b->size -= size;
        memmove(b->data, b->data + size, b->size);
}

void console_append(ConsoleBuffer *b, const void *data, size_t size) {
        memcpy(b->data + b->size, data, size);
        b->size += size;
}

void console_put(ConsoleBuffer *b, ConsoleType type, const void *data, size_t size) {
        const uint8_t head[CONSOLE_HEAD] = { (uint8_t) type, 0, (uint8_t) size, (uint8_t) (size >> 8) };

        console_append(b, head, sizeof(head));
        console_append(b, data, size);
}

int console_next(const ConsoleBuffer *b, ConsoleType *ret_type, size_t *ret_size) {
        size_t size;

        if (b->size < CONSOLE_HEAD)
                return 0;
        size = b->data[2] | (size_t) b->data[3] << 8;
        if (size > CONSOLE_FRAME_MAX || b->data[1] != 0)
                return -EBADMSG;
        if (b->size < CONSOLE_HEAD + size)
                return 0;
        *ret_type = b->data[0];
        *ret_size = size;
        return 1;
}

bool console_escape(ConsoleEscape *e, const uint8_t *keys, size_t size, uint64_t now_usec) {
        for (size_t i = 0; i < size; i++) {
                if (keys[i] != CONSOLE_ESCAPE_KEY) {
                        e->presses = 0;
                        continue;
                }
                if (e->presses == 0 || now_usec - e->first_usec > CONSOLE_ESCAPE_USEC)
                        *e = (ConsoleEscape) { .first_usec = now_usec };
                if (++e->presses == CONSOLE_ESCAPE_PRESSES)
                        return true;
        }
        return false;
}
