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

/* board.c */
void twin_arch_init_board(const struct twin_platform *platform);
void twin_arch_fill_platform(struct twin_platform *platform);

/* ioapic.c */
void twin_arch_init_ioapics(const struct twin_platform *platform);
void twin_arch_fill_ioapics(struct twin_platform *platform);

/* acpi.c */
u64 twin_arch_rsdp(void);
void twin_arch_take_acpi(void);

/* legacy.c */
void twin_arch_init_legacy(void);

/* uart.c */
#ifdef CONFIG_SERIAL_8250
void twin_arch_init_uarts(void);
void twin_arch_take_uarts(void);
#else
static inline void twin_arch_init_uarts(void) { }
static inline void twin_arch_take_uarts(void) { }
#endif

/* pci.c */
void twin_pci_init(void);

/* Since v6.16 MSR accessors are named after the 64-bit quantity they move. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define rdmsrq(msr, val) rdmsrl(msr, val)
#endif

/* Until some version before v7.2 a resource of a bus had flags, never used. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#define twin_bus_add_resource(bus, res) pci_bus_add_resource(bus, res, 0)
#else
#define twin_bus_add_resource(bus, res) pci_bus_add_resource(bus, res)
#endif

#endif /* _ARCH_X86_KERNEL_TWIN_ARCH_H */
