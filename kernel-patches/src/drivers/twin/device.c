// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/twin: checks every call and hands it to the part that does the work.
 * The interface is documented in <linux/twin.h> of the uapi.
 */
#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/miscdevice.h>
#include <linux/twin.h>
#include <linux/uaccess.h>

#include <asm/msr.h>
#include <asm/tsc.h>

#include "channel.h"
#include "events.h"
#include "twin.h"

#define TAKEOVER_PARTS	(TWIN_TAKE_CPUS | TWIN_TAKE_MEMORY | TWIN_TAKE_DEVICES)

/* Serialises every change of state; INFO and READ_LOG go without. */
DEFINE_MUTEX(twin_lock);

VISIBLE_IF_KUNIT void twin_cpus_to_user(u64 *words, const struct cpumask *cpus)
{
	int cpu;

	for_each_cpu(cpu, cpus)
		if (cpu < TWIN_MAX_CPUS)
			words[cpu / 64] |= BIT_ULL(cpu % 64);
}

VISIBLE_IF_KUNIT int twin_cpus_from_user(struct cpumask *cpus, const u64 *words)
{
	int cpu;

	cpumask_clear(cpus);
	for (cpu = 0; cpu < TWIN_MAX_CPUS; cpu++) {
		if (!(words[cpu / 64] & BIT_ULL(cpu % 64)))
			continue;
		if (cpu >= nr_cpu_ids)
			return -ENODEV;
		cpumask_set_cpu(cpu, cpus);
	}
	return 0;
}

static u32 info_flags(void)
{
	u32 flags = 0;

	if (twin_is_guest())
		flags |= TWIN_INFO_IS_TWIN;
	if (twin_owns_machine())
		flags |= TWIN_INFO_OWNS_MACHINE;
	if (twin_region_boot_size())
		flags |= TWIN_INFO_BOOT_REGION;
	if (twin_arch_la57())
		flags |= TWIN_INFO_LA57;
	return flags;
}

/* The area that INFO and READ_LOG speak of: a twin's own, or its twin's. */
static const struct twin_area *info_area(void)
{
	return twin_below.base ? &twin_below : &twin_above;
}

static void info_from_area(struct twin_info *info)
{
	const struct twin_area *area = info_area();
	const struct twin_handover *ho;

	if (!area->base)
		return;
	ho = twin_header(area);
	info->commit = READ_ONCE(ho->commit);
	info->tsc_boot = ho->tsc_boot;
	info->tsc_entry = ho->tsc_entry;
	info->tsc_alive = ho->tsc_alive;
	info->log_size = READ_ONCE(ho->log_head);
	if (area == &twin_below) {
		info->state = twin_get_state();
		info->heartbeats = twin_beats_seen();
		info->mem_start = twin_region.ram.start;
		info->mem_size = twin_region.ram.size + twin_region.pmem.size;
		info->pmem_start = twin_region.pmem.start;
		info->pmem_size = twin_region.pmem.size;
		twin_cpus_to_user(info->cpus, &twin_cpus);
	} else if (!twin_owns_machine()) {
		info->state = READ_ONCE(ho->twin_state);
		info->heartbeats = READ_ONCE(ho->beats);
		info->mem_start = ho->mem_start;
		info->mem_size = ho->mem_size + ho->pmem_size;
		info->pmem_start = ho->pmem_start;
		info->pmem_size = ho->pmem_size;
		twin_cpus_to_user(info->cpus, cpu_online_mask);
	}
}

