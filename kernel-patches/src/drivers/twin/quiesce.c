// SPDX-License-Identifier: GPL-2.0
/*
 * Devices come to rest, and back, by the callbacks that their drivers have for
 * hibernation. After freeze a device neither writes to memory nor interrupts,
 * and another kernel may drive it; restore expects nothing of its state. What
 * user space has open, mounted or configured stays and waits meanwhile.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/bits.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/pm.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "twin.h"

/* How long the functions of the machine may take at its end, twice at most. */
#define MACHINE_MS	5000

enum step {
	PREPARE,
	FREEZE,
	FREEZE_LATE,
	FREEZE_NOIRQ,
	RESTORE_NOIRQ,
	RESTORE_EARLY,
	RESTORE,
};

/**
 * struct quiet_device - a device of which some steps were done
 * @list: the others of the same function, parents first
 * @dev:  the device, referenced
 * @done: BIT(step)
 */
struct quiet_device {
	struct list_head list;
	struct device *dev;
	unsigned long done;
};

typedef int (*pm_callback)(struct device *dev);

static pm_callback step_of(const struct dev_pm_ops *ops, enum step step)
{
	if (!ops)
		return NULL;
	switch (step) {
	case PREPARE:
		return ops->prepare;
	case FREEZE:
		return ops->freeze;
	case FREEZE_LATE:
		return ops->freeze_late;
	case FREEZE_NOIRQ:
		return ops->freeze_noirq;
	case RESTORE_NOIRQ:
		return ops->restore_noirq;
	case RESTORE_EARLY:
		return ops->restore_early;
	case RESTORE:
		return ops->restore;
	}
	return NULL;
}

/* The precedence is that of drivers/base/power/main.c. */
static const struct dev_pm_ops *subsystem_ops(const struct device *dev)
{
	if (dev->pm_domain)
		return &dev->pm_domain->ops;
	if (dev->type && dev->type->pm)
		return dev->type->pm;
	if (dev->class && dev->class->pm)
		return dev->class->pm;
	return dev->bus ? dev->bus->pm : NULL;
}

static const struct dev_pm_ops *driver_ops(const struct device *dev)
{
	return dev->driver ? dev->driver->pm : NULL;
}

static int run_step(struct device *dev, enum step step)
{
	pm_callback callback;
	int r = 0;

	device_lock(dev);
	callback = step_of(subsystem_ops(dev), step) ?:
		   step_of(driver_ops(dev), step);
	if (callback)
		r = callback(dev);
	device_unlock(dev);
	/* A positive answer to prepare is advice for suspend only. */
	return min(r, 0);
}

static void run_complete(struct device *dev)
{
	const struct dev_pm_ops *subsystem = subsystem_ops(dev);
	const struct dev_pm_ops *driver = driver_ops(dev);

	device_lock(dev);
	if (subsystem && subsystem->complete)
		subsystem->complete(dev);
	else if (driver && driver->complete)
		driver->complete(dev);
	device_unlock(dev);
}

static int collect_child(struct device *dev, void *devices);

static int collect(struct device *dev, struct list_head *devices)
{
	/* At the end of the kernel no filesystem can be written to. */
	struct quiet_device *quiet = kzalloc(sizeof(*quiet), GFP_NOIO);

	if (!quiet)
		return -ENOMEM;
	quiet->dev = get_device(dev);
	pm_runtime_get_noresume(dev);
	list_add_tail(&quiet->list, devices);
	return device_for_each_child(dev, devices, collect_child);
}

/* What hangs on a bridge are functions of their own. */
static int collect_child(struct device *dev, void *devices)
{
	return dev_is_pci(dev) ? 0 : collect(dev, devices);
}

static int quiesce_step(struct quiet_device *quiet, enum step step)
{
	int r = run_step(quiet->dev, step);

	if (r)
		dev_err(quiet->dev, "twin: does not come to rest: %d\n", r);
	else
		quiet->done |= BIT(step);
	return r;
}

static int quiesce_all(struct list_head *devices)
{
	struct quiet_device *quiet;
	enum step step;
	int r;

	list_for_each_entry(quiet, devices, list) {
		r = quiesce_step(quiet, PREPARE);
		if (r)
			return r;
	}
	for (step = FREEZE; step <= FREEZE_NOIRQ; step++) {
		list_for_each_entry_reverse(quiet, devices, list) {
			r = quiesce_step(quiet, step);
			if (r)
				return r;
		}
	}
	return 0;
}

static int restore_step(struct list_head *devices, enum step done,
			enum step step)
{
	struct quiet_device *quiet;
	int r, ret = 0;

	list_for_each_entry(quiet, devices, list) {
		if (!(quiet->done & BIT(done)))
			continue;
		r = run_step(quiet->dev, step);
		if (r) {
			dev_err(quiet->dev, "twin: does not come back: %d\n", r);
			ret = r;
		}
	}
	return ret;
}

