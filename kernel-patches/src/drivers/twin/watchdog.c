// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware watchdogs over an upgrade. The old kernel pings those that run for
 * the last time when it parks, and names them to the twin. There they run on
 * as soon as their driver is bound; the watchdog core pings them until a
 * program opens them, as it does with one that the firmware has started.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/device.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/twin.h>
#include <linux/watchdog.h>

#include "twin.h"

/* From the park of the old kernel until the twin has bound its driver. */
#define TAKEOVER_S	120

/* Nests outside of the drivers' locks. */
static DEFINE_MUTEX(watchdogs_lock);
static struct watchdog_device *watchdogs[TWIN_MAX_WATCHDOGS];

static struct twin_platform *platform_of(const struct twin_area *area)
{
	return area->base + TWIN_OFF_PLATFORM;
}

/* The same in both kernels, unlike the number. */
static const char *watchdog_name(const struct watchdog_device *wdd)
{
	return wdd->parent ? dev_name(wdd->parent) :
			     (const char *)wdd->info->identity;
}

static const struct twin_platform_watchdog *
find_running(const struct watchdog_device *wdd)
{
	struct twin_platform_watchdog *dogs;
	unsigned int i;

	if (!twin_above.base)
		return NULL;
	dogs = platform_of(&twin_above)->watchdogs;
	for (i = 0; i < TWIN_MAX_WATCHDOGS; i++)
		if (dogs[i].timeout &&
		    !strncmp(dogs[i].name, watchdog_name(wdd),
			     sizeof(dogs[i].name)))
			return &dogs[i];
	return NULL;
}

static void run_on(struct watchdog_device *wdd, u32 timeout)
{
	int r = 0;

	if (wdd->ops->set_timeout)
		r = wdd->ops->set_timeout(wdd, timeout);
	if (!r)
		r = wdd->ops->start(wdd);
	if (r) {
		pr_err("watchdog %s does not go on: %d\n", watchdog_name(wdd), r);
		return;
	}
	set_bit(WDOG_HW_RUNNING, &wdd->status);
	pr_info("watchdog %s goes on, %u s\n", watchdog_name(wdd), timeout);
}

/**
 * twin_watchdog_add - a watchdog is about to be registered
 * @wdd: the watchdog, with its driver's settings
 */
void twin_watchdog_add(struct watchdog_device *wdd)
{
	const struct twin_platform_watchdog *running = find_running(wdd);
	unsigned int i;

	if (running && !watchdog_hw_running(wdd))
		run_on(wdd, running->timeout);

	mutex_lock(&watchdogs_lock);
	for (i = 0; i < TWIN_MAX_WATCHDOGS; i++) {
		if (!watchdogs[i]) {
			watchdogs[i] = wdd;
			break;
		}
	}
	mutex_unlock(&watchdogs_lock);
}

/**
 * twin_watchdog_remove - a watchdog goes away
 * @wdd: the watchdog
 */
void twin_watchdog_remove(struct watchdog_device *wdd)
{
	unsigned int i;

	mutex_lock(&watchdogs_lock);
	for (i = 0; i < TWIN_MAX_WATCHDOGS; i++)
		if (watchdogs[i] == wdd)
			watchdogs[i] = NULL;
	mutex_unlock(&watchdogs_lock);
}

/* The takeover may take longer than a program needs to ping again. */
static void give_time(struct watchdog_device *wdd)
{
	unsigned int longest = TAKEOVER_S;

	if (wdd->max_hw_heartbeat_ms)
		longest = min(longest, wdd->max_hw_heartbeat_ms / 1000);
	else if (wdd->max_timeout)
		longest = min(longest, wdd->max_timeout);
	if (wdd->ops->set_timeout && longest > wdd->timeout)
		wdd->ops->set_timeout(wdd, longest);
}

static bool hand_over(struct watchdog_device *wdd,
		      struct twin_platform_watchdog *to)
{
	if (!watchdog_active(wdd) && !watchdog_hw_running(wdd))
		return false;
	strscpy(to->name, watchdog_name(wdd));
	to->timeout = wdd->timeout;
	give_time(wdd);
	if (wdd->ops->ping)
		wdd->ops->ping(wdd);
	else
		wdd->ops->start(wdd);
	return true;
}

/**
 * twin_watchdogs_park - leave the running watchdogs to the twin
 *
 * This kernel pings none of them any more.
 */
void twin_watchdogs_park(void)
{
	struct twin_platform_watchdog *dogs = platform_of(&twin_below)->watchdogs;
	unsigned int i, n = 0;

	mutex_lock(&watchdogs_lock);
	for (i = 0; i < TWIN_MAX_WATCHDOGS; i++)
		if (watchdogs[i] && hand_over(watchdogs[i], &dogs[n]))
			n++;
	mutex_unlock(&watchdogs_lock);
}
