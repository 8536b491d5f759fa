// SPDX-License-Identifier: GPL-2.0
/*
 * Neither of two kernels may put the machine to sleep: it would take the other
 * with it, and a twin cannot even wake up again.
 */
#include <linux/init.h>
#include <linux/notifier.h>
#include <linux/suspend.h>
#include <linux/twin.h>

static int refuse_sleep(struct notifier_block *nb, unsigned long action,
			void *data)
{
	switch (action) {
	case PM_HIBERNATION_PREPARE:
	case PM_SUSPEND_PREPARE:
		return notifier_from_errno(twin_exists() ? -EBUSY : 0);
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block sleep_notifier = {
	.notifier_call = refuse_sleep,
};

static int __init twin_sleep_init(void)
{
	return register_pm_notifier(&sleep_notifier);
}
device_initcall(twin_sleep_init);
