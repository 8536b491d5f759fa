/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernels that are installed: all files that Kernel= of tkd.conf may mean.
 */
#pragma once

#include "util.h"

typedef struct Kernel {
        char *version;
        char *path;             /* without the root */
        bool twin;              /* it can run as a twin */
        bool running;           /* it is the running kernel's version */
} Kernel;

typedef struct Kernels {
        Kernel *items;          /* sorted, newest version first */
        size_t n;
} Kernels;

/**
 * kernels_list() - find all kernels
 * @template:	path with %v in its last part
 * @ret:	to be released with kernels_done(), also after an error
 *
 * Return: 0 or a negative errno; a directory that is not there has no kernels.
 */
int kernels_list(const char *template, Kernels *ret);

void kernels_done(Kernels *k);

/* Whether a string can be the version of a kernel at all: no "/", nothing odd, not too long. */
bool kernel_version_valid(const char *version);

/* uname -r */
const char *running_kernel(void);
