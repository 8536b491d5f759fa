/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Installed kernels: see kernels.h.
 */
#include <glob.h>
#include <sys/utsname.h>

#include "conf-files.h"
#include "config.h"
#include "kernel-image.h"
#include "kernels.h"

#define VERSION_MAX 64U

DEFINE_CLEANUP(glob_t *, globfree)

const char *running_kernel(void) {
        static struct utsname u;

        if (!u.release[0])
                uname(&u);
        return u.release;
}

bool kernel_version_valid(const char *version) {
        size_t n = strlen(version);

        return n > 0 && n <= VERSION_MAX && version[0] != '.' && version[0] != '-' &&
                strspn(version, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_+~") == n;
}

/* What stands in path where the template has %v. */
static char *version_in(const char *path, const char *template) {
        size_t head = strcspn(template, "%"), tail = strlen(template) - head - 2;

        return strndup(path + head, strlen(path) - head - tail);
}

static int add_kernel(Kernels *k, const char *path, const char *template) {
        _cleanup_free_ char *version = version_in(path, template);
        KernelImage image;
        Kernel *items;

        if (!version)
                return -ENOMEM;
        if (!kernel_version_valid(version))
                return 0;
        items = reallocarray(k->items, k->n + 1, sizeof(Kernel));
        if (!items)
                return -ENOMEM;
        k->items = items;
        items[k->n] = (Kernel) {
                .path = strdup(conf_strip_root(path)),
                .twin = kernel_image_read(path, &image) == IMAGE_OK && image.twin,
                .running = streq(version, running_kernel()),
        };
        if (!items[k->n].path)
                return -ENOMEM;
        items[k->n++].version = TAKE_PTR(version);
        return 0;
}

static int compare(const void *a, const void *b) {
        const Kernel *x = a, *y = b;

        return strverscmp(y->version, x->version);
}

int kernels_list(const char *template, Kernels *ret) {
        _cleanup_free_ char *rooted = NULL, *pattern = NULL;
        glob_t found = {};
        _cleanup_(globfreep) _unused_ glob_t *guard = &found;
        int r;

        *ret = (Kernels) {};
        rooted = conf_path(template);
        pattern = rooted ? config_expand(rooted, "*") : NULL;
        if (!pattern)
                return -ENOMEM;
        r = glob(pattern, 0, NULL, &found);
        if (r == GLOB_NOMATCH)
                return 0;
        if (r != 0)
                return r == GLOB_NOSPACE ? -ENOMEM : -EIO;
        for (size_t i = 0; i < found.gl_pathc; i++) {
                r = add_kernel(ret, found.gl_pathv[i], rooted);
                if (r < 0)
                        return r;
        }
        if (ret->n > 0)
                qsort(ret->items, ret->n, sizeof(Kernel), compare);
        return 0;
}

void kernels_done(Kernels *k) {
        for (size_t i = 0; i < k->n; i++) {
                free(k->items[i].version);
                free(k->items[i].path);
        }
        free(k->items);
        *k = (Kernels) {};
}
