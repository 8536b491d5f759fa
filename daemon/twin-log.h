/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TwinLog: the twin's kernel log beyond its death. The kernel forgets it when the
 * memory of the twin goes back, so it is kept in a file before.
 */
#pragma once

#include "engine.h"

/**
 * twin_log_settle() - wait until a twin that has just died has printed its last words
 * @ops:        device
 * @fd:         its descriptor
 */
void twin_log_settle(const TwinDeviceOps *ops, int fd);

/**
 * twin_log_keep() - write the whole log to the file
 * @ops:        device
 * @fd:         its descriptor
 *
 * Return: 0 or a negative errno.
 */
int twin_log_keep(const TwinDeviceOps *ops, int fd);

/**
 * twin_log_read() - read a piece of the log: the kernel's, or the one that was kept last
 * @ops:        device
 * @fd:         its descriptor
 * @offset:     where from; moved to the first byte returned; one beyond the end stands for 0
 * @buf:        where to
 * @size:       its size
 *
 * Return: bytes read, 0 at the end, or a negative errno.
 */
ssize_t twin_log_read(const TwinDeviceOps *ops, int fd, uint64_t *offset, void *buf, size_t size);
