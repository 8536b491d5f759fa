// SPDX-License-Identifier: GPL-2.0
/*
 * Stopping a CPU whatever it does: INIT, and a SIPI to code below 1 MiB that
 * takes it to the hand-over area. The boot processor must not get an INIT,
 * which would reset the machine; it is asked by NMI.
 */
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/nmi.h>
#include <linux/pgtable.h>
#include <linux/sizes.h>

#include <asm/apic.h>
#include <asm/msr.h>
#include <asm/realmode.h>

#include "arch.h"

/* Candidates lie between the data of the firmware at both ends of low memory. */
#define SIPI_LOWEST	SZ_64K
#define SIPI_HIGHEST	(640 * SZ_1K - SZ_4K)
#define START_WAIT_MS	10000
#define NMI_TRIES	20
#define NMI_WAIT_MS	10

static u32 bsp_apic_id __ro_after_init = BAD_APICID;
static u64 sipi_start __ro_after_init;

/**
 * twin_arch_bsp - APIC id of the machine's boot processor
 *
 * Return: the id, or BAD_APICID if this kernel does not use it.
 */
u32 twin_arch_bsp(void)
{
	return bsp_apic_id;
}

static bool __init is_low_ram(u64 start)
{
	const struct twin_memory_map *map = twin_arch_machine_map();
	u64 end = start + TWIN_SIPI_SIZE;
	unsigned int i;

	for (i = 0; i < map->nr; i++) {
		const struct twin_memory_range *range = &map->range[i];

		if (twin_arch_is_ram(range) && range->start <= start &&
		    range->start + range->size >= end)
			return true;
	}
	return false;
}

/* Memory below 1 MiB is left alone by kernels, but for their own trampoline. */
static u64 __init find_sipi_pages(void)
{
	u64 trampoline = __pa(real_mode_header);
	u64 end = trampoline + PAGE_ALIGN(real_mode_blob_end - real_mode_blob);
	u64 start;

	for (start = SIPI_HIGHEST - TWIN_SIPI_SIZE; start >= SIPI_LOWEST;
	     start -= PAGE_SIZE)
		if (is_low_ram(start) &&
		    (start + TWIN_SIPI_SIZE <= trampoline || start >= end))
			return start;
	return 0;
}

/**
 * twin_arch_sipi_start - the pages below 1 MiB
 *
 * Return: their physical address, 0 if the machine has none.
 */
u64 twin_arch_sipi_start(void)
{
	return sipi_start;
}

static void put(void *page, const char *symbol, u32 value)
{
	memcpy(page + (symbol - twin_sipi_code), &value, sizeof(value));
}

static u32 address_of(u64 pa, const char *symbol)
{
	return pa + (symbol - twin_sipi_code);
}

/* The area's identity map serves here as well, under a root below 4 GiB. */
static void fill_pages(void *page, u64 pa, const struct twin_area *area)
{
	u64 *root = page + TWIN_SIPI_ROOT;
	u64 *from = area->base + (pgtable_l5_enabled() ? TWIN_OFF_ROOT5
						       : TWIN_OFF_ROOT4);
	u64 efer;

	rdmsrq(MSR_EFER, efer);
	memset(page, 0, TWIN_SIPI_SIZE);
	memcpy(page, twin_sipi_code, twin_sipi_end - twin_sipi_code);
	root[0] = from[0];
	memcpy(page + (twin_sipi_area - twin_sipi_code), &area->pa,
	       sizeof(area->pa));
	put(page, twin_sipi_gdtr + 2, address_of(pa, twin_sipi_gdt));
	put(page, twin_sipi_jump, address_of(pa, twin_sipi_long));
	put(page, twin_sipi_cr3, pa + TWIN_SIPI_ROOT);
	put(page, twin_sipi_cr4,
	    X86_CR4_PAE | (pgtable_l5_enabled() ? X86_CR4_LA57 : 0));
	/* With NXE, or the trampoline of the next kernel on it faults. */
	put(page, twin_sipi_efer, efer & ~EFER_LMA);
}

