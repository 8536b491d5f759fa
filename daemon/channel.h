/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Channel: the stream between the tkd of the old kernel and the tkd of the
 * twin, which listens. Both sides say hello first; after that the old side asks
 * and the twin answers, in frames.
 */
#pragma once

#include <stdbool.h>

#include "engine-error.h"
#include "engine.h"

/* Address of the twin on its vsock channel. */
#define CHANNEL_CID_TWIN        3U

/**
 * Hello - what a peer says of itself
 */
typedef struct Hello {
        char *kernel;           /* uname -r */
        char *tkd;              /* release */
} Hello;

void hello_clear(Hello *h);

/**
 * channel_say_hello() - send this side's hello
 * @fd:         connected socket
 * @tkd_version: release of this tkd
 * @timeout_usec: how long to wait
 *
 * Return: 0 or a negative errno.
 */
int channel_say_hello(int fd, const char *tkd_version, uint64_t timeout_usec);

/**
 * channel_check_hello() - look at the first frame of the peer
 * @frame:      the frame
 * @ret:        what it said; free with hello_clear()
 * @e:          set on failure
 *
 * Return: 0, -EBADMSG (no hello), -EPROTONOSUPPORT (another protocol version) or -ENOMEM.
 */
int channel_check_hello(json_object *frame, Hello *ret, EngineError *e);

/**
 * channel_peer_is_root() - whether who connected may bind reserved ports in its kernel
 * @fd:         connected socket; one of another family than AF_VSOCK has other means to tell
 */
bool channel_peer_is_root(int fd);

/**
 * channel_connect_result() - what came of ChannelOps.connect()
 * @fd:         socket that has become writable
 *
 * Return: 0 or a negative errno.
 */
int channel_connect_result(int fd);

/* uname -r of the running kernel; constant for the life of the process. */
const char *kernel_release(void);

/* The vsock transport of the twin kernel. */
extern const ChannelOps channel_vsock;
