/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tkd.conf: what the administrator may set, see tkd.conf(5). Read afresh for
 * every request, so that there is nothing to reload.
 */
#pragma once

#include "cpu-list.h"
#include "steps.h"

typedef struct Config {
        char *kernel;                           /* path of an image, %v stands for the version */
        char *initramfs;                        /* the same for the twin's initramfs */
        char *command_line;                     /* of the twin */
        bool has_cpus;                          /* or the upper half of those online */
        CpuSet cpus;
        uint64_t memory;                        /* of the twin, bytes */
        uint64_t checkpoint_memory;             /* bytes */
        uint64_t step_usec[_STEP_MAX];          /* time limits, 0: none */
        uint64_t grace_usec;                    /* from asking a step to end to killing its worker */
} Config;

/**
 * config_load() - read all files of the configuration
 * @ret:	to be released with config_done(), also after an error
 * @ret_error:	on -EBADMSG the file, line and key at fault, and why
 *
 * Return: 0; -EBADMSG; or another negative errno.
 */
int config_load(Config *ret, char **ret_error);

void config_done(Config *c);

/**
 * config_expand() - put a version in the place of %v
 * @template:	such as "/boot/vmlinuz-%v"
 * @version:	of a kernel
 *
 * Return: a new string, or NULL when out of memory.
 */
char *config_expand(const char *template, const char *version);
