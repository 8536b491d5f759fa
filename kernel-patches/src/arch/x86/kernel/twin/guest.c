// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel that is booted as a twin: it learns from its setup_data that
 * another kernel owns the board, and leaves alone whatever it was not given.
 * Modelled on what arch/x86/kernel/jailhouse.c leaves out.
 */
#include <linux/acpi.h>
#include <linux/init.h>
#include <linux/mc146818rtc.h>
#include <linux/memblock.h>
#include <linux/pgtable.h>
#include <linux/reboot.h>
#include <linux/smp.h>

#include <asm/apic.h>
#include <asm/e820/api.h>
#include <asm/mpspec.h>
#include <asm/pci_x86.h>
#include <asm/reboot.h>
#include <asm/realmode.h>
#include <asm/setup.h>
#include <asm/tsc.h>
#include <asm/x86_init.h>

#include "arch.h"

/* The header as the old kernel left it; the live one is in twin_above. */
static struct twin_handover boot_header __ro_after_init;
static struct twin_platform boot_platform __initdata;
static phys_addr_t handover_pa __ro_after_init;
static struct machine_ops board_ops __ro_after_init;

/**
 * twin_is_guest - was this kernel booted as a twin?
 *
 * Stays true after it has taken the machine over.
 */
bool twin_is_guest(void)
{
	return handover_pa;
}

/**
 * twin_arch_guest_area - where the hand-over area of this kernel lies
 *
 * Return: its physical address, 0 if this kernel is no twin.
 */
phys_addr_t twin_arch_guest_area(void)
{
	return handover_pa;
}

static unsigned long get_tsc_khz(void)
{
	return boot_header.tsc_khz;
}

static void get_wallclock(struct timespec64 *now)
{
	u64 ticks, ns;

	if (!twin_board_is_foreign()) {
		mach_get_cmos_time(now);
		return;
	}
	ticks = rdtsc_ordered() - boot_header.wall_tsc;
	ns = mul_u64_u64_div_u64(ticks, NSEC_PER_MSEC, boot_header.tsc_khz);

	*now = ns_to_timespec64(boot_header.wall_ns + ns);
}

/* The RTC comes with the board. */
static int set_wallclock(const struct timespec64 *now)
{
	return twin_board_is_foreign() ? -ENODEV : mach_set_cmos_time(now);
}

static void __init timer_init(void)
{
	lapic_timer_period = div_u64(boot_header.lapic_hz, HZ);
}

