// SPDX-License-Identifier: GPL-2.0
/*
 * PCI beside another kernel: both go through ECAM, since the ports of the other
 * mechanism hold one address for all, and a twin sees only what it was given.
 * After the takeover the twin finds all functions and takes them as they are.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/device.h>
#include <linux/device/driver.h>
#include <linux/init.h>
#include <linux/ioport.h>
#include <linux/pci.h>

#include <asm/pci_x86.h>

#include "arch.h"

#define CONF1_PORT	0xcf8
#define CONF1_SIZE	8

/* What raw_pci_ops is while no other kernel lives; NULL: it is that now. */
static const struct pci_raw_ops *lone_ops;

static bool functions_taken;

/**
 * twin_arch_has_ecam - can two kernels reach configuration space at once?
 */
bool twin_arch_has_ecam(void)
{
	return raw_pci_ext_ops == &pci_mmcfg;
}

/**
 * twin_arch_share_config - another kernel may reach configuration space too
 */
void twin_arch_share_config(void)
{
	if (!twin_arch_has_ecam() || lone_ops)
		return;
	lone_ops = raw_pci_ops;
	WRITE_ONCE(raw_pci_ops, &pci_mmcfg);
}

/**
 * twin_arch_unshare_config - no other kernel lives any more
 */
void twin_arch_unshare_config(void)
{
	if (!lone_ops)
		return;
	WRITE_ONCE(raw_pci_ops, lone_ops);
	lone_ops = NULL;
}

/**
 * twin_pci_hidden - must this kernel leave a function alone?
 * @domain: PCI segment
 * @bus:    bus
 * @devfn:  device and function
 *
 * Called for each access to configuration space, in any context.
 */
bool twin_pci_hidden(unsigned int domain, unsigned int bus, unsigned int devfn)
{
	return !twin_owns_machine() &&
	       !twin_function_is_mine(domain, bus, devfn);
}

/**
 * twin_pci_init - the PCI part of a twin's platform
 */
void __init twin_pci_init(void)
{
	pci_probe = PCI_PROBE_MMCONF;
}

static struct pci_bus *find_root(u16 segment, u8 nr)
{
	struct pci_bus *bus;

	list_for_each_entry(bus, &pci_root_buses, node)
		if (pci_domain_nr(bus) == segment &&
		    bus->busn_res.start <= nr && nr <= bus->busn_res.end)
			return bus;
	return NULL;
}

/*
 * A bus whose bridge is the other kernel's hangs on the root bus directly, as
 * those of virtual functions do.
 */
static struct pci_bus *add_bus(u16 segment, u8 nr)
{
	struct pci_bus *root = find_root(segment, nr);
	struct pci_bus *bus = root ? pci_add_new_bus(root, NULL, nr) : NULL;
	struct resource *res;
	unsigned int i;

	if (!bus)
		return NULL;
	bus->bridge = get_device(root->bridge);
	pci_bus_insert_busn_res(bus, nr, nr);
	pci_bus_for_each_resource(root, res, i)
		if (res)
			twin_bus_add_resource(bus, res);
	return bus;
}

/**
 * twin_arch_add_function - find a function and bind its driver
 * @segment: PCI segment
 * @nr:      bus
 * @devfn:   device and function
 *
 * Its BARs stay where they are.
 *
 * Return: 0, or -ENODEV if it does not answer.
 */
int twin_arch_add_function(u16 segment, u8 nr, u8 devfn)
{
	struct pci_dev *pdev = NULL;
	struct pci_bus *bus;

	pci_lock_rescan_remove();
	bus = pci_find_bus(segment, nr) ?: add_bus(segment, nr);
	if (bus)
		pdev = pci_scan_single_device(bus, devfn);
	if (pdev) {
		pcibios_resource_survey_bus(bus);
		pci_bus_add_device(pdev);
	}
	pci_unlock_rescan_remove();
	if (!pdev)
		return -ENODEV;
	wait_for_device_probe();
	return 0;
}

/* The kernel is alone now, and works as if it had booted so. */
static void use_conf1(void)
{
	if (raw_pci_ops || !request_region(CONF1_PORT, CONF1_SIZE, "PCI conf1"))
		return;
	raw_pci_ops = &pci_direct_conf1;
	port_cf9_safe = true;
}

/* Functions behind a bridge are found again, behind that bridge. */
static void drop_bus(struct pci_bus *bus)
{
	struct pci_dev *pdev, *next;

	list_for_each_entry_safe(pdev, next, &bus->devices, bus_list)
		pci_stop_and_remove_bus_device(pdev);
	pci_remove_bus(bus);
}

static void scan_root(struct pci_bus *root)
{
	struct pci_bus *child, *next;

	list_for_each_entry_safe(child, next, &root->children, node)
		if (!child->self)
			drop_bus(child);
	pci_scan_child_bus(root);
	list_for_each_entry(child, &root->children, node)
		pcie_bus_configure_settings(child);
}

/**
 * twin_arch_take_functions - find every function of the machine
 *
 * The old kernel has parked. BARs, bridge windows and bus numbers stay as they
 * are; only what has none gets some, as on any boot.
 *
 * Return: 0, or -ENODEV if this kernel knows no host bridge.
 */
int twin_arch_take_functions(void)
{
	struct pci_bus *root;

	if (functions_taken)
		return 0;
	if (list_empty(&pci_root_buses))
		return -ENODEV;
	use_conf1();
	pci_lock_rescan_remove();
	list_for_each_entry(root, &pci_root_buses, node)
		scan_root(root);
	list_for_each_entry(root, &pci_root_buses, node)
		pcibios_resource_survey_bus(root);
	list_for_each_entry(root, &pci_root_buses, node)
		pci_assign_unassigned_root_bus_resources(root);
	list_for_each_entry(root, &pci_root_buses, node)
		pci_bus_add_devices(root);
	pci_unlock_rescan_remove();
	functions_taken = true;
	wait_for_device_probe();
	return 0;
}
