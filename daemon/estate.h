/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Estate: what an upgraded kernel inherits of the machine beside the
 * applications. The old kernel describes it while the applications still run;
 * the new one claims it when the devices are its own:
 *
 *   {"hostname": "server", "command-line": "console=ttyS0 root=/dev/vda",
 *    "disks": [{"uuid": "...", "type": "ext4", "options": "rw,relatime", "path": "/"}]}
 *
 * The twin's root stays in RAM. The machine's own filesystems are mounted below
 * /sysroot, and the few directories that tkd and the network need are bound to
 * the places where a cold boot has them, so that the next upgrade finds them.
 */
#pragma once

#include "engine.h"

/* Where the machine's root filesystem is mounted once its root is one in RAM. */
#define ESTATE_ROOT             "/sysroot"

/**
 * estate_find_disks() - the machine's mounted disk filesystems
 * @mounts:     a file like /proc/self/mounts
 * @by_uuid:    a directory like /dev/disk/by-uuid
 * @ret:        array as above, in the order of the mounts
 *
 * Of a filesystem that is mounted at several places the first one counts.
 *
 * Return: 0 or a negative errno.
 */
int estate_find_disks(const char *mounts, const char *by_uuid, json_object **ret);

/**
 * estate_path() - where a mount point belongs in the machine's own tree
 * @path:       mount point here, "/sysroot/home" or "/home"
 *
 * Return: the rest of @path, "/" for the root.
 */
const char *estate_path(const char *path);

extern const EstateOps estate_linux;
