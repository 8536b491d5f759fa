// SPDX-License-Identifier: GPL-2.0
/*
 * IOAPICs of a board that another kernel drives: their registers cannot even be
 * read without disturbing that kernel, for an index register comes first. So
 * that kernel hands over what is fixed, and what this one writes is kept in a
 * copy until the board is its own.
 */
#include <linux/bitmap.h>
#include <linux/init.h>
#include <linux/string.h>

#include <asm/apicdef.h>
#include <asm/io_apic.h>
#include <asm/x86_init.h>

#include "arch.h"

#define REG_ID		0
#define REG_VERSION	1
#define REG_REDIR(pin)	(0x10 + 2 * (pin))
#define NR_REGS		256
#define NR_PINS(ver)	((((ver) >> 16) & 0xff) + 1)

static struct twin_platform_ioapic known[TWIN_MAX_IOAPICS];
static unsigned int nr_known;

/* By the index that the kernel gives an IOAPIC. */
static u32 copy[TWIN_MAX_IOAPICS][NR_REGS];
static DECLARE_BITMAP(copied, TWIN_MAX_IOAPICS);

static const struct twin_platform_ioapic *find_ioapic(unsigned int address)
{
	unsigned int i;

	for (i = 0; i < nr_known; i++)
		if (known[i].address == address)
			return &known[i];
	return NULL;
}

/* Reset state: all pins masked. */
static void make_copy(unsigned int apic)
{
	const struct twin_platform_ioapic *ioapic;
	unsigned int pin;

	ioapic = find_ioapic(mpc_ioapic_addr(apic));
	if (!ioapic)
		return;
	copy[apic][REG_ID] = ioapic->id;
	copy[apic][REG_VERSION] = ioapic->version;
	for (pin = 0; pin < NR_PINS(ioapic->version); pin++)
		if (REG_REDIR(pin) < NR_REGS)
			copy[apic][REG_REDIR(pin)] = APIC_LVT_MASKED;
	__set_bit(apic, copied);
}

static u32 *find_register(unsigned int apic, unsigned int reg)
{
	if (apic >= TWIN_MAX_IOAPICS || reg >= NR_REGS)
		return NULL;
	if (!test_bit(apic, copied))
		make_copy(apic);
	return test_bit(apic, copied) ? &copy[apic][reg] : NULL;
}

/* All ones is what an IOAPIC reads that is not there. */
static unsigned int read_ioapic(unsigned int apic, unsigned int reg)
{
	u32 *val;

	if (!twin_board_is_foreign())
		return native_io_apic_read(apic, reg);
	val = find_register(apic, reg);
	return val ? *val : U32_MAX;
}

/**
 * twin_ioapic_write - keep what is written to an IOAPIC of another kernel's
 * @apic: index of the IOAPIC
 * @reg:  register
 * @val:  its new value
 *
 * Called with the lock of the IOAPICs held.
 *
 * Return: false if the board is this kernel's, and nothing was done.
 */
bool twin_ioapic_write(unsigned int apic, unsigned int reg, unsigned int val)
{
	u32 *p;

	if (!twin_board_is_foreign())
		return false;
	p = find_register(apic, reg);
	if (p)
		*p = val;
	return true;
}

/**
 * twin_arch_init_ioapics - another kernel drives the IOAPICs
 * @platform: what that kernel says of them
 */
void __init twin_arch_init_ioapics(const struct twin_platform *platform)
{
	nr_known = min_t(u32, platform->nr_ioapics, TWIN_MAX_IOAPICS);
	memcpy(known, platform->ioapics, nr_known * sizeof(known[0]));
	x86_apic_ops.io_apic_read = read_ioapic;
}

/**
 * twin_arch_fill_ioapics - what a twin cannot read of the IOAPICs
 * @platform: @nr_ioapics and @ioapics are filled in
 */
void twin_arch_fill_ioapics(struct twin_platform *platform)
{
	platform->nr_ioapics = nr_known;
	memcpy(platform->ioapics, known, nr_known * sizeof(known[0]));
}

/*
 * Before the other CPUs come, since the lock that goes with the registers is
 * not for us.
 */
static int __init read_ioapics(void)
{
	unsigned long flags;
	int i;

	if (twin_is_guest())
		return 0;
	nr_known = min(nr_ioapics, TWIN_MAX_IOAPICS);
	local_irq_save(flags);
	for (i = 0; i < nr_known; i++) {
		known[i].address = mpc_ioapic_addr(i);
		known[i].id = io_apic_read(i, REG_ID);
		known[i].version = io_apic_read(i, REG_VERSION);
	}
	local_irq_restore(flags);
	return 0;
}
early_initcall(read_ioapics);
