// SPDX-License-Identifier: GPL-2.0
/*
 * A write to /sys/module/twin/parameters/hang stops this kernel for good,
 * every CPU in a loop with interrupts off. For tests of what the other kernel
 * makes of that.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/smp.h>

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "twin."

static void hang(void *info)
{
	local_irq_disable();
	for (;;)
		cpu_relax();
}

static int hang_all(const char *value, const struct kernel_param *param)
{
	pr_crit("hangs, as it was told to\n");
	smp_call_function(hang, NULL, 0);
	hang(NULL);
	return 0;
}

static const struct kernel_param_ops hang_ops = {
	.set = hang_all,
};
module_param_cb(hang, &hang_ops, NULL, 0200);
