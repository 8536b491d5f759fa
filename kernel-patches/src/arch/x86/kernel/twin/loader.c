// SPDX-License-Identifier: GPL-2.0
/*
 * Boot parameters of the twin: what kexec's bzImage loader prepared for a
 * kernel that gets the whole machine is cut down to the reserved region.
 */
#include <linux/kexec.h>
#include <linux/string.h>

#include <asm/bootparam.h>
#include <asm/e820/api.h>
#include <asm/setup.h>

#include "arch.h"
#include "loader.h"

struct twin_image twin_image;

static void add_e820(struct boot_params *params, u64 start, u64 end, u32 type)
{
	struct boot_e820_entry *entry;

	if (start >= end || params->e820_entries >= E820_MAX_ENTRIES_ZEROPAGE)
		return;
	entry = &params->e820_table[params->e820_entries++];
	entry->addr = start;
	entry->size = end - start;
	entry->type = type;
}

/*
 * The old kernel's memory stays listed, or its addresses would count as free
 * for device resources.
 */
static void add_foreign_memory(struct boot_params *params)
{
	const struct twin_memory_map *map = twin_arch_machine_map();
	const struct twin_range own[] = {
		twin_region.ram, twin_region.pmem, twin_region.low,
	};
	unsigned int i, k, nr;

	for (i = 0; i < map->nr; i++) {
		const struct twin_memory_range *range = &map->range[i];
		struct twin_range left[1 + ARRAY_SIZE(own)] = {
			{ .start = range->start, .size = range->size },
		};
		u32 type = twin_arch_is_ram(range) ? E820_TYPE_TWIN_FOREIGN
						   : range->type;

		nr = 1;
		for (k = 0; k < ARRAY_SIZE(own); k++)
			nr = twin_range_cut(left, nr, &own[k], ARRAY_SIZE(left));
		for (k = 0; k < nr; k++)
			add_e820(params, left[k].start, twin_range_end(&left[k]),
				 type);
	}
}

static void setup_memory_map(struct boot_params *params)
{
	u64 start = twin_region.ram.start, ram = start + TWIN_HANDOVER_SIZE;

	params->e820_entries = 0;
	add_e820(params, start, ram, E820_TYPE_RESERVED);
	add_e820(params, ram, twin_range_end(&twin_region.ram), E820_TYPE_RAM);
	/* The kernel must not be put there: see claim_low_memory(). */
	add_e820(params, twin_region.low.start, twin_range_end(&twin_region.low),
		 E820_TYPE_TWIN_FOREIGN);
	add_e820(params, twin_region.pmem.start,
		 twin_range_end(&twin_region.pmem), E820_TYPE_PRAM);
	add_foreign_memory(params);
}

/* Tells the kernel that it is a twin. */
static void add_setup_data(struct boot_params *params)
{
	struct setup_data *data = twin_below.base + TWIN_OFF_SETUP_DATA;
	struct twin_setup_payload *payload = (void *)data->data;

	payload->handover = twin_below.pa;
	data->type = SETUP_TWIN;
	data->len = sizeof(*payload);
	data->next = params->hdr.setup_data;
	params->hdr.setup_data = twin_below.pa + TWIN_OFF_SETUP_DATA;
}

/*
 * A switch of the paging depth needs memory below 1 MiB, which the twin has
 * not. The loader leaves room for MAX_ELFCOREHDR_STR_LEN more bytes.
 */
static void setup_paging_depth(struct boot_params *params, char *cmdline)
{
	if (!pgtable_l5_enabled())
		strcat(cmdline, " no5lvl");
}

/**
 * twin_kexec_setup_params - fit boot parameters to the reserved region
 * @params:	boot parameters as for an ordinary kexec
 * @params_pa:	where they will lie
 * @kernel_pa:	where the kernel will lie
 * @cmdline:	its command line, inside the buffer of @params
 *
 * Return: 0, or -ENOEXEC for a kernel that cannot run as a twin.
 */
int twin_kexec_setup_params(struct boot_params *params, unsigned long params_pa,
			    unsigned long kernel_pa, char *cmdline)
{
	if (!(params->hdr.xloadflags & XLF_TWIN)) {
		pr_err("twin: the kernel was built without CONFIG_TWIN\n");
		return -ENOEXEC;
	}
	if (pgtable_l5_enabled() &&
	    !(params->hdr.xloadflags & XLF_5LEVEL_ENABLED)) {
		pr_err("twin: the kernel was built without 5-level paging\n");
		return -ENOEXEC;
	}

	memset(&params->screen_info, 0, sizeof(params->screen_info));
	params->acpi_rsdp_addr = twin_arch_rsdp();
	setup_memory_map(params);
	add_setup_data(params);
	setup_paging_depth(params, cmdline);

	twin_image.entry = kernel_pa + 0x200;	/* 64-bit entry, boot.rst */
	twin_image.arg = params_pa;
	return 0;
}
