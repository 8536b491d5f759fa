// SPDX-License-Identifier: GPL-2.0
/*
 * PCI functions that are lent to a live twin and come back. Both kernels see
 * which these are in a table of the hand-over area; an entry belongs to one of
 * the two at any time, and changes hands by compare-and-exchange.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/twin.h>

#include <asm/cmpxchg.h>
#include <asm/pci_x86.h>

#include "twin.h"

/**
 * struct lent_function - a function that this kernel has lent to the twin below
 * @list:    the others
 * @entry:   its entry in the table
 * @pdev:    the function, referenced
 * @devices: what came to rest
 */
struct lent_function {
	struct list_head list;
	struct twin_lent *entry;
	struct pci_dev *pdev;
	struct list_head devices;
};

/* Changed under twin_lock. */
static LIST_HEAD(lent_functions);

static struct twin_function_table *table_of(const struct twin_area *area)
{
	return area->base + TWIN_OFF_FUNCTIONS;
}

static struct twin_lent *find_entry(const struct twin_area *area, u16 segment,
				    u8 bus, u8 devfn)
{
	struct twin_function_table *table = table_of(area);
	unsigned int i;

	for (i = 0; i < TWIN_LENT_MAX; i++) {
		struct twin_lent *entry = &table->entries[i];

		if (READ_ONCE(entry->state) != TWIN_LENT_FREE &&
		    entry->segment == segment && entry->bus == bus &&
		    entry->devfn == devfn)
			return entry;
	}
	return NULL;
}

static struct twin_lent *find_argument(const struct twin_area *area,
				       const struct twin_function *arg)
{
	return find_entry(area, arg->segment, arg->bus, arg->devfn);
}

static bool change_entry(struct twin_lent *entry, u32 from, u32 to)
{
	return sync_cmpxchg(&entry->state, from, to) == from;
}

static struct twin_lent *find_free_entry(void)
{
	struct twin_function_table *table = table_of(&twin_below);
	unsigned int i;

	for (i = 0; i < TWIN_LENT_MAX; i++)
		if (table->entries[i].state == TWIN_LENT_FREE)
			return &table->entries[i];
	return NULL;
}

static struct lent_function *find_lent(const struct pci_dev *pdev)
{
	struct lent_function *lent;

	list_for_each_entry(lent, &lent_functions, list)
		if (lent->pdev == pdev)
			return lent;
	return NULL;
}

/**
 * twin_function_is_lent - is the function in the hands of the twin below?
 * @pdev: function of this kernel
 *
 * twin_lock is held.
 */
bool twin_function_is_lent(const struct pci_dev *pdev)
{
	return find_lent(pdev);
}

static int count_device(struct device *dev, void *count)
{
	++*(unsigned int *)count;
	return 0;
}

/* The twin does not program an IOMMU, and none may stand between. */
static int check_iommu(struct device *dev)
{
	struct iommu_group *group = iommu_group_get(dev);
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	unsigned int count = 0;

	if (group) {
		iommu_group_for_each_dev(group, &count, count_device);
		iommu_group_put(group);
	}
	if (count > 1)
		return -EBUSY;
	return domain && domain->type != IOMMU_DOMAIN_IDENTITY ? -EOPNOTSUPP : 0;
}

static bool can_quiesce(const struct pci_dev *pdev)
{
	const struct pci_driver *driver = pdev->driver;

	if (!driver || driver->suspend)
		return true;
	return driver->driver.pm && driver->driver.pm->freeze;
}

static int check_function(struct pci_dev *pdev)
{
	if (find_lent(pdev))
		return -EALREADY;
	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL ||
	    pdev->class >> 16 == PCI_BASE_CLASS_BRIDGE || pci_num_vf(pdev))
		return -EBUSY;
	if (!twin_arch_has_ecam() || pdev->is_virtfn || !can_quiesce(pdev) ||
	    !(pdev->msi_cap || pdev->msix_cap))
		return -EOPNOTSUPP;
	return check_iommu(&pdev->dev);
}

static struct lent_function *lent_new(struct pci_dev *pdev)
{
	struct lent_function *lent = kzalloc(sizeof(*lent), GFP_KERNEL);

	if (!lent)
		return NULL;
	lent->entry = find_free_entry();
	if (!lent->entry) {
		kfree(lent);
		return NULL;
	}
	INIT_LIST_HEAD(&lent->devices);
	lent->pdev = pci_dev_get(pdev);
	return lent;
}

static void lent_free(struct lent_function *lent)
{
	pci_dev_put(lent->pdev);
	kfree(lent);
}

static int lend(struct pci_dev *pdev, const struct twin_function *arg)
{
	struct lent_function *lent;
	int r;

	r = check_function(pdev);
	if (r)
		return r;
	lent = lent_new(pdev);
	if (!lent)
		return -ENOMEM;
	r = twin_quiesce(pdev, &lent->devices);
	if (r) {
		lent_free(lent);
		return r;
	}
	list_add_tail(&lent->list, &lent_functions);
	lent->entry->segment = arg->segment;
	lent->entry->bus = arg->bus;
	lent->entry->devfn = arg->devfn;
	/* The twin reads the rest only after it has seen the state. */
	smp_store_release(&lent->entry->state, TWIN_LENT_OFFERED);
	pci_info(pdev, "twin: lent\n");
	return 0;
}

