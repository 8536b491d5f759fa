// SPDX-License-Identifier: GPL-2.0
/*
 * This kernel as a twin: it shows the kernel above that it lives, commits, and
 * takes the machine over.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/panic_notifier.h>
#include <linux/timer.h>
#include <linux/twin.h>

#include <asm/cmpxchg.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "channel.h"
#include "twin.h"

struct twin_area twin_above;

static bool owns_machine;

static void beat(struct timer_list *timer);
static DEFINE_TIMER(beat_timer, beat);

/**
 * twin_owns_machine - is there no kernel above this one?
 */
bool twin_owns_machine(void)
{
	return !twin_is_guest() || READ_ONCE(owns_machine);
}

static bool has_kernel_above(void)
{
	return twin_above.base && !owns_machine;
}

static void ring_above(void)
{
	twin_arch_doorbell(twin_header(&twin_above)->old_apic_id);
}

/**
 * twin_ring_doorbell_peer - interrupt the kernel at the other end of the
 *			     channel
 */
void twin_ring_doorbell_peer(void)
{
	if (has_kernel_above())
		ring_above();
	else if (twin_get_state() >= TWIN_STATE_BOOTING)
		twin_arch_doorbell(twin_header(&twin_below)->twin_apic_id);
}

/**
 * twin_guest_set_state - tell the kernel above what became of this one
 * @state: PANICKED or HALTED; the first one told stays
 */
void twin_guest_set_state(enum twin_state state)
{
	u32 *told;

	if (!has_kernel_above())
		return;
	told = &twin_header(&twin_above)->twin_state;
	sync_cmpxchg(told, TWIN_STATE_ALIVE, state);
	sync_cmpxchg(told, TWIN_STATE_NONE, state);
	ring_above();
}

static void beat(struct timer_list *timer)
{
	struct twin_handover *ho = twin_header(&twin_above);

	if (!has_kernel_above())
		return;
	if (!ho->beats) {
		ho->tsc_alive = rdtsc_ordered();
		sync_cmpxchg(&ho->twin_state, TWIN_STATE_NONE, TWIN_STATE_ALIVE);
	}
	WRITE_ONCE(ho->beats, ho->beats + 1);
	twin_channel_doorbell();
	mod_timer(&beat_timer, jiffies + msecs_to_jiffies(TWIN_HEARTBEAT_MS));
}

static int on_panic(struct notifier_block *nb, unsigned long action, void *data)
{
	twin_guest_set_state(TWIN_STATE_PANICKED);
	return NOTIFY_DONE;
}

static struct notifier_block panic_notifier = {
	.notifier_call = on_panic,
};

/**
 * twin_guest_commit - take the applications, if the old kernel still lets us
 *
 * Return: 0, -ECANCELED if it has aborted, -EPERM if this kernel is no twin
 * that could commit.
 */
int twin_guest_commit(void)
{
	u32 was;

	if (!has_kernel_above())
		return -EPERM;
	was = sync_cmpxchg(&twin_header(&twin_above)->commit, TWIN_COMMIT_OLD,
			   TWIN_COMMIT_TWIN);
	if (was == TWIN_COMMIT_ABORTED)
		return -ECANCELED;
	ring_above();
	return 0;
}

static bool all_parked(const struct twin_handover *ho)
{
	unsigned int i;

	if (!READ_ONCE(ho->old_parked))
		return false;
	for (i = 0; i < ho->nr_cpus; i++) {
		const struct twin_handover_cpu *cpu = &ho->cpus[i];
		struct twin_slot *slot = twin_slot(&twin_above, cpu->apic_id);

		if (!(cpu->flags & TWIN_CPU_GIVEN) &&
		    READ_ONCE(slot->state) != TWIN_CPU_PARKED &&
		    READ_ONCE(slot->state) != TWIN_CPU_LOST)
			return false;
	}
	return true;
}

