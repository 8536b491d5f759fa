// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of the twin below: its RAM and the checkpoint memory, which both
 * kernels see as a legacy pmem device. Either is a run of whole memory blocks
 * that is taken from this kernel at run time, or a part of what the twin=
 * parameter set aside. A twin whose RAM is above 4 GiB gets a block below, for
 * the code through which its CPUs enter it and for devices that need it.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/memblock.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/platform_device.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/twin.h>

#include <asm/e820/api.h>

#include "twin.h"

struct twin_region twin_region;
struct twin_area twin_below;
/* Keeps twin_below mapped for readers; nests inside twin_lock. */
DEFINE_MUTEX(twin_area_lock);

static u64 boot_start __ro_after_init, boot_size __ro_after_init;
static struct twin_range boot_region;

/* Resources above a range while it is taken; a handful at most. */
struct held_children {
	struct resource *child[16];
	unsigned int nr;
};

static struct platform_device *pmem_device;
static struct resource pmem_resource = {
	.name	= "Persistent Memory (legacy)",
	.flags	= IORESOURCE_MEM,
	.desc	= IORES_DESC_PERSISTENT_MEMORY_LEGACY,
};

/* twin=SIZE[@START] */
static int __init parse_twin(char *arg)
{
	boot_size = memparse(arg, &arg);
	if (*arg == '@')
		boot_start = memparse(arg + 1, &arg);
	return *arg || !boot_size ? -EINVAL : 0;
}
early_param("twin", parse_twin);

/**
 * twin_reserve_early - set aside the region of the twin= parameter
 *
 * Called by setup_arch() once memblock knows all memory. The range becomes
 * reserved, so that it never is this kernel's RAM. A twin has no memory to
 * spare before it takes the machine over: see twin_region_set_aside().
 */
void __init twin_reserve_early(void)
{
	u64 start, align = SZ_128M, size = ALIGN(boot_size, align);

	if (!size || twin_is_guest())
		return;
	if (boot_start)
		start = memblock_phys_alloc_range(size, align, boot_start,
						  boot_start + size);
	else
		start = memblock_phys_alloc_range(size, align, SZ_16M,
						  twin_arch_memory_limit());
	if (!start) {
		pr_err("no room for twin=%llu\n", boot_size);
		return;
	}
	memblock_phys_free(start, size);
	memblock_remove(start, size);
	e820__range_update(start, size, E820_TYPE_RAM, E820_TYPE_RESERVED);
	boot_region.start = start;
	boot_region.size = size;
	pr_info("set aside %llu MiB at %#llx\n", size / SZ_1M, start);
}

/**
 * twin_region_set_aside - set the region of the twin= parameter aside, in a
 *			   kernel that is about to take memory over
 * @ranges: memory that it is about to take
 * @nr:     how many
 * @aside:  set to what must not be taken
 *
 * Return: size of @aside in bytes, 0 without the parameter or without room.
 */
u64 twin_region_set_aside(struct twin_range *ranges, unsigned int nr,
			  struct twin_range *aside)
{
	u64 block = memory_block_size_bytes();
	u64 size = ALIGN(boot_size, block);
	unsigned int i;

	*aside = (struct twin_range){};
	for (i = 0; i < nr && size && !aside->size; i++) {
		u64 start = max(ALIGN(ranges[i].start, block), boot_start);

		if (start + size <= twin_range_end(&ranges[i]) &&
		    start + size <= twin_arch_memory_limit())
			*aside = (struct twin_range){
				.start = start, .size = size,
			};
	}
	if (size && !aside->size)
		pr_err("no room for twin=%llu\n", boot_size);
	boot_region = *aside;
	return aside->size;
}

/**
 * twin_region_block_size - granule of a region in bytes
 */
u64 twin_region_block_size(void)
{
	return memory_block_size_bytes();
}

/* The piece of this kernel's RAM in which a range lies, NULL: not in one. */
static struct resource *find_ram(u64 start, u64 end)
{
	struct resource *res;

	for (res = iomem_resource.child; res; res = res->sibling)
		if ((res->flags & IORESOURCE_SYSTEM_RAM) == IORESOURCE_SYSTEM_RAM &&
		    res->start <= start && res->end >= end)
			return res;
	return NULL;
}

/*
 * Taking a range out of a resource splits it, but leaves all children (the
 * kernel's own image, the crash kernel) with the lower part: hold those above
 * meanwhile. Stops at a child that is in the way.
 */
static int hold_children(struct resource *ram, u64 start, u64 end,
			 struct held_children *held)
{
	struct resource *child;

	held->nr = 0;
	for (child = ram->child; child; child = child->sibling) {
		if (child->end < start)
			continue;
		if (child->start <= end || held->nr == ARRAY_SIZE(held->child))
			return -EBUSY;
		held->child[held->nr++] = child;
	}
	for (unsigned int i = 0; i < held->nr; i++)
		release_resource(held->child[i]);
	return 0;
}

