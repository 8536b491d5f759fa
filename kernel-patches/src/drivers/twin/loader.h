/* SPDX-License-Identifier: GPL-2.0 */
/* The loaded kernel, between kexec_file_load() and TWIN_IOC_BOOT. */
#ifndef _DRIVERS_TWIN_LOADER_H
#define _DRIVERS_TWIN_LOADER_H

#include <linux/types.h>

/**
 * struct twin_image - how to enter it
 * @entry:	physical address of its 64-bit entry
 * @arg:	physical address of its boot parameters
 */
struct twin_image {
	u64 entry;
	u64 arg;
};

extern struct twin_image twin_image;

#endif /* _DRIVERS_TWIN_LOADER_H */
