// SPDX-License-Identifier: GPL-2.0
/*
 * What the twin below does, as this kernel sees it: its heartbeat and its last
 * words are watched, and every change goes to whoever reads /dev/twin.
 */
#include <linux/jiffies.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/twin.h>

#include <asm/msr.h>
#include <asm/tsc.h>

#include "channel.h"
#include "events.h"
#include "twin.h"

static DEFINE_RAW_SPINLOCK(state_lock);
static enum twin_state current_state;
static bool watching;
static bool commit_posted;
static u64 beats_seen;
static unsigned long beat_jiffies;

static void watch(struct timer_list *timer);
static DEFINE_TIMER(watch_timer, watch);

/** twin_get_state - state of the twin below */
enum twin_state twin_get_state(void)
{
	return READ_ONCE(current_state);
}

/** twin_beats_seen - heartbeats of the twin below since its boot */
u64 twin_beats_seen(void)
{
	return READ_ONCE(beats_seen);
}

/**
 * twin_exists - do CPUs of another kernel live on this machine?
 *
 * Then no interrupt may be sent by shorthand: it would reach them as well.
 */
bool twin_exists(void)
{
	return !cpumask_empty(&twin_cpus) || !twin_owns_machine();
}

static void set_state_locked(enum twin_state state)
{
	if (state == current_state)
		return;
	WRITE_ONCE(current_state, state);
	twin_post_event(state, rdtsc_ordered());
}

/**
 * twin_set_state - change the state of the twin below and tell readers
 * @state: the new one
 */
void twin_set_state(enum twin_state state)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&state_lock, flags);
	set_state_locked(state);
	raw_spin_unlock_irqrestore(&state_lock, flags);
}

static void look_at_commit(struct twin_handover *ho)
{
	if (commit_posted || READ_ONCE(ho->commit) != TWIN_COMMIT_TWIN)
		return;
	commit_posted = true;
	twin_post_event(TWIN_EVENT_COMMITTED, rdtsc_ordered());
}

static void look_at_heartbeat(struct twin_handover *ho)
{
	u64 beats = READ_ONCE(ho->beats);

	if (beats != beats_seen) {
		WRITE_ONCE(beats_seen, beats);
		beat_jiffies = jiffies;
		set_state_locked(TWIN_STATE_ALIVE);
	} else if (current_state == TWIN_STATE_ALIVE &&
		   time_after(jiffies, beat_jiffies +
			      msecs_to_jiffies(TWIN_HEARTBEAT_LOST_MS))) {
		set_state_locked(TWIN_STATE_LOST);
	}
}

static void look(void)
{
	struct twin_handover *ho = twin_header(&twin_below);
	u32 reported = READ_ONCE(ho->twin_state);

	look_at_commit(ho);
	if (reported == TWIN_STATE_PANICKED ||
	    reported == TWIN_STATE_HALTED ||
	    reported == TWIN_STATE_REFUSED)
		set_state_locked(reported);
	else
		look_at_heartbeat(ho);
}

static void look_if_watching(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&state_lock, flags);
	if (watching)
		look();
	raw_spin_unlock_irqrestore(&state_lock, flags);
}

/**
 * twin_doorbell - the other kernel has something to say
 *
 * Interrupt context.
 */
void twin_doorbell(void)
{
	look_if_watching();
	twin_channel_doorbell();
}

static void watch(struct timer_list *timer)
{
	twin_doorbell();
	if (READ_ONCE(watching))
		mod_timer(&watch_timer,
			  jiffies + msecs_to_jiffies(TWIN_HEARTBEAT_MS));
}

/** twin_watch_start - the twin below is about to boot */
void twin_watch_start(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&state_lock, flags);
	beats_seen = 0;
	commit_posted = false;
	watching = true;
	set_state_locked(TWIN_STATE_BOOTING);
	raw_spin_unlock_irqrestore(&state_lock, flags);
	mod_timer(&watch_timer, jiffies + msecs_to_jiffies(TWIN_HEARTBEAT_MS));
}

/** twin_watch_stop - the twin below was stopped; its area may go */
void twin_watch_stop(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&state_lock, flags);
	watching = false;
	raw_spin_unlock_irqrestore(&state_lock, flags);
	timer_delete_sync(&watch_timer);
}