static void complete_all_devices(struct list_head *devices)
{
	struct quiet_device *quiet, *next;

	list_for_each_entry_safe_reverse(quiet, next, devices, list) {
		if (quiet->done & BIT(PREPARE))
			run_complete(quiet->dev);
		pm_runtime_put(quiet->dev);
		put_device(quiet->dev);
		list_del(&quiet->list);
		kfree(quiet);
	}
}

/**
 * twin_resume - let the drivers of a function go on
 * @devices: what twin_quiesce() has filled; is empty afterwards
 *
 * Return: 0, or what a driver could not bring back; the others are back then.
 */
int twin_resume(struct list_head *devices)
{
	int r, ret;

	ret = restore_step(devices, FREEZE_NOIRQ, RESTORE_NOIRQ);
	r = restore_step(devices, FREEZE_LATE, RESTORE_EARLY);
	ret = ret ?: r;
	r = restore_step(devices, FREEZE, RESTORE);
	ret = ret ?: r;
	complete_all_devices(devices);
	return ret;
}

static int freeze_function(struct pci_dev *pdev, struct list_head *devices)
{
	int r;

	pm_runtime_get_sync(&pdev->dev);
	r = collect(&pdev->dev, devices);
	if (!r)
		r = quiesce_all(devices);
	pm_runtime_put_noidle(&pdev->dev);
	return r;
}

/**
 * twin_quiesce - bring a function and all that hangs on it to rest
 * @pdev:    the function
 * @devices: an empty list, for twin_resume()
 *
 * Return: 0, or what a driver says; all goes on as before then.
 */
int twin_quiesce(struct pci_dev *pdev, struct list_head *devices)
{
	int r = freeze_function(pdev, devices);

	if (r)
		twin_resume(devices);
	else
		pci_clear_master(pdev);
	return r;
}

/* One function at the end of the kernel; never freed. */
struct last_rest {
	struct work_struct work;
	struct list_head list;
	struct list_head devices;
	struct pci_dev *pdev;
	bool done;
};

static struct workqueue_struct *rest_queue;

static void rest_work(struct work_struct *work)
{
	struct last_rest *rest = container_of(work, struct last_rest, work);

	if (!freeze_function(rest->pdev, &rest->devices))
		WRITE_ONCE(rest->done, true);
}

static void start_rest(struct pci_dev *pdev, struct list_head *rests)
{
	struct last_rest *rest = kzalloc(sizeof(*rest), GFP_NOIO);

	if (!rest)
		return;
	INIT_WORK(&rest->work, rest_work);
	INIT_LIST_HEAD(&rest->devices);
	rest->pdev = pci_dev_get(pdev);
	list_add_tail(&rest->list, rests);
	queue_work(rest_queue, &rest->work);
}

static bool any_busy(const struct list_head *rests)
{
	struct last_rest *rest;

	list_for_each_entry(rest, rests, list)
		if (work_busy(&rest->work))
			return true;
	return false;
}

/* A device that does not come to rest may not even interrupt. */
static void give_up(const struct list_head *rests)
{
	struct last_rest *rest;

	list_for_each_entry(rest, rests, list) {
		if (READ_ONCE(rest->done))
			continue;
		pci_warn(rest->pdev, "twin: still busy, cut off\n");
		pci_intx(rest->pdev, 0);
	}
}

static void rest_functions(bool bridges)
{
	unsigned long end = jiffies + msecs_to_jiffies(MACHINE_MS);
	struct pci_dev *pdev = NULL;
	LIST_HEAD(rests);

	for_each_pci_dev(pdev)
		if (pdev->driver && pci_is_bridge(pdev) == bridges &&
		    !twin_function_is_lent(pdev))
			start_rest(pdev, &rests);
	while (any_busy(&rests) && time_before(jiffies, end))
		usleep_range(200, 400);
	give_up(&rests);
}

/**
 * twin_quiesce_machine - bring every function of the machine to rest, for good
 *
 * All functions at once and for a limited time: the way leads forward only, so
 * what is stuck is cut off.
 */
void twin_quiesce_machine(void)
{
	struct pci_dev *pdev = NULL;

	rest_functions(false);
	rest_functions(true);
	/* What no driver has touched stays as the firmware left it. */
	for_each_pci_dev(pdev)
		if ((pdev->driver || pdev->is_busmaster) &&
		    !twin_function_is_lent(pdev))
			pci_clear_master(pdev);
}

static int __init twin_quiesce_init(void)
{
	rest_queue = alloc_workqueue("twin", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return rest_queue ? 0 : -ENOMEM;
}
device_initcall(twin_quiesce_init);
