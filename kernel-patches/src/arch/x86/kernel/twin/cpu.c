// SPDX-License-Identifier: GPL-2.0
/*
 * Moving CPUs between kernels: park, wake, and the doorbell.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/smp.h>
#include <linux/topology.h>

#include <asm/apic.h>
#include <asm/cpu.h>
#include <asm/hw_irq.h>
#include <asm/io_apic.h>
#include <asm/msr.h>

#include "arch.h"

/* How often and how long a parked CPU is asked to leave before it is given up. */
#define WAKE_TRIES	50
#define WAKE_WAIT_US	20000
#define PARK_WAIT_MS	2000

/**
 * twin_arch_apic_id - physical APIC id of a CPU of this kernel
 * @cpu: logical CPU, possible
 */
u32 twin_arch_apic_id(int cpu)
{
	return per_cpu(x86_cpu_to_apicid, cpu);
}

/**
 * twin_arch_apic_to_cpu - logical CPU of an APIC id
 * @apic_id: physical APIC id
 *
 * Return: the CPU, or -ENODEV if this kernel does not know it.
 */
int twin_arch_apic_to_cpu(u32 apic_id)
{
	int cpu;

	for_each_present_cpu(cpu)
		if (twin_arch_apic_id(cpu) == apic_id)
			return cpu;
	return -ENODEV;
}

/** twin_arch_la57 - does this kernel page with five levels? */
bool twin_arch_la57(void)
{
	return pgtable_l5_enabled();
}

/**
 * twin_arch_park - leave this kernel and halt in a hand-over area
 * @area:  the area
 * @above: it is the one this kernel was booted by
 *
 * Interrupts are off and the CPU is dead to the scheduler.
 */
void __noreturn twin_arch_park(const struct twin_area *area, bool above)
{
	u32 apic_id = read_apic_id();
	struct twin_slot *slot = twin_slot(area, apic_id);
	unsigned long cross = above ? TWIN_OFF_CROSS_TWIN : TWIN_OFF_CROSS_OLD;

	/* What is pending by now the park code takes and drops. */
	clear_local_APIC();
	slot->entry = 0;
	slot->go = 0;
	twin_park_jump(area->pa + cross, area->pa + TWIN_OFF_CODE,
		       area->pa + TWIN_OFF_SLOTS + apic_id * TWIN_SLOT_SIZE,
		       area->pa);
	for (;;)
		native_halt();
}

static void park_this_cpu(void *info)
{
	local_irq_disable();
	twin_arch_park(info, false);
}

/**
 * twin_arch_park_others - park every online CPU but this one, for good
 * @area: area of the twin that takes them
 */
void twin_arch_park_others(const struct twin_area *area)
{
	unsigned int ms;
	int cpu;

	smp_call_function(park_this_cpu, (void *)area, 0);

	for (ms = 0; ms < PARK_WAIT_MS; ms++) {
		bool all = true;

		for_each_online_cpu(cpu) {
			struct twin_slot *slot;

			slot = twin_slot(area, twin_arch_apic_id(cpu));
			if (cpu != smp_processor_id() &&
			    READ_ONCE(slot->state) != TWIN_CPU_PARKED)
				all = false;
		}
		if (all)
			return;
		mdelay(1);
	}
}

/**
 * twin_arch_park_last - the end of this kernel
 * @area: area of the twin that takes this CPU
 *
 * No interrupt may be routed to a CPU of this kernel any more.
 */
void __noreturn twin_arch_park_last(const struct twin_area *area)
{
	local_irq_disable();
	clear_IO_APIC();
	twin_arch_park(area, false);
}

/**
 * twin_arch_send - send an interrupt to a CPU, whichever kernel it runs
 * @apic_id: its APIC id
 * @what:    low word of the ICR: delivery mode, vector
 */
void twin_arch_send(u32 apic_id, u32 what)
{
	unsigned long flags;

	local_irq_save(flags);
	safe_apic_wait_icr_idle();
	apic_icr_write(what, apic_id);
	local_irq_restore(flags);
}

static bool wait_leaving(struct twin_slot *slot)
{
	unsigned int us;

	for (us = 0; us < WAKE_WAIT_US; us += 10) {
		if (READ_ONCE(slot->state) == TWIN_CPU_LEAVING)
			return true;
		usleep_range(10, 20);
	}
	return false;
}

/**
 * twin_arch_wake - send a parked CPU off
 * @area:    area in which it is parked
 * @apic_id: its APIC id
 * @entry:   physical address to jump to, inside the identity map
 * @arg:     value of RSI there
 *
 * May sleep.
 *
 * Return: 0, -ENODEV if no CPU is parked there, -ETIMEDOUT if it does not
 * answer.
 */
int twin_arch_wake(const struct twin_area *area, u32 apic_id, u64 entry, u64 arg)
{
	struct twin_slot *slot = twin_slot(area, apic_id);
	unsigned int try;

	if (READ_ONCE(slot->state) != TWIN_CPU_PARKED)
		return -ENODEV;

	slot->arg = arg;
	/* The parked CPU reads @arg only after it has seen @entry. */
	smp_store_release(&slot->entry, entry);
	for (try = 0; try < WAKE_TRIES; try++) {
		twin_arch_send(apic_id, APIC_DM_NMI | APIC_DEST_PHYSICAL);
		if (wait_leaving(slot)) {
			/* Let the last NMI arrive while there is an IDT. */
			usleep_range(20, 40);
			/* Behind this the CPU may be gone: no more NMIs. */
			smp_store_release(&slot->go, 1);
			return 0;
		}
	}
	slot->entry = 0;
	return -ETIMEDOUT;
}

/**
 * twin_arch_doorbell - interrupt a CPU of the other kernel
 * @apic_id: its APIC id
 */
void twin_arch_doorbell(u32 apic_id)
{
	twin_arch_send(apic_id, APIC_DM_FIXED | APIC_DEST_PHYSICAL |
				X86_PLATFORM_IPI_VECTOR);
}

/**
 * twin_arch_park_fenced - the kernel above wants this CPU back
 *
 * NMI context.
 */
void __noreturn twin_arch_park_fenced(void)
{
	twin_arch_park(&twin_above, true);
}

static void play_dead_parked(const struct twin_area *area, bool above)
{
	play_dead_common();
	twin_arch_park(area, above);
}

/* An offlined CPU waits in the area of whoever may want it next. */
static void twin_play_dead(void)
{
	if (cpumask_test_cpu(smp_processor_id(), &twin_cpus))
		play_dead_parked(&twin_below, false);
	else if (twin_is_guest())
		play_dead_parked(&twin_above, true);
	native_play_dead();
}

static int __init twin_cpu_init(void)
{
	smp_ops.play_dead = twin_play_dead;
	x86_platform_ipi_callback = twin_doorbell;
	return 0;
}
early_initcall(twin_cpu_init);