static int install_sipi(const struct twin_area *area, u64 pa)
{
	void *page = pa ? memremap(pa, TWIN_SIPI_SIZE, MEMREMAP_WB) : NULL;

	if (!page)
		return -ENOMEM;
	fill_pages(page, pa, area);
	memunmap(page);
	return 0;
}

static void init_and_sipi(u32 apic_id, u64 pa)
{
	twin_arch_send(apic_id, APIC_INT_LEVELTRIG | APIC_INT_ASSERT | APIC_DM_INIT);
	usleep_range(100, 200);
	twin_arch_send(apic_id, APIC_INT_LEVELTRIG | APIC_DM_INIT);
	usleep_range(10000, 11000);
	twin_arch_send(apic_id, APIC_DM_STARTUP | (pa >> PAGE_SHIFT));
	usleep_range(300, 400);
	twin_arch_send(apic_id, APIC_DM_STARTUP | (pa >> PAGE_SHIFT));
}

static bool wait_for_handler(const struct twin_slot *slot)
{
	unsigned int ms;

	for (ms = 0; ms < START_WAIT_MS; ms += NMI_WAIT_MS) {
		u32 state = READ_ONCE(slot->state);

		if (state == TWIN_CPU_RUNS || state == TWIN_CPU_PARKED)
			return state == TWIN_CPU_RUNS;
		msleep(NMI_WAIT_MS);
	}
	return false;
}

/*
 * It parks by itself: see on_nmi(). A kernel that has just started on it would
 * be killed by an NMI, and the machine reset: wait until it has its handler.
 */
static void ask_by_nmi(const struct twin_slot *slot, u32 apic_id)
{
	unsigned int i;

	if (!wait_for_handler(slot))
		return;
	for (i = 0; i < NMI_TRIES; i++) {
		twin_arch_send(apic_id, APIC_DM_NMI | APIC_DEST_PHYSICAL);
		msleep(NMI_WAIT_MS);
		if (READ_ONCE(slot->state) == TWIN_CPU_PARKED)
			return;
	}
}

/**
 * twin_arch_fence - stop a CPU of the twin and park it
 * @area:    the twin's area, whose fence word is set; what the CPU needs of it
 *	     is written anew
 * @apic_id: its APIC id
 *
 * May sleep. The state of the CPU's slot tells whether it has parked.
 */
void twin_arch_fence(const struct twin_area *area, u32 apic_id)
{
	struct twin_slot *slot = twin_slot(area, apic_id);

	twin_arch_init_area(area);
	if (apic_id == bsp_apic_id || install_sipi(area, sipi_start)) {
		ask_by_nmi(slot, apic_id);
		return;
	}
	slot->entry = 0;
	slot->go = 0;
	init_and_sipi(apic_id, sipi_start);
}

/* The kernel above wants this CPU back. */
static int on_nmi(unsigned int type, struct pt_regs *regs)
{
	if (twin_owns_machine() || !READ_ONCE(twin_header(&twin_above)->fence))
		return NMI_DONE;
	twin_arch_park_fenced();
}

/* While this kernel still runs on the CPU that it was booted on. */
static int __init twin_find_bsp(void)
{
	u64 base;

	rdmsrq(MSR_IA32_APICBASE, base);
	if (base & MSR_IA32_APICBASE_BSP)
		bsp_apic_id = read_apic_id();
	return 0;
}
early_initcall(twin_find_bsp);

static int takes_nmis(unsigned int cpu)
{
	WRITE_ONCE(twin_slot(&twin_above, twin_arch_apic_id(cpu))->state,
		   TWIN_CPU_RUNS);
	return 0;
}

static int __init twin_sipi_init(void)
{
	int r;

	if (!twin_is_guest()) {
		sipi_start = find_sipi_pages();
		return 0;
	}
	bsp_apic_id = twin_header(&twin_above)->bsp_apic_id;
	sipi_start = twin_header(&twin_above)->sipi_start;
	r = register_nmi_handler(NMI_LOCAL, on_nmi, 0, "twin");
	if (!r)
		r = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "twin:nmi",
				      takes_nmis, NULL);
	return r < 0 ? r : 0;
}
core_initcall(twin_sipi_init);
