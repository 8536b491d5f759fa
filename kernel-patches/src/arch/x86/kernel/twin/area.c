// SPDX-License-Identifier: GPL-2.0
/*
 * The machine-readable part of the hand-over area: identity page tables,
 * descriptor tables and park code. The old kernel writes them once; the twin
 * only adds its own way in.
 */
#include <linux/ktime.h>
#include <linux/pgtable.h>
#include <linux/string.h>

#include <asm/apic.h>
#include <asm/desc.h>
#include <asm/irq_vectors.h>
#include <asm/tsc.h>

#include "arch.h"

#define IDENTITY_TABLE	(_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY)
#define IDENTITY_PAGE	(IDENTITY_TABLE | _PAGE_PSE)
/* What the 2 MiB pages of a CPU without larger ones cover. */
#define IDENTITY_GIB	4

struct twin_desc {
	struct desc_ptr gdtr;
	u8 pad1[TWIN_DESC_IDTR - sizeof(struct desc_ptr)];
	struct desc_ptr idtr;
	u8 pad2[TWIN_DESC_GDT - TWIN_DESC_IDTR - sizeof(struct desc_ptr)];
	u64 gdt[4];
};

static_assert(offsetof(struct twin_desc, idtr) == TWIN_DESC_IDTR);
static_assert(offsetof(struct twin_desc, gdt) == TWIN_DESC_GDT);

/**
 * twin_arch_memory_limit - end of what the identity map can cover
 *
 * Return: a physical address; memory of a twin lies below.
 */
u64 twin_arch_memory_limit(void)
{
	return boot_cpu_has(X86_FEATURE_GBPAGES) ? PTRS_PER_PUD * PUD_SIZE
						 : IDENTITY_GIB * PUD_SIZE;
}

static void init_identity_map(const struct twin_area *area)
{
	u64 *root4 = area->base + TWIN_OFF_ROOT4;
	u64 *root5 = area->base + TWIN_OFF_ROOT5;
	u64 *pud = area->base + TWIN_OFF_PUD;
	u64 *pmd = area->base + TWIN_OFF_PMD;
	unsigned int i;

	/* With five levels the root of four serves as the fourth. */
	root5[0] = (area->pa + TWIN_OFF_ROOT4) | IDENTITY_TABLE;
	root4[0] = (area->pa + TWIN_OFF_PUD) | IDENTITY_TABLE;
	if (boot_cpu_has(X86_FEATURE_GBPAGES)) {
		for (i = 0; i < PTRS_PER_PUD; i++)
			pud[i] = i * PUD_SIZE | IDENTITY_PAGE;
		return;
	}
	for (i = 0; i < IDENTITY_GIB; i++)
		pud[i] = (area->pa + TWIN_OFF_PMD + i * PAGE_SIZE) | IDENTITY_TABLE;
	for (i = 0; i < IDENTITY_GIB * PTRS_PER_PMD; i++)
		pmd[i] = i * PMD_SIZE | IDENTITY_PAGE;
}

static void init_descriptors(const struct twin_area *area)
{
	struct twin_desc *desc = area->base + TWIN_OFF_DESC;
	gate_desc *idt = area->base + TWIN_OFF_IDT;
	unsigned int i;

	desc->gdt[TWIN_CS / 8] = 0x00af9b000000ffffULL;	/* 64-bit code */
	desc->gdt[TWIN_DS / 8] = 0x00cf93000000ffffULL;	/* flat data */
	desc->gdtr.size = sizeof(desc->gdt) - 1;
	desc->gdtr.address = area->pa + TWIN_OFF_DESC + TWIN_DESC_GDT;

	for (i = 0; i < 256; i++) {
		const char *handler = i < FIRST_EXTERNAL_VECTOR ? twin_park_iret
								: twin_park_drop;
		u64 pa = area->pa + TWIN_OFF_CODE + (handler - twin_park_code);

		idt[i].offset_low = pa & 0xffff;
		idt[i].offset_middle = (pa >> 16) & 0xffff;
		idt[i].offset_high = pa >> 32;
		idt[i].segment = TWIN_CS;
		idt[i].bits.type = GATE_INTERRUPT;
		idt[i].bits.p = 1;
	}
	desc->idtr.size = 256 * sizeof(gate_desc) - 1;
	desc->idtr.address = area->pa + TWIN_OFF_IDT;
}

/* Page tables on which both this kernel's text and the park code are mapped. */
static void init_cross_map(const struct twin_area *area, unsigned long offset)
{
	u64 *cross = area->base + offset;
	u64 *root = area->base + (pgtable_l5_enabled() ? TWIN_OFF_ROOT5
						       : TWIN_OFF_ROOT4);

	memcpy(cross + PTRS_PER_PGD / 2, swapper_pg_dir + PTRS_PER_PGD / 2,
	       PAGE_SIZE / 2);
	cross[0] = root[0];
}

/**
 * twin_arch_init_area - write page tables, descriptors and park code
 * @area: area of the twin below, zeroed
 */
void twin_arch_init_area(const struct twin_area *area)
{
	init_identity_map(area);
	init_descriptors(area);
	memcpy(area->base + TWIN_OFF_CODE, twin_park_code,
	       twin_park_end - twin_park_code);
	init_cross_map(area, TWIN_OFF_CROSS_OLD);
}

/**
 * twin_arch_attach_area - let this kernel's own CPUs park in the area above
 * @area: area by which this kernel was booted
 */
void twin_arch_attach_area(const struct twin_area *area)
{
	init_cross_map(area, TWIN_OFF_CROSS_TWIN);
}

static u64 ram_end(void)
{
	const struct twin_memory_map *map = twin_arch_machine_map();
	unsigned int i;
	u64 end = 0;

	for (i = 0; i < map->nr; i++)
		if (twin_arch_is_ram(&map->range[i]))
			end = max(end, map->range[i].start + map->range[i].size);
	return end;
}

/**
 * twin_arch_fill_header - clocks and size of this machine
 * @ho: header of the twin below
 */
void twin_arch_fill_header(struct twin_handover *ho)
{
	ho->tsc_khz = tsc_khz;
	ho->lapic_hz = (u64)lapic_timer_period * HZ;
	ho->wall_tsc = rdtsc_ordered();
	ho->wall_ns = ktime_get_real_ns();
	twin_arch_fill_platform(twin_below.base + TWIN_OFF_PLATFORM);
	ho->ram_end = ram_end();
}