/**
 * twin_function_give - lend a function of this kernel to the twin below
 * @arg: the function
 *
 * twin_lock is held.
 *
 * Return: 0, -EPERM in a twin, -ESRCH without a live twin, -ENODEV, -EALREADY,
 * -EBUSY, -EOPNOTSUPP as in the uapi, or what the driver says.
 */
int twin_function_give(const struct twin_function *arg)
{
	struct pci_dev *pdev;
	int r;

	if (!twin_owns_machine())
		return -EPERM;
	if (twin_get_state() != TWIN_STATE_ALIVE)
		return -ESRCH;
	pdev = pci_get_domain_bus_and_slot(arg->segment, arg->bus, arg->devfn);
	if (!pdev)
		return -ENODEV;
	r = lend(pdev, arg);
	pci_dev_put(pdev);
	return r;
}

static int take_back(struct lent_function *lent)
{
	int r;

	/* The twin may have left it at work. */
	pci_clear_master(lent->pdev);
	WRITE_ONCE(lent->entry->state, TWIN_LENT_FREE);
	r = twin_resume(&lent->devices);
	pci_info(lent->pdev, "twin: taken back\n");
	list_del(&lent->list);
	lent_free(lent);
	return r;
}

static bool twin_may_use(struct twin_lent *entry)
{
	if (change_entry(entry, TWIN_LENT_OFFERED, TWIN_LENT_WITHDRAWN))
		return false;
	return entry->state == TWIN_LENT_ACCEPTED &&
	       twin_get_state() == TWIN_STATE_ALIVE;
}

/**
 * twin_function_take - have a function back from the twin below
 * @arg: the function
 *
 * twin_lock is held.
 *
 * Return: 0, -EPERM in a twin, -ENODEV if it was not lent, -EBUSY while a live
 * twin has it, or what the driver says.
 */
int twin_function_take(const struct twin_function *arg)
{
	struct lent_function *lent;

	if (!twin_owns_machine())
		return -EPERM;
	list_for_each_entry(lent, &lent_functions, list) {
		if (pci_domain_nr(lent->pdev->bus) != arg->segment ||
		    lent->pdev->bus->number != arg->bus ||
		    lent->pdev->devfn != arg->devfn)
			continue;
		return twin_may_use(lent->entry) ? -EBUSY : take_back(lent);
	}
	return -ENODEV;
}

/**
 * twin_functions_take_all - have back whatever was lent to the twin below
 *
 * The twin was stopped.
 */
void twin_functions_take_all(void)
{
	struct lent_function *lent, *next;

	/* First of all nothing may write to memory any more. */
	list_for_each_entry(lent, &lent_functions, list)
		pci_clear_master(lent->pdev);
	list_for_each_entry_safe(lent, next, &lent_functions, list)
		take_back(lent);
}

/**
 * twin_function_is_mine - may this twin touch a function?
 * @segment: PCI segment
 * @bus:     bus
 * @devfn:   device and function
 *
 * Any context.
 */
bool twin_function_is_mine(u16 segment, u8 bus, u8 devfn)
{
	struct twin_lent *entry;

	if (!twin_above.base)
		return false;
	entry = find_entry(&twin_above, segment, bus, devfn);
	return entry && READ_ONCE(entry->state) == TWIN_LENT_ACCEPTED;
}

/**
 * twin_function_accept - drive a function that the kernel above has lent
 * @arg: the function
 *
 * Return: 0, -EPERM if there is no kernel above, -ENODEV if it was not lent or
 * does not answer, -EALREADY, or why it cannot be used.
 */
int twin_function_accept(const struct twin_function *arg)
{
	struct twin_lent *entry;
	int r;

	if (twin_owns_machine())
		return -EPERM;
	entry = find_argument(&twin_above, arg);
	if (!entry)
		return -ENODEV;
	if (!change_entry(entry, TWIN_LENT_OFFERED, TWIN_LENT_ACCEPTED))
		return entry->state == TWIN_LENT_ACCEPTED ? -EALREADY : -ENODEV;
	r = twin_arch_add_function(arg->segment, arg->bus, arg->devfn);
	if (r)
		change_entry(entry, TWIN_LENT_ACCEPTED, TWIN_LENT_OFFERED);
	return r;
}

/**
 * twin_function_return - let the kernel above have a function back
 * @arg: the function
 *
 * Return: 0, -EPERM if there is no kernel above, -ENODEV if this twin does not
 * have it.
 */
int twin_function_return(const struct twin_function *arg)
{
	struct twin_lent *entry;
	struct pci_dev *pdev;

	if (twin_owns_machine())
		return -EPERM;
	entry = find_argument(&twin_above, arg);
	pdev = pci_get_domain_bus_and_slot(arg->segment, arg->bus, arg->devfn);
	if (!entry || !pdev) {
		pci_dev_put(pdev);
		return -ENODEV;
	}
	pci_stop_and_remove_bus_device_locked(pdev);
	pci_dev_put(pdev);
	change_entry(entry, TWIN_LENT_ACCEPTED, TWIN_LENT_OFFERED);
	return 0;
}
