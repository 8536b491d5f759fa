// SPDX-License-Identifier: GPL-2.0
/*
 * What x86 needs before memory of the running kernel can go to a twin.
 */
#include <linux/pgtable.h>
#include <linux/set_memory.h>

#include "arch.h"

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
