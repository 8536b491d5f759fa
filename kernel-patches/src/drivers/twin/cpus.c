// SPDX-License-Identifier: GPL-2.0
/*
 * The CPUs of the twin below: taken from this kernel by CPU hotplug, parked in
 * the hand-over area, and brought back from there.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/sched/smt.h>

#include "twin.h"

#define PARK_WAIT_MS	1000

struct cpumask twin_cpus;

/* Set while this file itself brings a reserved CPU up for a moment. */
static bool bringing_up;

static u32 slot_state(int cpu)
{
	return READ_ONCE(twin_slot(&twin_below, twin_arch_apic_id(cpu))->state);
}

static void set_slot_state(int cpu, u32 state)
{
	WRITE_ONCE(twin_slot(&twin_below, twin_arch_apic_id(cpu))->state, state);
}

/* User space may not online a reserved CPU behind our back. */
static int refuse_reserved(unsigned int cpu)
{
	return cpumask_test_cpu(cpu, &twin_cpus) && !bringing_up ? -EBUSY : 0;
}

static int __init twin_cpus_init(void)
{
	int r = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "twin:cpu",
					  refuse_reserved, NULL);

	return r < 0 ? r : 0;
}
core_initcall(twin_cpus_init);

static int wait_parked(int cpu)
{
	unsigned int ms;

	for (ms = 0; ms < PARK_WAIT_MS; ms++) {
		if (slot_state(cpu) == TWIN_CPU_PARKED)
			return 0;
		usleep_range(1000, 1500);
	}
	pr_err("CPU %d did not park\n", cpu);
	return -EIO;
}

/* Needs the area: a reserved CPU that goes offline parks there. */
static int park_cpu(int cpu)
{
	int r;

	cpumask_set_cpu(cpu, &twin_cpus);
	r = remove_cpu(cpu);
	if (r) {
		cpumask_clear_cpu(cpu, &twin_cpus);
		return r;
	}
	return wait_parked(cpu);
}

static int bring_up(int cpu)
{
	int r;

	bringing_up = true;
	r = add_cpu(cpu);
	bringing_up = false;
	if (!r)
		set_slot_state(cpu, TWIN_CPU_AWAY);
	else
		pr_err("CPU %d does not come back: %d\n", cpu, r);
	return r;
}

/**
 * twin_cpus_check - may these CPUs be taken?
 * @cpus: CPUs of this kernel
 *
 * Return: 0, -EINVAL for none, -ENODEV for one that is not online, -ENOSPC if
 * none would be left, -EPERM for CPU 0, which cannot go offline.
 */
int twin_cpus_check(const struct cpumask *cpus)
{
	if (cpumask_empty(cpus))
		return -EINVAL;
	if (!cpumask_subset(cpus, cpu_online_mask))
		return -ENODEV;
	if (cpumask_equal(cpus, cpu_online_mask))
		return -ENOSPC;
	return cpumask_test_cpu(0, cpus) ? -EPERM : 0;
}

/**
 * twin_cpus_reserve - take CPUs from this kernel and park them
 * @cpus: CPUs that passed twin_cpus_check()
 *
 * Return: 0, or what CPU hotplug says; nothing is taken on failure.
 */
int twin_cpus_reserve(const struct cpumask *cpus)
{
	int cpu, r;

	for_each_cpu(cpu, cpus) {
		r = park_cpu(cpu);
		if (r) {
			twin_cpus_release();
			return r;
		}
	}
	return 0;
}

/**
 * twin_cpus_release - bring all reserved CPUs back into this kernel
 */
void twin_cpus_release(void)
{
	struct cpumask cpus = twin_cpus;
	int cpu;

	for_each_cpu(cpu, &cpus) {
		bring_up(cpu);
		cpumask_clear_cpu(cpu, &twin_cpus);
	}
	/* IPIs by shorthand are safe again: see twin_exists(). */
	arch_smt_update();
}

static int fence_cpu(int cpu, bool *any)
{
	if (slot_state(cpu) == TWIN_CPU_PARKED)
		return 0;
	*any = true;
	twin_arch_fence(&twin_below, twin_arch_apic_id(cpu));
	return wait_parked(cpu);
}

/* The boot processor first: the others may have to start it to its end. */
static int fence_running(bool *any)
{
	int cpu, bsp = twin_arch_apic_to_cpu(twin_arch_bsp());
	int r = 0;

	*any = false;
	if (bsp >= 0 && cpumask_test_cpu(bsp, &twin_cpus))
		r = fence_cpu(bsp, any);
	for_each_cpu(cpu, &twin_cpus)
		if (!r)
			r = fence_cpu(cpu, any);
	return r;
}

/**
 * twin_cpus_fence - stop and park every CPU of the twin, whatever it does
 *
 * A CPU that still runs may have just woken a parked one; hence the loop.
 *
 * Return: 0, or -EIO for a CPU that does not answer. That can only be the boot
 * processor, which must not get an INIT.
 */
int twin_cpus_fence(void)
{
	bool any;
	int r;

	WRITE_ONCE(twin_header(&twin_below)->fence, 1);
	do
		r = fence_running(&any);
	while (!r && any);
	return r;
}

/**
 * twin_cpus_bring_back - online what is offline, so that all CPUs can be parked
 *
 * A CPU that was left halting in this kernel's memory would be lost to the
 * next kernel, and a danger to it.
 */
void twin_cpus_bring_back(void)
{
	int cpu;

	for_each_present_cpu(cpu) {
		if (cpu_online(cpu) || cpumask_test_cpu(cpu, &twin_cpus))
			continue;
		if (add_cpu(cpu)) {
			pr_err("CPU %d is lost\n", cpu);
			set_slot_state(cpu, TWIN_CPU_LOST);
		}
	}
}
