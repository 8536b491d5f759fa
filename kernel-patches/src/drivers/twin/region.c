// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of the twin below: whole memory blocks that are taken from this
 * kernel at run time, or a range that was set aside by the twin= parameter.
 * Its tail is checkpoint memory, which both kernels see as a legacy pmem
 * device.
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

/* CPUs start through a 32-bit trampoline: see arch/x86/realmode. */
#define REGION_LIMIT	SZ_4G

struct twin_region twin_region;
struct twin_area twin_below;
/* Keeps twin_below mapped for readers; nests inside twin_lock. */
DEFINE_MUTEX(twin_area_lock);

static u64 boot_start __initdata, boot_size __initdata;
static struct { u64 start, size; } boot_region __ro_after_init;
static int region_nid;

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
 * reserved, so that it never is this kernel's RAM.
 */
void __init twin_reserve_early(void)
{
	u64 start, align = SZ_128M, size = ALIGN(boot_size, align);

	if (!size)
		return;
	if (boot_start)
		start = memblock_phys_alloc_range(size, align, boot_start,
						  boot_start + size);
	else
		start = memblock_phys_alloc_range(size, align, SZ_16M,
						  REGION_LIMIT);
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

static int take_range(u64 start, u64 size)
{
	struct resource *ram = find_ram(start, start + size - 1);
	struct held_children held;
	int r;

	if (!ram)
		return -ENXIO;
	r = hold_children(ram, start, start + size - 1, &held);
	if (r)
		return r;
	region_nid = page_to_nid(pfn_to_page(PHYS_PFN(start)));
	r = offline_and_remove_memory(start, size);
	put_children_back(&held);
	return r;
}

/*
 * The highest range below the limit that can be freed: this kernel prefers
 * higher memory for what cannot move.
 */
static int take_blocks(u64 size)
{
	u64 block = memory_block_size_bytes();
	u64 limit = min_t(u64, REGION_LIMIT, PFN_PHYS(max_pfn));
	u64 start;

	if (limit < size)
		return -ENOMEM;

	for (start = ALIGN_DOWN(limit - size, block); start >= block;
	     start -= block) {
		if (!take_range(start, size)) {
			twin_region.start = start;
			return 0;
		}
		if (signal_pending(current))
			return -EINTR;
	}
	return -ENOMEM;
}

static int online_block(struct memory_block *block, void *arg)
{
	int r = device_online(&block->dev);

	return r < 0 ? r : 0;
}

static void give_blocks_back(void)
{
	u64 start = twin_region.start, size = twin_region.size;
	int r;

	r = add_memory(region_nid, start, size, MHP_NONE);
	if (!r) {
		lock_device_hotplug();
		r = walk_memory_blocks(start, size, NULL, online_block);
		unlock_device_hotplug();
	}
	if (r)
		pr_err("cannot give back %llu MiB at %#llx: %d\n",
		       size / SZ_1M, start, r);
}

static int take_memory(u64 size)
{
	int r;

	if (boot_region.size) {
		if (size > boot_region.size)
			return -ENOMEM;
		twin_region.start = boot_region.start;
		twin_region.from_boot = true;
	} else {
		r = take_blocks(size);
		if (r)
			return r;
		twin_region.from_boot = false;
	}
	twin_region.size = size;
	return 0;
}

static void give_memory_back(void)
{
	if (!twin_region.from_boot)
		give_blocks_back();
	memset(&twin_region, 0, sizeof(twin_region));
}

static int add_pmem(void)
{
	struct platform_device *pdev;
	int r;

	if (!twin_region.pmem_size)
		return 0;
	pmem_resource.start = twin_region.pmem_start;
	pmem_resource.end = twin_region.pmem_start + twin_region.pmem_size - 1;
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

static u64 ram_size(void)
{
	return twin_region.size - twin_region.pmem_size;
}

static int map_area(void)
{
	struct twin_area area = { .pa = twin_region.start };

	if (!request_mem_region(twin_region.start, ram_size(), "Twin kernel"))
		return -EBUSY;
	area.base = memremap(area.pa, TWIN_HANDOVER_SIZE, MEMREMAP_WB);
	if (!area.base) {
		release_mem_region(twin_region.start, ram_size());
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
	release_mem_region(twin_region.start, ram_size());
}

/**
 * twin_region_reserve - take memory for a twin
 * @size:	bytes, a multiple of the block size
 * @pmem_size:	bytes at its end for checkpoints, a multiple of 2 MiB
 *
 * Return: 0, -EINVAL for bad sizes, -ENOMEM when no such range can be freed,
 * -EINTR, or what a lower layer says. Nothing is taken on failure.
 */
int twin_region_reserve(u64 size, u64 pmem_size)
{
	int r;

	if (!size || !IS_ALIGNED(size, memory_block_size_bytes()) ||
	    !IS_ALIGNED(pmem_size, SZ_2M) || size > REGION_LIMIT ||
	    pmem_size >= size || size - pmem_size < SZ_128M)
		return -EINVAL;

	r = take_memory(size);
	if (r)
		return r;
	twin_region.pmem_size = pmem_size;
	twin_region.pmem_start = twin_region.start + size - pmem_size;

	r = map_area();
	if (r)
		goto give_back;
	r = add_pmem();
	if (r)
		goto unmap;
	pr_info("reserved %llu MiB at %#llx, %llu MiB of it for checkpoints\n",
		size / SZ_1M, twin_region.start, pmem_size / SZ_1M);
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
