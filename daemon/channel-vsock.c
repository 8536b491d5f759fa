/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The channel over AF_VSOCK: the old kernel has address 2, the twin 3. Ports up
 * to 1023 take a capability to bind: a connection from one of them is root's,
 * and the twin listens to no other.
 */
#include <sys/socket.h>
#include <linux/vm_sockets.h>

#include "channel.h"

#define RESERVED_PORT_MAX       1023U
#define RESERVED_PORT_MIN       512U
#define BACKLOG                 4

static struct sockaddr_vm address(unsigned cid, unsigned port) {
        return (struct sockaddr_vm) { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
}

static int vsock_listen(void) {
        struct sockaddr_vm a = address(VMADDR_CID_ANY, ENGINE_PORT);
        _cleanup_close_ int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        if (bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0)
                return -errno;
        if (listen(fd, BACKLOG) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int vsock_accept(int listener) {
        _cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
                return -errno;
        return channel_peer_is_root(fd) ? TAKE_FD(fd) : -EPERM;
}

bool channel_peer_is_root(int fd) {
        struct sockaddr_vm a = {};
        socklen_t size = sizeof(a);

        if (getpeername(fd, (struct sockaddr *) &a, &size) < 0)
                return false;
        return a.svm_family != AF_VSOCK || a.svm_port <= RESERVED_PORT_MAX;
}

/* Each connection needs another port; one that was closed a moment ago may still be taken. */
static int bind_reserved(int fd) {
        for (unsigned port = RESERVED_PORT_MAX; port >= RESERVED_PORT_MIN; port--) {
                struct sockaddr_vm a = address(VMADDR_CID_ANY, port);

                if (bind(fd, (struct sockaddr *) &a, sizeof(a)) >= 0)
                        return 0;
                if (errno != EADDRINUSE)
                        return -errno;
        }
        return -EADDRINUSE;
}

static int vsock_connect(unsigned port) {
        struct sockaddr_vm a = address(CHANNEL_CID_TWIN, port);
        _cleanup_close_ int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int r;

        if (fd < 0)
                return -errno;
        r = bind_reserved(fd);
        if (r < 0)
                return r;
        if (connect(fd, (struct sockaddr *) &a, sizeof(a)) < 0 && errno != EINPROGRESS)
                return -errno;
        return TAKE_FD(fd);
}

const ChannelOps channel_vsock = {
        .listen = vsock_listen,
        .accept = vsock_accept,
        .connect = vsock_connect,
};
