/* SPDX-License-Identifier: GPL-2.0 */
/* Internals of the x86 part of the twin subsystem. */
#ifndef _ARCH_X86_KERNEL_TWIN_ARCH_H
#define _ARCH_X86_KERNEL_TWIN_ARCH_H

#include <linux/types.h>
#include <linux/version.h>

#include <linux/twin.h>
#include "twin.h"

/* park.S */
void twin_park_jump(u64 cr3, u64 code, u64 slot, u64 area);
extern const char twin_park_code[], twin_park_iret[], twin_park_end[];

/* Since v6.16 MSR accessors are named after the 64-bit quantity they move. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define rdmsrq(msr, val) rdmsrl(msr, val)
#endif

#endif /* _ARCH_X86_KERNEL_TWIN_ARCH_H */
