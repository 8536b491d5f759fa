/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ConsoleIO: the stream of a login on the twin, and buffers for both ends of it.
 * From the twin comes what the terminal shows, as it is. To the twin go frames,
 * since keys are not all that it must know.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Types of frames. */
typedef enum ConsoleType {
        CONSOLE_DATA = 'd',             /* keys */
        CONSOLE_SIZE = 's',             /* struct ConsoleSize: of the terminal, first and whenever it changes */
        CONSOLE_TERM = 't',             /* value of $TERM; the login begins with it */
} ConsoleType;

typedef struct ConsoleSize {
        uint16_t rows;
        uint16_t columns;
} ConsoleSize;

#define CONSOLE_BUFFER_MAX      16384U
#define CONSOLE_FRAME_MAX       4096U   /* bytes of a frame without its head */
#define CONSOLE_HEAD            4U      /* type, 0, size in two bytes, the lower one first */

/* Bytes that wait to be written. */
typedef struct ConsoleBuffer {
        size_t size;
        uint8_t data[CONSOLE_BUFFER_MAX];
} ConsoleBuffer;

/* How many bytes go in. */
size_t console_room(const ConsoleBuffer *b);

/**
 * console_fill() - read what is there
 * @b:          where to
 * @fd:         readable
 *
 * Return: bytes read, 0 at the end, -EAGAIN when there is nothing or no room, or another negative errno.
 */
int console_fill(ConsoleBuffer *b, int fd);

/**
 * console_drain() - write as much as can be
 * @b:          where from
 * @fd:         writable
 *
 * Return: 0, also when nothing could be written; or a negative errno.
 */
int console_drain(ConsoleBuffer *b, int fd);

/* Takes the first bytes away. */
void console_drop(ConsoleBuffer *b, size_t size);

/* Adds bytes at the end; there must be room. */
void console_append(ConsoleBuffer *b, const void *data, size_t size);

/* Adds a frame at the end; there must be room for it and its head. */
void console_put(ConsoleBuffer *b, ConsoleType type, const void *data, size_t size);

/**
 * console_next() - look at the first frame
 * @b:          what has come
 * @ret_type:   its type, maybe an unknown one
 * @ret_size:   its bytes, which begin at CONSOLE_HEAD; console_drop() takes head and bytes away
 *
 * Return: 1, 0 when it is not there as a whole, or -EBADMSG.
 */
int console_next(const ConsoleBuffer *b, ConsoleType *ret_type, size_t *ret_size);

/* Counts presses of the key that detaches. */
typedef struct ConsoleEscape {
        unsigned presses;
        uint64_t first_usec;
} ConsoleEscape;

#define CONSOLE_ESCAPE_KEY      0x1d    /* Ctrl-] */
#define CONSOLE_ESCAPE_PRESSES  3U
#define CONSOLE_ESCAPE_USEC     (1000U * 1000U)

/* Whether these keys complete three presses of Ctrl-] within a second, with no other key between. */
bool console_escape(ConsoleEscape *e, const uint8_t *keys, size_t size, uint64_t now_usec);