static int wait_for_old_kernel(const struct twin_handover *ho, u32 timeout_ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(timeout_ms);

	while (!all_parked(ho)) {
		if (time_after(jiffies, end))
			return -ETIMEDOUT;
		if (msleep_interruptible(1))
			return -EINTR;
	}
	return 0;
}

static int online_cpu(const struct twin_handover_cpu *entry)
{
	int cpu = twin_arch_apic_to_cpu(entry->apic_id);
	int r;

	if (cpu < 0 || cpu_online(cpu) || entry->flags & TWIN_CPU_OFFLINE)
		return 0;
	r = add_cpu(cpu);
	if (r)
		pr_err("CPU %d does not come online: %d\n", cpu, r);
	return r;
}

/* What was offline in the old kernel stays so. */
static int online_all_cpus(void)
{
	const struct twin_handover *ho = twin_header(&twin_above);
	unsigned int i;
	int r, ret = 0;

	for (i = 0; i < ho->nr_cpus; i++) {
		r = online_cpu(&ho->cpus[i]);
		ret = ret ?: r;
	}
	return ret;
}

static int become_owner(u32 timeout_ms)
{
	struct twin_handover *ho = twin_header(&twin_above);
	int r;

	if (owns_machine)
		return 0;
	r = wait_for_old_kernel(ho, timeout_ms);
	if (r)
		return r;
	WRITE_ONCE(owns_machine, true);
	timer_delete_sync(&beat_timer);
	twin_channel_stop();
	twin_post_event(TWIN_EVENT_OLD_PARKED, rdtsc_ordered());
	pr_info("the old kernel has parked, the machine is ours\n");
	return 0;
}

static int take_devices(void)
{
	int r;

	r = twin_arch_take_board();
	if (r)
		return r;
	r = twin_arch_take_functions();
	return r ?: twin_arch_take_legacy();
}

/**
 * twin_guest_takeover - become the only kernel of the machine
 * @arg: what to take, and how long to wait for the old kernel to park; the
 *	 results are filled in
 *
 * Return: 0, -EPERM before the commit, -ETIMEDOUT, -EINTR, or why a part
 * cannot be had. May be called again.
 */
int twin_guest_takeover(struct twin_takeover *arg)
{
	int r;

	if (!twin_above.base ||
	    READ_ONCE(twin_header(&twin_above)->commit) != TWIN_COMMIT_TWIN)
		return -EPERM;

	r = become_owner(arg->timeout_ms);
	if (!r && arg->parts & TWIN_TAKE_CPUS)
		r = online_all_cpus();
	if (!r && arg->parts & TWIN_TAKE_MEMORY)
		r = twin_memory_takeover();
	if (!r && arg->parts & TWIN_TAKE_DEVICES)
		r = take_devices();
	arg->nr_cpus = num_online_cpus();
	arg->mem_size = PFN_PHYS(totalram_pages());
	return r;
}

/* Before SMP bring-up, which goes through the area. */
static int __init twin_guest_early_init(void)
{
	phys_addr_t pa = twin_arch_guest_area();

	if (!pa)
		return 0;
	twin_above.pa = pa;
	twin_above.base = memremap(pa, TWIN_HANDOVER_SIZE, MEMREMAP_WB);
	if (!twin_above.base)
		panic("twin: cannot map the hand-over area\n");
	twin_arch_attach_area(&twin_above);
	twin_log_init();
	atomic_notifier_chain_register(&panic_notifier_list, &panic_notifier);
	return 0;
}
early_initcall(twin_guest_early_init);

static int __init twin_guest_init(void)
{
	int r;

	if (!twin_above.base)
		return 0;
	r = twin_channel_start(twin_above.base + TWIN_OFF_CHANNEL,
			       TWIN_CHANNEL_SIZE, true);
	if (r)
		pr_err("no channel to the old kernel: %d\n", r);
	mod_timer(&beat_timer, jiffies);
	return r;
}
late_initcall(twin_guest_init);
