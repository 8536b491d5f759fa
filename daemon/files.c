/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small helpers for files, see files.h.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "files.h"

#define READ_STEP       4096U

ssize_t read_text_file(const char *path, char **ret) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        size_t filled = 0;

        if (fd < 0)
                return -errno;
        for (;;) {
                char *grown = realloc(text, filled + READ_STEP + 1);
                ssize_t n;

                if (!grown)
                        return -ENOMEM;
                text = grown;
                n = read(fd, text + filled, READ_STEP);
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                filled += n;
        }
        text[filled] = '\0';
        *ret = TAKE_PTR(text);
        return (ssize_t) filled;
}

static int write_all(int fd, const char *text) {
        size_t size = strlen(text);

        while (size > 0) {
                ssize_t n = write(fd, text, size);

                if (n < 0)
                        return -errno;
                text += n;
                size -= n;
        }
        return 0;
}

int write_text_file(const char *path, const char *text) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        if (fd < 0)
                return -errno;
        return write_all(fd, text);
}

int mkdir_parents(const char *path) {
        char part[PATH_MAX];

        if (path[0] != '/' || snprintf(part, sizeof(part), "%s", path) >= (int) sizeof(part))
                return -EINVAL;
        for (char *slash = part; slash; ) {
                slash = strchr(slash + 1, '/');
                if (slash)
                        *slash = '\0';
                if (mkdir(part, 0755) < 0 && errno != EEXIST)
                        return -errno;
                if (slash)
                        *slash = '/';
        }
        return 0;
}

int read_json_file(const char *path, json_object **ret) {
        _cleanup_json_ json_object *object = NULL;
        _cleanup_free_ char *text = NULL;
        ssize_t n;

        n = read_text_file(path, &text);
        if (n < 0)
                return (int) n;
        object = json_tokener_parse(text);
        if (!json_object_is_type(object, json_type_object))
                return -EBADMSG;
        *ret = TAKE_PTR(object);
        return 0;
}

int write_json_file(const char *path, json_object *object) {
        const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
        _cleanup_close_ int fd = -EBADF;
        char part[PATH_MAX];
        int r;

        if (!text)
                return -ENOMEM;
        if (snprintf(part, sizeof(part), "%s.part", path) >= (int) sizeof(part))
                return -ENAMETOOLONG;
        fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = write_all(fd, text);
        if (r < 0)
                return r;
        if (fsync(fd) < 0 || rename(part, path) < 0)
                return -errno;
        return 0;
}
