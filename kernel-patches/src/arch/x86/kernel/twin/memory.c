// SPDX-License-Identifier: GPL-2.0
/*
 * The machine's memory as its firmware describes it, and what x86 needs before
 * memory of the running kernel can go to a twin.
 */
#include <linux/kexec.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/set_memory.h>
#include <linux/slab.h>

#include <asm/dma.h>
#include <asm/e820/api.h>

#include "arch.h"

static struct twin_memory_map firmware_map;

/**
 * twin_arch_machine_map - memory of the whole machine
 *
 * A twin knows it from the kernel above, any other from its own firmware.
 */
const struct twin_memory_map *twin_arch_machine_map(void)
{
	if (twin_is_guest())
		return twin_above.base + TWIN_OFF_MEMORY;
	return &firmware_map;
}

/**
 * twin_arch_is_ram - is this piece of the machine's map RAM?
 * @range: the piece
 */
bool twin_arch_is_ram(const struct twin_memory_range *range)
{
	return range->type == E820_TYPE_RAM;
}

/**
 * twin_arch_own_ranges - what of the machine's RAM a twin had from its boot
 * @own: set to its memory with the hand-over area, and to what it has below
 *	 4 GiB apart from that
 */
void twin_arch_own_ranges(struct twin_range own[2])
{
	const struct twin_handover *ho = twin_header(&twin_above);

	own[0] = (struct twin_range){ ho->mem_start, ho->mem_size };
	own[1] = (struct twin_range){ ho->low_start, ho->low_size };
}

/**
 * twin_arch_memory_taken - let a later kexec know all of the machine
 *
 * Return: 0 or -ENOMEM.
 */
int twin_arch_memory_taken(void)
{
	const struct twin_memory_map *map = twin_arch_machine_map();
	struct e820_table *table, *old = e820_table_kexec;
	unsigned int i;

	table = kzalloc(offsetof(struct e820_table, entries) +
			map->nr * sizeof(table->entries[0]), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	for (i = 0; i < map->nr; i++) {
		table->entries[i].addr = map->range[i].start;
		table->entries[i].size = map->range[i].size;
		table->entries[i].type = map->range[i].type;
	}
	table->nr_entries = map->nr;
	e820_table_kexec = table;
	kfree(old);
	return 0;
}

static int split_gib(unsigned long addr)
{
	unsigned int level;
	pte_t *entry = lookup_address(addr, &level);

	if (!entry || level != PG_LEVEL_1G)
		return 0;
	return set_memory_4k(addr, 1);
}

/**
 * twin_arch_split_map - prepare the direct map for a change to a range
 * @start: physical address, aligned to a memory block
 * @size:  bytes
 *
 * Up to 7.2 at least, memory removal takes a 1 GiB page of which it removes a
 * part only for a page table (remove_pud_table()), and adding memory replaces
 * such a page by what it adds (phys_pud_init()): split those at both ends.
 *
 * Return: 0 or -ENOMEM.
 */
int twin_arch_split_map(u64 start, u64 size)
{
	u64 end = start + size;
	int r = 0;

	if (!IS_ALIGNED(start, PUD_SIZE))
		r = split_gib((unsigned long)__va(start));
	if (!r && !IS_ALIGNED(end, PUD_SIZE))
		r = split_gib((unsigned long)__va(end - PAGE_SIZE));
	return r;
}

/* As boot leaves it: reserved, not counted as managed. */
static void reserve_page(struct page *page)
{
	if (PageReserved(page))
		return;
	/* free_pagetable() must not take it for one of bootmem_info. */
	twin_clear_bootmem_info(page);
	mark_page_reserved(page);
}

/**
 * twin_arch_reserve_memmap - account page descriptors of added memory as those
 *			      of memory found at boot
 * @start: physical address of the memory, aligned to a section
 * @size:  bytes
 *
 * Hotplug allocates them and leaves them counted as RAM of the machine, 1.6 %
 * of what is added; removal knows how to free both kinds.
 */
void twin_arch_reserve_memmap(u64 start, u64 size)
{
	unsigned long at = (unsigned long)pfn_to_page(PHYS_PFN(start));
	unsigned long end = (unsigned long)pfn_to_page(PHYS_PFN(start + size));

	for (; at < end; at += PAGE_SIZE) {
		unsigned int level;
		pte_t *entry = lookup_address(at, &level);

		if (!entry || !pte_present(*entry))
			continue;
		reserve_page(pfn_to_page(slow_virt_to_phys((void *)at) >>
					 PAGE_SHIFT));
	}
}

/**
 * twin_arch_prepare_zones - let memory land in the zones it would have at boot
 * @nid:   its node
 * @start: physical address of the lowest
 *
 * Hotplug puts memory below 4 GiB into ZONE_DMA32 only where that zone spans
 * it, and a twin's own memory may lie elsewhere.
 */
void twin_arch_prepare_zones(int nid, u64 start)
{
	struct zone *zone = &NODE_DATA(nid)->node_zones[ZONE_DMA32];
	unsigned long from = PHYS_PFN(start), end;

	if (from >= MAX_DMA32_PFN)
		return;
	mem_hotplug_begin();
	if (!zone->initialized)
		init_currently_empty_zone(zone, from, MAX_DMA32_PFN - from);
	zone_span_writelock(zone);
	end = max(zone_end_pfn(zone), MAX_DMA32_PFN);
	zone->zone_start_pfn = zone->spanned_pages ?
			       min(zone->zone_start_pfn, from) : from;
	zone->spanned_pages = end - zone->zone_start_pfn;
	zone_span_writeunlock(zone);
	mem_hotplug_done();
}

static int __init twin_memory_init(void)
{
	struct twin_memory_map *map = &firmware_map;
	unsigned int i;

	for (i = 0; i < e820_table_firmware->nr_entries; i++) {
		struct e820_entry *entry = &e820_table_firmware->entries[i];

		if (map->nr == TWIN_MEMORY_RANGES) {
			pr_warn("twin: the memory map is cut short\n");
			break;
		}
		map->range[map->nr++] = (struct twin_memory_range){
			.start = entry->addr,
			.size = entry->size,
			.type = entry->type,
		};
	}
	return 0;
}
early_initcall(twin_memory_init);