static void put_children_back(struct held_children *held)
{
	unsigned int i;

	for (i = 0; i < held->nr; i++)
		if (insert_resource(&iomem_resource, held->child[i]))
			pr_warn("lost %pR from /proc/iomem\n", held->child[i]);
}

static int take_blocks(struct twin_range *range, u64 start, u64 size)
{
	struct resource *ram = find_ram(start, start + size - 1);
	struct held_children held;
	int r;

	if (!ram)
		return -ENXIO;
	r = twin_arch_split_map(start, size);
	if (r)
		return r;
	r = hold_children(ram, start, start + size - 1, &held);
	if (r)
		return r;
	range->nid = page_to_nid(pfn_to_page(PHYS_PFN(start)));
	r = offline_and_remove_memory(start, size);
	put_children_back(&held);
	if (r)
		return r;
	range->start = start;
	range->size = size;
	return 0;
}

/*
 * A guess that saves failed attempts, each of which moves pages about and
 * leaves a page dump in the log.
 */
static bool looks_free(u64 start, u64 size)
{
	unsigned long pfn = PHYS_PFN(start), end = PHYS_PFN(start + size);

	for (; pfn < end; pfn += pageblock_nr_pages) {
		struct page *page = pfn_to_online_page(pfn);

		if (!page || PageReserved(page) ||
		    get_pageblock_migratetype(page) == MIGRATE_UNMOVABLE)
			return false;
	}
	return true;
}

/* The highest run of blocks between two addresses that can be freed. */
static int take_between(struct twin_range *range, u64 size, u64 low, u64 high,
			bool guess)
{
	u64 block = memory_block_size_bytes();
	u64 start;

	if (high < low + size)
		return -ENOMEM;

	for (start = ALIGN_DOWN(high - size, block); start >= low;
	     start -= block) {
		if (guess && !looks_free(start, size))
			continue;
		if (!take_blocks(range, start, size))
			return 0;
		if (signal_pending(current))
			return -EINTR;
	}
	return -ENOMEM;
}

/*
 * RAM below 4 GiB if there is any: there a twin has the most use of it, and
 * what this kernel cannot move lies in higher zones. The checkpoint memory
 * above, so that it leaves room for the RAM of this twin and the next.
 */
static int take_anywhere(struct twin_range *range, u64 size, bool low_first)
{
	u64 limit = min_t(u64, twin_arch_memory_limit(), PFN_PHYS(max_pfn));
	const u64 bounds[][2] = {
		{ memory_block_size_bytes(), min_t(u64, limit, SZ_4G) },
		{ SZ_4G, limit },
	};
	int r = size ? -ENOMEM : 0;
	unsigned int try;

	/* By guess first, then all there is. */
	for (try = 0; try < 4 && r == -ENOMEM; try++) {
		const u64 *b = bounds[(try & 1) == low_first];

		r = take_between(range, size, b[0], b[1], try < 2);
	}
	return r;
}

static int add_resource(int nid, struct resource *res)
{
	int r;

	lock_device_hotplug();
	r = add_memory_resource(nid, res, MHP_NONE);
	unlock_device_hotplug();
	return r;
}

/**
 * twin_add_memory - give memory to this kernel and online it
 * @nid:   node to which it belongs
 * @start: physical address, aligned to a memory block
 * @size:  bytes
 * @type:  to what kind of zone
 * @res:   stands for it in place of a "System RAM" of its own, or NULL
 *
 * Return: 0, or what memory hotplug says.
 */
int twin_add_memory(int nid, u64 start, u64 size, enum mmop type,
		    struct resource *res)
{
	enum mmop was = mhp_get_default_online_type();
	int r;

	r = twin_arch_split_map(start, size);
	if (r)
		return r;
	/* There is no other way to say so. */
	mhp_set_default_online_type(type);
	r = res ? add_resource(nid, res)
		: add_memory(nid, start, size, MHP_MERGE_RESOURCE);
	mhp_set_default_online_type(was);
	if (!r)
		twin_arch_reserve_memmap(start, size);
	return r;
}

static void give_back(struct twin_range *range)
{
	u64 start = range->start, size = range->size;
	int r;

	if (!size)
		return;
	/* This kernel did without, so what it cannot move may stay out of it. */
	r = twin_add_memory(range->nid, start, size, MMOP_ONLINE_MOVABLE, NULL);
	if (r)
		pr_err("cannot give back %llu MiB at %#llx: %d\n",
		       size / SZ_1M, start, r);
}