static int ioctl_info(void __user *arg)
{
	struct twin_info info = {
		.abi = TWIN_ABI_VERSION,
		.flags = info_flags(),
		.mem_size = twin_region_boot_size(),
		.block_size = twin_region_block_size(),
		.tsc_khz = tsc_khz,
		.cid = twin_owns_machine() ? TWIN_CID_OLD : TWIN_CID_TWIN,
		.boot_cpu = twin_arch_apic_to_cpu(twin_arch_bsp()),
	};

	mutex_lock(&twin_area_lock);
	info_from_area(&info);
	mutex_unlock(&twin_area_lock);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static int reserve(const struct twin_reserve *arg, const struct cpumask *cpus)
{
	int r;

	r = twin_cpus_check(cpus);
	if (r)
		return r;
	r = twin_region_reserve(arg->mem_size, arg->pmem_size);
	if (r)
		return r;
	r = twin_cpus_reserve(cpus);
	if (r) {
		twin_region_release();
		return r;
	}
	twin_set_state(TWIN_STATE_RESERVED);
	return 0;
}

static int ioctl_reserve(void __user *uarg)
{
	struct twin_reserve arg;
	struct cpumask cpus;
	int r;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (!twin_owns_machine())
		return -EPERM;
	if (twin_get_state() != TWIN_STATE_NONE)
		return -EBUSY;
	r = twin_cpus_from_user(&cpus, arg.cpus);
	return r ?: reserve(&arg, &cpus);
}

static int ioctl_release(void)
{
	switch (twin_get_state()) {
	case TWIN_STATE_NONE:
		return 0;
	case TWIN_STATE_RESERVED:
	case TWIN_STATE_LOADED:
		twin_kexec_unload();
		twin_cpus_release();
		twin_region_release();
		twin_set_state(TWIN_STATE_NONE);
		return 0;
	default:
		return -EBUSY;
	}
}

static int ioctl_takeover(void __user *uarg)
{
	struct twin_takeover arg;
	int r;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved || arg.parts & ~TAKEOVER_PARTS)
		return -EINVAL;
	r = twin_guest_takeover(&arg);
	if (!r && copy_to_user(uarg, &arg, sizeof(arg)))
		return -EFAULT;
	return r;
}

static int ioctl_function(void __user *uarg,
			  int (*call)(const struct twin_function *arg))
{
	struct twin_function arg;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	return arg.reserved ? -EINVAL : call(&arg);
}

static int ioctl_read_log(void __user *uarg)
{
	struct twin_log arg;
	int r = -ENODEV;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved)
		return -EINVAL;
	mutex_lock(&twin_area_lock);
	if (info_area()->base)
		r = twin_log_read(info_area(), &arg);
	mutex_unlock(&twin_area_lock);
	if (!r && copy_to_user(uarg, &arg, sizeof(arg)))
		return -EFAULT;
	return r;
}

/* Calls that change something; twin_lock is held. */
static long change(unsigned int cmd, void __user *arg)
{
	switch (cmd) {
	case TWIN_IOC_RESERVE:
		return ioctl_reserve(arg);
	case TWIN_IOC_RELEASE:
		return ioctl_release();
	case TWIN_IOC_BOOT:
		return twin_boot();
	case TWIN_IOC_KILL:
		return twin_kill();
	case TWIN_IOC_ABORT:
		return twin_abort();
	case TWIN_IOC_PARK:
		return twin_park_machine();
	case TWIN_IOC_COMMIT:
		return twin_guest_commit();
	case TWIN_IOC_TAKEOVER:
		return ioctl_takeover(arg);
	case TWIN_IOC_GIVE:
		return ioctl_function(arg, twin_function_give);
	case TWIN_IOC_TAKE:
		return ioctl_function(arg, twin_function_take);
	case TWIN_IOC_ACCEPT:
		return ioctl_function(arg, twin_function_accept);
	case TWIN_IOC_RETURN:
		return ioctl_function(arg, twin_function_return);
	default:
		return -ENOTTY;
	}
}

static long twin_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *uarg = (void __user *)arg;
	long r;

	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (cmd == TWIN_IOC_INFO)
		return ioctl_info(uarg);
	if (cmd == TWIN_IOC_READ_LOG)
		return ioctl_read_log(uarg);

	r = mutex_lock_interruptible(&twin_lock);
	if (r)
		return r;
	r = change(cmd, uarg);
	mutex_unlock(&twin_lock);
	return r;
}

static int twin_open(struct inode *inode, struct file *file)
{
	return capable(CAP_SYS_BOOT) ? twin_events_open(file) : -EPERM;
}

static int twin_close(struct inode *inode, struct file *file)
{
	twin_events_close(file);
	return 0;
}

static const struct file_operations twin_fops = {
	.owner		= THIS_MODULE,
	.open		= twin_open,
	.release	= twin_close,
	.read		= twin_events_read,
	.poll		= twin_events_poll,
	.unlocked_ioctl	= twin_ioctl,
};

static struct miscdevice twin_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "twin",
	.fops	= &twin_fops,
	.mode	= 0600,
};

static int __init twin_device_init(void)
{
	return misc_register(&twin_device);
}
device_initcall(twin_device_init);
