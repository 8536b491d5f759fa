// SPDX-License-Identifier: GPL-2.0
/*
 * The board: everything of the machine that only one kernel can drive, and
 * that comes to a twin when it takes the machine over.
 *
 * Until then a twin runs the same code as a kernel that owns the board, but
 * what it writes does not get there: ACPI's writes are dropped and those to the
 * IOAPICs go to a copy (ioapic.c). The takeover is then what a resume from
 * suspend is: the state that the kernel believes in is written to the board.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/acpi.h>
#include <linux/minmax.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/stop_machine.h>

#include <asm/apic.h>
#include <asm/i8259.h>
#include <asm/io_apic.h>

#include "arch.h"

static bool board_is_foreign;

/* The PIC that a kernel without a board of its own believes in. */
static struct legacy_pic quiet_pic;
static struct legacy_pic *board_pic;

/**
 * twin_board_is_foreign - does another kernel drive the board?
 *
 * Then nothing of it may be written, and what is read may be another kernel's
 * business.
 */
bool twin_board_is_foreign(void)
{
	return READ_ONCE(board_is_foreign);
}

static int probe_quiet_pic(void)
{
	return quiet_pic.nr_legacy_irqs;
}

/*
 * As many legacy interrupts as the board has, so that they keep their numbers,
 * but a PIC that does nothing.
 */
static void __init quieten_pic(unsigned int nr_legacy_irqs)
{
	board_pic = legacy_pic;
	quiet_pic = null_legacy_pic;
	if (nr_legacy_irqs) {
		quiet_pic.nr_legacy_irqs = nr_legacy_irqs;
		quiet_pic.probe = probe_quiet_pic;
	}
	legacy_pic = &quiet_pic;
}

/**
 * twin_arch_init_board - another kernel drives the board
 * @platform: what that kernel says of it
 */
void __init twin_arch_init_board(const struct twin_platform *platform)
{
	board_is_foreign = true;
	quieten_pic(platform->nr_legacy_irqs);
	twin_arch_init_ioapics(platform);
	twin_arch_init_legacy();
}

/**
 * twin_arch_fill_platform - what a twin must know of the board
 * @platform: to be filled in, zeroed
 */
void twin_arch_fill_platform(struct twin_platform *platform)
{
	platform->nr_legacy_irqs = nr_legacy_irqs();
	twin_arch_fill_ioapics(platform);
}

static int switch_board(void *unused)
{
	int r = save_ioapic_entries();

	if (r)
		return r;
	WRITE_ONCE(board_is_foreign, false);
	return restore_ioapic_entries();
}

static void take_pic(void)
{
	if (!quiet_pic.nr_legacy_irqs)
		return;
	legacy_pic = board_pic;
	legacy_pic->init(0);
	legacy_pic->mask_all();
}

/* The board's NMIs come to every LINT1: that of CPU 0 is open as a rule. */
static int __init leave_nmi(void)
{
	if (board_is_foreign)
		apic_write(APIC_LVT1, APIC_DM_NMI | APIC_LVT_MASKED);
	return 0;
}
early_initcall(leave_nmi);

static void take_nmi(void *info)
{
	apic_write(APIC_LVT1, APIC_DM_NMI);
}

/**
 * twin_arch_take_board - drive the board, which no other kernel does any more
 *
 * Return: 0, or why the interrupt controllers cannot be had.
 */
int twin_arch_take_board(void)
{
	int r;

	if (!twin_board_is_foreign())
		return 0;
	r = stop_machine(switch_board, NULL, NULL);
	if (r)
		return r;
	take_pic();
	smp_call_function_single(0, take_nmi, NULL, 1);
	twin_arch_take_acpi();
	/* A kernel that kexec starts elsewhere leaves the boot processor out. */
	reboot_cpu = max(twin_arch_apic_to_cpu(twin_arch_bsp()), 0);
	return 0;
}
