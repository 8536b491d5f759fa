/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI functions: see pci-function.h.
 */
#include <ctype.h>
#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "conf-files.h"
#include "pci-function.h"

#define DEPTH_MAX 8     /* of virtual block devices on each other */

/* A number of exactly so many hexadecimal digits, and what follows it. */
static int take_hex(const char **s, unsigned digits, unsigned *ret) {
        unsigned v = 0;

        for (; digits > 0; digits--, (*s)++) {
                if (!isxdigit((unsigned char) **s))
                        return -EINVAL;
                v = v * 16 + (unsigned) (isdigit((unsigned char) **s) ? **s - '0' : tolower((unsigned char) **s) - 'a' + 10);
        }
        *ret = v;
        return 0;
}

static int take_char(const char **s, char c) {
        return *(*s)++ == c ? 0 : -EINVAL;
}

int pci_function_parse(const char *s, struct twin_function *ret) {
        unsigned segment = 0, bus, device, function;

        if (strlen(s) == PCI_FUNCTION_MAX - 1 && (take_hex(&s, 4, &segment) < 0 || take_char(&s, ':') < 0))
                return -EINVAL;
        if (take_hex(&s, 2, &bus) < 0 || take_char(&s, ':') < 0 || take_hex(&s, 2, &device) < 0 ||
            take_char(&s, '.') < 0 || take_hex(&s, 1, &function) < 0 || *s)
                return -EINVAL;
        if (device > 31 || function > 7)
                return -EINVAL;
        *ret = (struct twin_function) {
                .segment = (uint16_t) segment,
                .bus = (uint8_t) bus,
                .devfn = (uint8_t) (device << 3 | function),
        };
        return 0;
}

const char *pci_function_format(char buf[static PCI_FUNCTION_MAX], const struct twin_function *f) {
        snprintf(buf, PCI_FUNCTION_MAX, "%04x:%02x:%02x.%u", f->segment, f->bus, (unsigned) f->devfn >> 3,
                 f->devfn & 7U);
        return buf;
}

static bool device_is_below(const char *device, const char *address, unsigned depth);

/* Whether one of the devices that a virtual one consists of is. */
static bool slaves_are_below(const char *device, const char *address, unsigned depth) {
        _cleanup_free_ char *path = NULL;
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *e;

        if (depth == 0 || asprintf(&path, "%s/slaves", device) < 0)
                return false;
        d = opendir(path);
        while (d && (e = readdir(d))) {
                _cleanup_free_ char *slave = NULL;

                if (e->d_name[0] == '.' || asprintf(&slave, "%s/%s", path, e->d_name) < 0)
                        continue;
                if (device_is_below(slave, address, depth - 1))
                        return true;
        }
        return false;
}

static bool device_is_below(const char *device, const char *address, unsigned depth) {
        _cleanup_free_ char *real = realpath(device, NULL), *part = NULL;

        if (!real || asprintf(&part, "/%s/", address) < 0)
                return false;
        return strstr(real, part) || slaves_are_below(real, address, depth);
}

bool pci_function_has_root(const struct twin_function *f) {
        _cleanup_free_ char *path = NULL, *device = NULL;
        char address[PCI_FUNCTION_MAX];
        struct stat st;

        if (stat("/", &st) < 0 || asprintf(&path, "/sys/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev)) < 0)
                return false;
        device = conf_path(path);
        return device && device_is_below(device, pci_function_format(address, f), DEPTH_MAX);
}