/* A CPU that a twin of this kernel had comes from there. */
static const struct twin_area *parked_in(u32 apic_id)
{
	if (twin_below.base &&
	    READ_ONCE(twin_slot(&twin_below, apic_id)->state) == TWIN_CPU_PARKED)
		return &twin_below;
	return &twin_above;
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
static int wake_cpu(u32 apic_id, unsigned long start)
#else
static int wake_cpu(u32 apic_id, unsigned long start, unsigned int cpu)
#endif
{
	if (READ_ONCE(twin_header(&twin_above)->fence))
		return -ECANCELED;
	return twin_arch_wake(parked_in(apic_id), apic_id, start, 0);
}

/*
 * Every CPU of the machine is registered now, since ids cannot be added
 * later; those not given stay offline, for they are not parked.
 */
static void __init parse_smp_config(void)
{
	unsigned int i, given = 0;

	/* The MADT has its address, but for its CPUs ours are taken. */
	if (!acpi_lapic)
		register_lapic_address(APIC_DEFAULT_PHYS_BASE);
	for (i = 0; i < boot_header.nr_cpus; i++) {
		struct twin_handover_cpu *cpu = &boot_header.cpus[i];

		topology_register_apic(cpu->apic_id, cpu->acpi_id, true);
		if (cpu->flags & TWIN_CPU_GIVEN)
			given++;
	}
	smp_found_config = 1;
	setup_max_cpus = min(setup_max_cpus, given);
	apic_update_callback(wakeup_secondary_cpu_64, wake_cpu);
}

/* Nothing of a twin lies below 1 MiB, and nothing has to: see wake_cpu(). */
static void __init reserve_trampoline(void)
{
	phys_addr_t mem = memblock_phys_alloc_range(real_mode_size_needed(),
						    PAGE_SIZE, SZ_1M, SZ_4G);

	if (!mem)
		panic("twin: no room for the trampoline\n");
	set_real_mode_mem(mem);
	memblock_reserve(0, SZ_1M);
	/* Bounce buffers are sized by what is to come. */
	max_possible_pfn = PHYS_PFN(boot_header.ram_end);
}

/* The trampoline lies anywhere below 4 GiB, which the area maps one to one. */
static void __init init_trampoline_map(void)
{
	u64 *pgd;

	init_real_mode();
	pgd = __va(real_mode_header->trampoline_pgd);
	pgd[0] = (handover_pa + (pgtable_l5_enabled() ? TWIN_OFF_ROOT4
						      : TWIN_OFF_PUD)) |
		 _KERNPG_TABLE_NOENC;
}

static void __noreturn stop_guest(void)
{
	twin_guest_set_state(TWIN_STATE_HALTED);
	smp_send_stop();
	local_irq_disable();
	/* Parked, it need not be stopped by the kernel above. */
	if (twin_above.base)
		twin_arch_park(&twin_above, true);
	for (;;)
		native_halt();
}

/* Until the machine is its own, no end of the twin may touch the board. */
static void twin_restart(char *cmd)
{
	if (!twin_owns_machine())
		stop_guest();
	board_ops.restart(cmd);
}

static void twin_halt(void)
{
	if (!twin_owns_machine())
		stop_guest();
	board_ops.halt();
}

static void twin_power_off(void)
{
	if (!twin_owns_machine())
		stop_guest();
	board_ops.power_off();
}

static void twin_shutdown(void)
{
	if (!twin_owns_machine())
		stop_guest();
	board_ops.shutdown();
}

static void twin_emergency_restart(void)
{
	if (!twin_owns_machine())
		stop_guest();
	board_ops.emergency_restart();
}

#ifdef CONFIG_CRASH_DUMP
/* A crash kernel of the twin's would take the board from the old kernel. */
static void twin_crash_shutdown(struct pt_regs *regs)
{
	if (!twin_owns_machine()) {
		twin_guest_set_state(TWIN_STATE_PANICKED);
		stop_guest();
	}
	board_ops.crash_shutdown(regs);
}

static void __init init_crash(void)
{
	machine_ops.crash_shutdown = twin_crash_shutdown;
}
#else
static void __init init_crash(void) { }
#endif

static void __init init_platform(void)
{
	twin_arch_init_board(&boot_platform);

	x86_init.irqs.pre_vector_init		= x86_init_noop;
	x86_init.timers.timer_init		= timer_init;
	x86_init.mpparse.find_mptable		= x86_init_noop;
	x86_init.mpparse.early_parse_smp_cfg	= x86_init_noop;
	x86_init.mpparse.parse_smp_cfg		= parse_smp_config;

	x86_platform.calibrate_cpu		= get_tsc_khz;
	x86_platform.calibrate_tsc		= get_tsc_khz;
	x86_platform.get_wallclock		= get_wallclock;
	x86_platform.set_wallclock		= set_wallclock;
	x86_platform.realmode_reserve		= reserve_trampoline;
	x86_platform.realmode_init		= init_trampoline_map;
	x86_platform.legacy.warm_reset		= 0;
	x86_platform.legacy.reserve_bios_regions = 0;
	tsc_clocksource_reliable		= 1;
	/* Or every CPU that comes later calibrates its delay loop anew. */
	preset_lpj = div_u64(boot_header.tsc_khz * 1000, HZ);

	board_ops				= machine_ops;
	machine_ops.restart			= twin_restart;
	machine_ops.halt			= twin_halt;
	machine_ops.power_off			= twin_power_off;
	machine_ops.shutdown			= twin_shutdown;
	machine_ops.emergency_restart		= twin_emergency_restart;
	init_crash();

	setup_force_cpu_cap(X86_FEATURE_TSC_KNOWN_FREQ);
	twin_pci_init();
	twin_arch_init_uarts();
}

static void __init read_platform(phys_addr_t pa)
{
	struct twin_platform *platform;

	platform = early_memremap(pa + TWIN_OFF_PLATFORM, sizeof(*platform));
	boot_platform = *platform;
	early_memunmap(platform, sizeof(*platform));
}

static bool __init read_header(phys_addr_t pa)
{
	struct twin_handover *ho = early_memremap(pa, sizeof(*ho));
	bool known = ho->magic == TWIN_HANDOVER_MAGIC &&
		     ho->version == TWIN_HANDOVER_VERSION;

	if (known) {
		ho->tsc_entry = rdtsc_ordered();
		boot_header = *ho;
	} else if (ho->magic == TWIN_HANDOVER_MAGIC) {
		ho->twin_state = TWIN_STATE_REFUSED;
	}
	early_memunmap(ho, sizeof(*ho));
	return known;
}

/*
 * A twin whose RAM lies above 4 GiB has a little below as well, for the
 * trampoline and bounce buffers. The decompressor, which may put the kernel
 * into any RAM, is not told of it.
 */
static void __init claim_low_memory(void)
{
	if (boot_header.low_size)
		e820__range_update(boot_header.low_start, boot_header.low_size,
				   E820_TYPE_TWIN_FOREIGN, E820_TYPE_RAM);
}

/**
 * twin_parse_setup_data - this kernel is a twin
 * @pa: physical address of the SETUP_TWIN entry
 *
 * Called by setup_arch(). Does not return if the hand-over area is of another
 * version than this kernel's.
 */
void __init twin_parse_setup_data(u64 pa)
{
	struct twin_setup_payload *payload;
	phys_addr_t area;

	payload = early_memremap(pa + sizeof(struct setup_data),
				 sizeof(*payload));
	area = payload->handover;
	early_memunmap(payload, sizeof(*payload));

	if (!read_header(area)) {
		pr_crit("twin: hand-over area of an unknown version, halted\n");
		for (;;)
			native_halt();
	}
	handover_pa = area;
	claim_low_memory();
	read_platform(area);
	init_platform();
	pr_info("twin: booted beside another kernel, hand-over area at %pa\n",
		&handover_pa);
}

/* PCI's set-up does this where there is any; pmem looks for its range there. */
static int __init twin_reserve_resources(void)
{
	if (twin_is_guest() && !raw_pci_ext_ops)
		e820__reserve_resources_late();
	return 0;
}
fs_initcall(twin_reserve_resources);
