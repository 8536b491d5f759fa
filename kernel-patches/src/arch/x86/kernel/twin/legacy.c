// SPDX-License-Identifier: GPL-2.0
/*
 * Legacy devices of the board: timers, RTC, keyboard controller and what Plug
 * and Play names. Their drivers look for them at fixed addresses in functions
 * that are thrown away after the boot. A twin must not run those while another
 * kernel drives the board, so it remembers them, keeps the memory they lie in
 * and runs them when it takes the board.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/init.h>
#include <linux/kallsyms.h>
#include <linux/processor.h>
#include <linux/string.h>

#include <asm/sections.h>
#include <asm/set_memory.h>
#include <asm/x86_init.h>

#include "arch.h"

static const char *const held_names[] = {
	"acpi_button_driver_init",	/* 6.12 */
	"acpi_button_init",
	"acpi_reserve_resources",
	"add_rtc_cmos",
	"cmos_init",
	"hpet_init",
	"hpet_late_init",
	"i8042_init",
	"i8259A_init_ops",
	"pci_mmcfg_late_insert_resources",
	"pnpacpi_init",
};

/* In the order in which a kernel with a board runs them. */
static initcall_t held[ARRAY_SIZE(held_names)];
static unsigned int nr_held;

/* HPET and PIT, and the timer's interrupt. */
static void (*setup_timers)(void);

/**
 * twin_arch_init_legacy - hold back what needs the board
 */
void __init twin_arch_init_legacy(void)
{
	setup_timers = x86_init.timers.timer_init;
}

/**
 * twin_hold_initcall - shall this function wait until the board is ours?
 * @fn: function that is about to be called
 *
 * Return: true if it is not to be called now.
 */
bool twin_hold_initcall(initcall_t fn)
{
	char name[KSYM_SYMBOL_LEN];

	if (!twin_board_is_foreign() || !is_kernel_inittext((unsigned long)fn))
		return false;
	sprint_symbol_no_offset(name, (unsigned long)fn);
	if (match_string(held_names, ARRAY_SIZE(held_names), name) < 0)
		return false;
	held[nr_held++] = fn;
	return true;
}

/**
 * twin_keep_initmem - is the memory of the boot still needed?
 */
bool twin_keep_initmem(void)
{
	return twin_board_is_foreign();
}

static void run_held(void)
{
	unsigned int i;
	int r;

	for (i = 0; i < nr_held; i++) {
		r = held[i]();
		pr_debug("%pS: %d\n", held[i], r);
	}
}

/**
 * twin_arch_take_legacy - find the legacy devices of the board
 *
 * Once, after twin_arch_take_board(); the memory of the boot goes free.
 *
 * Return: 0, or why their drivers cannot be called.
 */
int twin_arch_take_legacy(void)
{
	unsigned long start = PAGE_ALIGN_DOWN((unsigned long)_sinittext);
	int nr_pages = PFN_UP((unsigned long)_einittext) - PFN_DOWN(start);
	static bool taken;
	int r;

	if (taken)
		return 0;
	r = set_memory_rox(start, nr_pages);
	if (r)
		return r;
	taken = true;
	setup_timers();
	twin_arch_take_uarts();
	run_held();
	free_kernel_image_pages("unused kernel image (initmem)",
				&__init_begin, &__init_end);
	return 0;
}
