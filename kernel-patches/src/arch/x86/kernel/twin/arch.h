/* SPDX-License-Identifier: GPL-2.0 */
/* Internals of the x86 part of the twin subsystem. */
#ifndef _ARCH_X86_KERNEL_TWIN_ARCH_H
#define _ARCH_X86_KERNEL_TWIN_ARCH_H

#include <linux/mm.h>
#include <linux/types.h>
#include <linux/version.h>

#include <linux/twin.h>
#include "twin.h"

/* park.S */
void twin_park_jump(u64 cr3, u64 code, u64 slot, u64 area);
extern const char twin_park_code[], twin_park_drop[], twin_park_iret[];
extern const char twin_park_end[];

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

/* cpu.c */
void __noreturn twin_arch_park_fenced(void);
void twin_arch_send(u32 apic_id, u32 what);

/* sipi.S */
extern const char twin_sipi_code[], twin_sipi_long[], twin_sipi_area[];
extern const char twin_sipi_gdt[], twin_sipi_gdtr[], twin_sipi_jump[];
extern const char twin_sipi_cr3[], twin_sipi_cr4[], twin_sipi_efer[];
extern const char twin_sipi_end[];

/*
 * The type by which a twin's memory map names RAM of the kernel above: none of
 * the firmware's, so that it merges with nothing. It shows as "Unknown E820
 * type" until the takeover.
 */
#define E820_TYPE_TWIN_FOREIGN	0x4e495754

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

/* Where free_pagetable() looks for the kind of a reserved page. */
static inline void twin_clear_bootmem_info(struct page *page)
{
	set_page_private(page, 0);
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
	page->index = 0;
#endif
}

#endif /* _ARCH_X86_KERNEL_TWIN_ARCH_H */