static int take_boot_region(u64 ram_size, u64 pmem_size)
{
	u64 pmem_start = boot_region.start + ram_size;
	int r;

	if (ram_size + pmem_size > boot_region.size)
		return -ENOMEM;
	r = twin_arch_split_map(pmem_start, pmem_size);
	if (r)
		return r;
	twin_region.from_boot = true;
	twin_region.ram.start = boot_region.start;
	twin_region.ram.size = ram_size;
	twin_region.pmem.start = pmem_start;
	twin_region.pmem.size = pmem_size;
	return 0;
}

static int take_ram_and_pmem(u64 ram_size, u64 pmem_size)
{
	int r;

	if (boot_region.size)
		return take_boot_region(ram_size, pmem_size);

	r = take_anywhere(&twin_region.ram, ram_size, true);
	return r ?: take_anywhere(&twin_region.pmem, pmem_size, false);
}

static int take_memory(u64 ram_size, u64 pmem_size)
{
	u64 block = memory_block_size_bytes();
	int r;

	r = take_ram_and_pmem(ram_size, pmem_size);
	if (r || twin_region.ram.start < SZ_4G)
		return r;
	return take_between(&twin_region.low, block, block, SZ_4G, false);
}

static void give_memory_back(void)
{
	give_back(&twin_region.low);
	if (!twin_region.from_boot) {
		give_back(&twin_region.pmem);
		give_back(&twin_region.ram);
	}
	memset(&twin_region, 0, sizeof(twin_region));
}

static int add_pmem(void)
{
	struct platform_device *pdev;
	int r;

	if (!twin_region.pmem.size)
		return 0;
	pmem_resource.start = twin_region.pmem.start;
	pmem_resource.end = twin_range_end(&twin_region.pmem) - 1;
	r = insert_resource(&iomem_resource, &pmem_resource);
	if (r)
		return r;
	/* drivers/nvdimm/e820.c looks for the resource. */
	pdev = platform_device_register_simple("e820_pmem", PLATFORM_DEVID_AUTO,
					       NULL, 0);
	if (IS_ERR(pdev)) {
		remove_resource(&pmem_resource);
		return PTR_ERR(pdev);
	}
	pmem_device = pdev;
	return 0;
}

static void remove_pmem(void)
{
	if (!pmem_device)
		return;
	platform_device_unregister(pmem_device);
	pmem_device = NULL;
	remove_resource(&pmem_resource);
}

static int map_area(void)
{
	struct twin_range *ram = &twin_region.ram;
	struct twin_area area = { .pa = ram->start };

	if (!request_mem_region(ram->start, ram->size, "Twin kernel"))
		return -EBUSY;
	area.base = memremap(area.pa, TWIN_HANDOVER_SIZE, MEMREMAP_WB);
	if (!area.base) {
		release_mem_region(ram->start, ram->size);
		return -ENOMEM;
	}
	memset(area.base, 0, TWIN_HANDOVER_SIZE);
	twin_arch_init_area(&area);

	mutex_lock(&twin_area_lock);
	twin_below = area;
	mutex_unlock(&twin_area_lock);
	return 0;
}

static void unmap_area(void)
{
	struct twin_area area = twin_below;

	mutex_lock(&twin_area_lock);
	twin_below = (struct twin_area){};
	mutex_unlock(&twin_area_lock);
	memunmap(area.base);
	release_mem_region(twin_region.ram.start, twin_region.ram.size);
}

static bool is_size(u64 size)
{
	return IS_ALIGNED(size, memory_block_size_bytes()) &&
	       size < twin_arch_memory_limit();
}

/**
 * twin_region_boot_size - size of what the twin= parameter set aside
 *
 * Return: bytes, 0 for none.
 */
u64 twin_region_boot_size(void)
{
	return boot_region.size;
}

/**
 * twin_region_reserve - take memory for a twin
 * @size:	bytes in all, a multiple of the block size
 * @pmem_size:	bytes of it for checkpoints, a multiple of the block size
 *
 * Return: 0, -EINVAL for bad sizes, -ENOMEM when no such range can be freed,
 * -EINTR, or what a lower layer says. Nothing is taken on failure.
 */
int twin_region_reserve(u64 size, u64 pmem_size)
{
	int r;

	if (!is_size(size) || !is_size(pmem_size) || pmem_size >= size)
		return -EINVAL;

	r = take_memory(size - pmem_size, pmem_size);
	if (r)
		goto give_back;
	r = map_area();
	if (r)
		goto give_back;
	r = add_pmem();
	if (r)
		goto unmap;
	pr_info("reserved %llu MiB at %#llx, %llu MiB at %#llx for checkpoints\n",
		twin_region.ram.size / SZ_1M, twin_region.ram.start,
		pmem_size / SZ_1M, twin_region.pmem.start);
	return 0;

unmap:
	unmap_area();
give_back:
	give_memory_back();
	return r;
}

/**
 * twin_region_release - give the memory back to this kernel
 */
void twin_region_release(void)
{
	remove_pmem();
	unmap_area();
	give_memory_back();
}
