// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a takeover as memory sees it: all RAM of the machine that this
 * kernel was not booted with is added to it, cleared, as if it had found it at
 * its own boot.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/device.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/kasan.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/platform_device.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/twin.h>

#include "twin.h"

/* Added at once at most: its page descriptors must fit in what is there. */
#define CHUNK_SIZE	SZ_1G
/* What is left of the machine's map after three cuts. */
#define MAX_RANGES	(TWIN_MEMORY_RANGES + 3)

/* RAM that was the old kernel's, sorted. */
static struct twin_range old_ram[MAX_RANGES];
static unsigned int nr_old_ram;
static struct twin_range next_ram, next_pmem;
static bool taken;

/*
 * Memory below 1 MiB is left to the firmware, as at boot. It is mapped from the
 * boot on, so KASAN takes the shadow of its whole block for there: then the
 * block is left out.
 */
static u64 left_alone(void)
{
	return IS_ENABLED(CONFIG_KASAN) ? memory_block_size_bytes() : SZ_1M;
}

static void find_old_ram(void)
{
	const struct twin_range low = { .size = left_alone() };
	const struct twin_memory_map *map = twin_arch_machine_map();
	struct twin_range own[2];
	unsigned int i;

	nr_old_ram = 0;
	for (i = 0; i < map->nr; i++) {
		if (!twin_arch_is_ram(&map->range[i]))
			continue;
		old_ram[nr_old_ram++] = (struct twin_range){
			.start = map->range[i].start,
			.size = map->range[i].size,
		};
	}
	twin_arch_own_ranges(own);
	nr_old_ram = twin_range_cut(old_ram, nr_old_ram, &low, MAX_RANGES);
	nr_old_ram = twin_range_cut(old_ram, nr_old_ram, &own[0], MAX_RANGES);
	nr_old_ram = twin_range_cut(old_ram, nr_old_ram, &own[1], MAX_RANGES);
}

/* How many bytes of a range are old RAM? */
static u64 old_ram_in(u64 start, u64 end)
{
	u64 bytes = 0;
	unsigned int i;

	for (i = 0; i < nr_old_ram; i++) {
		u64 from = max(start, old_ram[i].start);
		u64 to = min(end, twin_range_end(&old_ram[i]));

		if (from < to)
			bytes += to - from;
	}
	return bytes;
}

/*
 * What the old kernel left there must not be seen by anyone. A page that is zero
 * is not written: in a virtual machine it may have no memory behind it. By
 * words, since emulators store bytes one by one where clear_page() does.
 */
static void clear_and_free(struct page *page, unsigned int order)
{
	unsigned int i;

	/* Nobody has allocated these pages. */
	kasan_disable_current();
	for (i = 0; i < 1U << order; i++) {
		void *at = page_address(page + i);

		if (memchr_inv(at, 0, PAGE_SIZE))
			memset64(at, 0, PAGE_SIZE / sizeof(u64));
	}
	kasan_enable_current();
	generic_online_page(page, order);
}

/* Holes of a block stay as hotplug made them: offline, nobody's. */
static void online_old_ram(struct page *page, unsigned int order)
{
	u64 start = page_to_phys(page), size = PAGE_SIZE << order;
	unsigned int i;

	if (old_ram_in(start, start + size) == size) {
		clear_and_free(page, order);
		return;
	}
	for (i = 0; order && i < 1U << order; i++)
		online_old_ram(page + i, 0);
}

/* The checkpoints have served; their memory is RAM of the machine as well. */
static void remove_pmem_device(void)
{
	struct device *dev = bus_find_device_by_name(&platform_bus_type, NULL,
						     "e820_pmem");

	if (!dev)
		return;
	platform_device_unregister(to_platform_device(dev));
	put_device(dev);
}

static bool is_foreign(const struct resource *res)
{
	return !(res->flags & IORESOURCE_SYSRAM) && !res->child &&
	       old_ram_in(res->start, res->end + 1) == resource_size(res);
}

/* What held the old kernel's RAM so that no device was put there. */
static void drop_foreign_resources(void)
{
	struct resource *res = iomem_resource.child;

	while (res) {
		struct resource *next = res->sibling;

		if (is_foreign(res))
			release_resource(res);
		res = next;
	}
}

/*
 * As much as this twin had goes where the kernel puts nothing that it cannot
 * move, so that the next twin finds room however long this kernel has run.
 */
static void find_next_twin(void)
{
	const struct twin_handover *ho = twin_header(&twin_above);
	u64 block = memory_block_size_bytes();
	unsigned int i;

	next_ram = (struct twin_range){};
	next_pmem = (struct twin_range){};
	for (i = 0; i < nr_old_ram; i++) {
		u64 start = ALIGN(old_ram[i].start, block);
		u64 end = ALIGN_DOWN(twin_range_end(&old_ram[i]), block);

		if (!next_ram.size && start + ho->mem_size <= end) {
			next_ram = (struct twin_range){
				.start = start, .size = ho->mem_size,
			};
			start += ho->mem_size;
		}
		if (start + ho->pmem_size <= end)
			next_pmem = (struct twin_range){
				.start = end - ho->pmem_size,
				.size = ho->pmem_size,
			};
	}
}

