/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The image of a kernel (bzImage), judged by its setup header alone, and that
 * of an initramfs, by its first bytes. The kernel's own loader judges again.
 */
#pragma once

#include "util.h"

typedef struct KernelImage {
        char release[65];               /* "7.2.13-tk": what uname -r will say */
        bool twin;                      /* it can run as a twin */
        bool five_level;                /* it can page with five levels */
        uint64_t init_size;             /* memory it needs to start, bytes */
} KernelImage;

typedef enum ImageResult {
        IMAGE_OK,
        IMAGE_NOT_KERNEL,               /* no Linux x86 boot header */
        IMAGE_TRUNCATED,                /* shorter than its header says */
        IMAGE_CORRUPT,                  /* the compressed kernel is not where the header says */
        _IMAGE_RESULT_MAX,
} ImageResult;

/**
 * kernel_image_read() - look at a kernel
 * @path:	of the image
 * @ret:	what it is, set on IMAGE_OK only
 *
 * Return: an ImageResult, or a negative errno when it cannot be read.
 */
int kernel_image_read(const char *path, KernelImage *ret);

/* What is wrong, for people. */
const char *image_result_text(ImageResult result);

/**
 * initramfs_check() - look at an initramfs
 * @path:	of the image
 *
 * Return: its size in bytes; -EBADMSG when it is neither a cpio archive nor compressed in a way
 * that kernels know; or another negative errno.
 */
int64_t initramfs_check(const char *path);
