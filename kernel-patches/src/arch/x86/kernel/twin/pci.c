// SPDX-License-Identifier: GPL-2.0
/*
 * PCI of a twin: configuration space shows no function that it was not given.
 */
#include <linux/bits.h>
#include <linux/init.h>

#include <asm/pci_x86.h>
#include <asm/x86_init.h>

#include "arch.h"

static int read_nothing(unsigned int domain, unsigned int bus,
			unsigned int devfn, int reg, int len, u32 *val)
{
	*val = GENMASK(len * 8 - 1, 0);
	return 0;
}

static int write_nothing(unsigned int domain, unsigned int bus,
			 unsigned int devfn, int reg, int len, u32 val)
{
	return 0;
}

static const struct pci_raw_ops closed_ops = {
	.read	= read_nothing,
	.write	= write_nothing,
};

/* ACPI has named the windows by then. No other way to them may be tried. */
static int __init close_config(void)
{
	raw_pci_ext_ops = &closed_ops;
	return 0;
}

/** twin_pci_init - the PCI part of a twin's platform */
void __init twin_pci_init(void)
{
	pci_probe = PCI_PROBE_MMCONF;
	x86_init.pci.arch_init = close_config;
}