static bool is_next_twin(u64 at)
{
	return at - next_ram.start < next_ram.size ||
	       at - next_pmem.start < next_pmem.size;
}

static int add_whole_blocks(u64 start, u64 size)
{
	return twin_add_memory(memory_add_physaddr_to_nid(start), start, size,
			       is_next_twin(start) ? MMOP_ONLINE_MOVABLE
						   : MMOP_ONLINE_KERNEL, NULL);
}

static int name_ram(u64 start, u64 end)
{
	struct resource *res = kzalloc(sizeof(*res), GFP_KERNEL);
	int r;

	if (!res)
		return -ENOMEM;
	res->name = "System RAM";
	res->start = start;
	res->end = end - 1;
	res->flags = IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY;
	r = insert_resource(&iomem_resource, res);
	if (r)
		kfree(res);
	return r;
}

static int name_ram_of_block(u64 start, u64 end)
{
	unsigned int i;
	int r = 0;

	for (i = 0; i < nr_old_ram && !r; i++) {
		u64 from = max(start, old_ram[i].start);
		u64 to = min(end, twin_range_end(&old_ram[i]));

		if (from < to)
			r = name_ram(from, to);
	}
	return r;
}

/*
 * A block of which only a part is RAM. Its resource is not in the tree: what is
 * no RAM there belongs to others. Hotplug keeps no pointer to it.
 */
static int add_broken_block(u64 start, u64 size)
{
	struct resource res = DEFINE_RES_MEM_NAMED(start, size, "Twin");
	int r;

	r = twin_add_memory(memory_add_physaddr_to_nid(start), start, size,
			    MMOP_ONLINE_KERNEL, &res);
	return r ?: name_ram_of_block(start, start + size);
}

/* The longest run of blocks alike from @start on, a chunk at most. */
static u64 whole_blocks(u64 start)
{
	u64 block = memory_block_size_bytes();
	u64 limit = ALIGN(start + 1, CHUNK_SIZE);
	u64 end = start;

	while (end < limit && old_ram_in(end, end + block) == block &&
	       is_next_twin(end) == is_next_twin(start))
		end += block;
	return end - start;
}

static int add_old_ram(void)
{
	u64 block = memory_block_size_bytes();
	u64 end = twin_range_end(&old_ram[nr_old_ram - 1]);
	u64 at = 0, size;
	int r;

	while (at < end) {
		size = whole_blocks(at);
		r = 0;
		if (size)
			r = add_whole_blocks(at, size);
		else if (old_ram_in(at, at + block))
			r = add_broken_block(at, block);
		if (r && r != -EEXIST) {
			pr_err("cannot add memory at %#llx: %d\n", at, r);
			return r;
		}
		at += size ?: block;
	}
	return 0;
}

static void drop_resource(u64 start, u64 end)
{
	struct resource *res;

	for (res = iomem_resource.child; res; res = res->sibling) {
		if (res->start == start && res->end == end - 1) {
			release_resource(res);
			return;
		}
	}
}

/*
 * No kernel allocates from the RAM below 1 MiB, but a crash kernel gets it, for
 * the code through which its CPUs start.
 */
static int name_low_ram(void)
{
	const struct twin_memory_map *map = twin_arch_machine_map();
	unsigned int i;
	int r = 0;

	for (i = 0; i < map->nr && !r; i++) {
		u64 start = map->range[i].start;
		u64 end = start + map->range[i].size;

		if (!twin_arch_is_ram(&map->range[i]) || end > SZ_1M)
			continue;
		drop_resource(start, end);
		r = name_ram(max_t(u64, start, PAGE_SIZE), end);
	}
	return r;
}

/**
 * twin_memory_takeover - add the old kernel's RAM to this kernel
 *
 * The checkpoint memory becomes RAM as well: it must not be in use any more.
 * What the twin= parameter asks for is set aside instead. May be called again.
 *
 * Return: 0, or why memory could not be added.
 */
int twin_memory_takeover(void)
{
	struct twin_range aside;
	int r;

	if (taken)
		return 0;
	remove_pmem_device();
	find_old_ram();
	if (!nr_old_ram)
		return -ENODATA;
	drop_foreign_resources();
	twin_arch_prepare_zones(memory_add_physaddr_to_nid(old_ram[0].start),
				old_ram[0].start);
	if (twin_region_set_aside(old_ram, nr_old_ram, &aside))
		nr_old_ram = twin_range_cut(old_ram, nr_old_ram, &aside,
					    MAX_RANGES);
	else
		find_next_twin();

	r = set_online_page_callback(online_old_ram);
	if (r)
		return r;
	r = add_old_ram();
	restore_online_page_callback(online_old_ram);
	if (!r)
		r = name_low_ram();
	if (!r)
		r = twin_arch_memory_taken();
	taken = !r;
	return r;
}
