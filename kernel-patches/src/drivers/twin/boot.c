// SPDX-License-Identifier: GPL-2.0
/*
 * Starting and stopping the twin below, and giving the machine to it.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/reboot.h>
#include <linux/twin.h>

#include <asm/cmpxchg.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "channel.h"
#include "loader.h"
#include "twin.h"

static bool twin_runs(void)
{
	return twin_get_state() >= TWIN_STATE_BOOTING;
}

static void add_cpu_entry(struct twin_handover *ho, int cpu, u32 flags)
{
	struct twin_handover_cpu *entry = &ho->cpus[ho->nr_cpus++];

	entry->apic_id = twin_arch_apic_id(cpu);
	entry->acpi_id = per_cpu(x86_cpu_to_acpiid, cpu);
	entry->flags = flags;
}

/* The boot processor last: it is harder to stop while a kernel starts on it. */
static void add_twin_cpus(struct twin_handover *ho)
{
	int cpu, bsp = twin_arch_apic_to_cpu(twin_arch_bsp());

	for_each_cpu(cpu, &twin_cpus)
		if (cpu != bsp)
			add_cpu_entry(ho, cpu, TWIN_CPU_GIVEN);
	if (bsp >= 0 && cpumask_test_cpu(bsp, &twin_cpus))
		add_cpu_entry(ho, bsp, TWIN_CPU_GIVEN);
	ho->twin_apic_id = ho->cpus[0].apic_id;
}

static void add_own_cpus(struct twin_handover *ho)
{
	int cpu;

	ho->old_apic_id = twin_arch_apic_id(0);
	for_each_present_cpu(cpu) {
		if (cpumask_test_cpu(cpu, &twin_cpus))
			continue;
		add_cpu_entry(ho, cpu, cpu_online(cpu) ? 0 : TWIN_CPU_OFFLINE);
	}
}

static void fill_header(struct twin_handover *ho)
{
	memset(ho, 0, sizeof(*ho));
	ho->magic = TWIN_HANDOVER_MAGIC;
	ho->version = TWIN_HANDOVER_VERSION;
	ho->mem_start = twin_region.ram.start;
	ho->mem_size = twin_region.ram.size;
	ho->pmem_start = twin_region.pmem.start;
	ho->pmem_size = twin_region.pmem.size;
	ho->low_start = twin_region.low.start;
	ho->low_size = twin_region.low.size;
	ho->sipi_start = twin_arch_sipi_start();
	ho->bsp_apic_id = twin_arch_bsp();
	add_twin_cpus(ho);
	add_own_cpus(ho);
	twin_arch_fill_header(ho);
	memcpy(twin_below.base + TWIN_OFF_MEMORY, twin_arch_machine_map(),
	       sizeof(struct twin_memory_map));
}

/**
 * twin_boot - start the loaded kernel
 *
 * Return: 0, -ENOEXEC if none is loaded, -EBUSY if one runs, or why a CPU
 * cannot be started.
 */
int twin_boot(void)
{
	struct twin_handover *ho = twin_header(&twin_below);
	struct twin_image image = twin_image;
	int r;

	if (twin_runs())
		return -EBUSY;
	if (twin_get_state() != TWIN_STATE_LOADED)
		return -ENOEXEC;

	fill_header(ho);
	r = twin_channel_start(twin_below.base + TWIN_OFF_CHANNEL,
			       TWIN_CHANNEL_SIZE, false);
	if (r)
		return r;

	/* The image does not survive its start. */
	twin_image = (struct twin_image){};
	twin_arch_share_config();
	twin_watch_start();
	ho->tsc_boot = rdtsc_ordered();
	r = twin_arch_wake(&twin_below, ho->twin_apic_id, image.entry,
			   image.arg);
	if (r) {
		twin_kill();
		return r;
	}
	return 0;
}

/**
 * twin_abort - decide that the old kernel keeps the applications
 *
 * Return: 0, -EALREADY if the twin was faster, -ESRCH without a twin.
 */
int twin_abort(void)
{
	u32 was;

	if (!twin_runs())
		return -ESRCH;
	was = sync_cmpxchg(&twin_header(&twin_below)->commit, TWIN_COMMIT_OLD,
			   TWIN_COMMIT_ABORTED);
	return was == TWIN_COMMIT_TWIN ? -EALREADY : 0;
}

/**
 * twin_kill - stop the twin for good
 *
 * Return: 0, -EALREADY if it has committed, -ESRCH without a twin, -EIO if one
 * of its CPUs does not stop: nothing is given back then.
 */
int twin_kill(void)
{
	int r = twin_abort();

	if (!r)
		r = twin_cpus_fence();
	if (r)
		return r;
	twin_watch_stop();
	twin_channel_stop();
	twin_functions_take_all();
	twin_arch_unshare_config();
	twin_set_state(TWIN_STATE_RESERVED);
	pr_info("twin stopped\n");
	return 0;
}

/**
 * twin_park_machine - leave the machine to the twin that has committed
 *
 * Return: -EPERM if it has not, -ESRCH without a twin; otherwise it does not
 * return.
 */
int twin_park_machine(void)
{
	struct twin_handover *ho = twin_header(&twin_below);

	if (!twin_runs())
		return -ESRCH;
	if (READ_ONCE(ho->commit) != TWIN_COMMIT_TWIN)
		return -EPERM;

	pr_info("the machine goes to the twin\n");
	twin_cpus_bring_back();
	twin_watch_stop();
	twin_watchdogs_park();
	twin_quiesce_machine();

	preempt_disable();
	twin_arch_park_others(&twin_below);
	WRITE_ONCE(ho->old_parked, 1);
	twin_arch_doorbell(ho->twin_apic_id);
	twin_arch_park_last(&twin_below);
}

/* This kernel's end must not leave CPUs behind that run another. */
static int fence_at_reboot(struct notifier_block *nb, unsigned long action,
			   void *data)
{
	if (!twin_runs())
		return NOTIFY_DONE;
	twin_cpus_fence();
	/* What was lent is shut down by its drivers next. */
	if (mutex_trylock(&twin_lock)) {
		twin_functions_take_all();
		mutex_unlock(&twin_lock);
	}
	return NOTIFY_DONE;
}

static struct notifier_block reboot_notifier = {
	.notifier_call = fence_at_reboot,
};

static int __init twin_boot_init(void)
{
	return register_reboot_notifier(&reboot_notifier);
}
device_initcall(twin_boot_init);
