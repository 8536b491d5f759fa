/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frame: one JSON object on a stream socket, preceded by its length as a 32-bit
 * little-endian number. Both the channel between the kernels and the socket
 * between tkd and its workers carry frames. The blocking calls are for
 * workers, FrameReader is for event loops.
 */
#pragma once

#include <json-c/json.h>
#include <stdint.h>

#include "util.h"

#define FRAME_SIZE_MAX          (1024U * 1024U)

/**
 * frame_write() - send one frame
 * @fd:         stream socket
 * @object:     what to send; the caller keeps its reference
 * @timeout_usec: for the whole frame, USEC_NEVER to wait for ever
 *
 * Return: 0, -EMSGSIZE (object too large), -ETIMEDOUT, -EPIPE or another negative errno.
 */
int frame_write(int fd, json_object *object, uint64_t timeout_usec);

/**
 * frame_read() - wait for one frame
 * @fd:         stream socket
 * @timeout_usec: for the whole frame, USEC_NEVER to wait for ever
 * @ret:        the object, to be freed with json_object_put()
 *
 * Return: 0, -ECONNRESET (the peer closed), -ETIMEDOUT, -EMSGSIZE (too long), -EBADMSG (not a
 * JSON object) or another negative errno.
 */
int frame_read(int fd, uint64_t timeout_usec, json_object **ret);

typedef struct FrameReader FrameReader;

/**
 * frame_reader_new() - a reader that never blocks
 * @fd:         stream socket, not owned
 * @ret:        to be freed with frame_reader_free()
 *
 * Return: 0 or -ENOMEM.
 */
int frame_reader_new(int fd, FrameReader **ret);

/**
 * frame_reader_free() - free a reader
 * @r: may be NULL
 *
 * Return: NULL.
 */
FrameReader *frame_reader_free(FrameReader *r);

DEFINE_CLEANUP(FrameReader *, frame_reader_free)

/**
 * frame_reader_next() - take the next frame, if it is there as a whole
 * @r:          reader
 * @ret:        the object, set only when 1 is returned
 *
 * Call it until it returns 0, then poll the socket for POLLIN.
 *
 * Return: 1 (one frame), 0 (none yet), -ECONNRESET (the peer closed), -EMSGSIZE, -EBADMSG or
 * another negative errno.
 */
int frame_reader_next(FrameReader *r, json_object **ret);

/**
 * frame_get_string() - a member that must be a string
 * @object:     frame
 * @key:        name of the member
 *
 * Return: the string, owned by @object, or NULL when it is absent or no string.
 */
const char *frame_get_string(json_object *object, const char *key);
