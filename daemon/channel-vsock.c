/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The channel over AF_VSOCK: the old kernel has address 2, the twin 3.
 */
#include <sys/socket.h>
#include <linux/vm_sockets.h>

#include "channel.h"

static int vsock_listen(void) {
        struct sockaddr_vm a = {
                .svm_family = AF_VSOCK,
                .svm_cid = VMADDR_CID_ANY,
                .svm_port = ENGINE_PORT,
        };
        _cleanup_close_ int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        if (bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0)
                return -errno;
        if (listen(fd, 1) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int vsock_connect(void) {
        struct sockaddr_vm a = {
                .svm_family = AF_VSOCK,
                .svm_cid = CHANNEL_CID_OLD,
                .svm_port = ENGINE_PORT,
        };
        _cleanup_close_ int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *) &a, sizeof(a)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

const ChannelOps channel_vsock = {
        .listen = vsock_listen,
        .connect = vsock_connect,
};
