/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Preloaded into CRIU for a dump. Since Linux 6.16 SO_PASSCRED and SO_PASSSEC
 * can be asked only of sockets that could have them; CRIU before 4.2 asks every
 * socket and gives up on the first refusal. Here such a socket answers "off",
 * as it did before.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

typedef int (*GetsockoptFunc)(int fd, int level, int name, void *value, socklen_t *size);

int getsockopt(int fd, int level, int name, void *value, socklen_t *size) {
        static GetsockoptFunc next;
        int r;

        if (!next)
                next = (GetsockoptFunc) dlsym(RTLD_NEXT, "getsockopt");
        if (!next) {
                errno = ENOSYS;
                return -1;
        }
        r = next(fd, level, name, value, size);
        if (r == 0 || errno != EOPNOTSUPP || level != SOL_SOCKET || (name != SO_PASSCRED && name != SO_PASSSEC))
                return r;
        if (!value || !size || *size < sizeof(int))
                return r;
        *(int *) value = 0;
        *size = sizeof(int);
        return 0;
}
