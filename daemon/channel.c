/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Channel: hello and protocol version between the two tkd, see channel.h.
 */
#include <sys/socket.h>
#include <sys/utsname.h>

#include "channel.h"
#include "frame.h"

const char *kernel_release(void) {
        static struct utsname u;

        if (!u.release[0])
                uname(&u);
        return u.release;
}

void hello_clear(Hello *h) {
        free(TAKE_PTR(h->kernel));
        free(TAKE_PTR(h->tkd));
}

int channel_say_hello(int fd, const char *tkd_version, uint64_t timeout_usec) {
        _cleanup_json_ json_object *o = json_object_new_object();

        if (!o)
                return -ENOMEM;
        json_object_object_add(o, "type", json_object_new_string("hello"));
        json_object_object_add(o, "protocol", json_object_new_int(ENGINE_PROTOCOL));
        json_object_object_add(o, "tkd", json_object_new_string(tkd_version));
        json_object_object_add(o, "kernel", json_object_new_string(kernel_release()));
        return frame_write(fd, o, timeout_usec);
}

int channel_check_hello(json_object *frame, Hello *ret, EngineError *e) {
        const char *kernel = frame_get_string(frame, "kernel");
        const char *tkd = frame_get_string(frame, "tkd");
        json_object *protocol;
        Hello h;

        if (!streq_ptr(frame_get_string(frame, "type"), "hello") || !kernel || !tkd ||
            !json_object_object_get_ex(frame, "protocol", &protocol))
                return engine_error_set(e, -EBADMSG, "TwinFailed", "The other tkd did not say hello");
        if (json_object_get_int(protocol) != ENGINE_PROTOCOL)
                return engine_error_set(e, -EPROTONOSUPPORT, "TwinFailed",
                                        "tkd %s on kernel %s speaks protocol %d, this tkd speaks %d; "
                                        "install the same release of tkd on both",
                                        tkd, kernel, json_object_get_int(protocol), ENGINE_PROTOCOL);

        h = (Hello) { .kernel = strdup(kernel), .tkd = strdup(tkd) };
        if (!h.kernel || !h.tkd) {
                hello_clear(&h);
                return engine_error_set(e, -ENOMEM, "Failed", "Out of memory");
        }
        *ret = h;
        return 0;
}

int channel_connect_result(int fd) {
        socklen_t size = sizeof(int);
        int error;

        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -errno : -error;
}
