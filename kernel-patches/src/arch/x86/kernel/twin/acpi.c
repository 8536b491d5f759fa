// SPDX-License-Identifier: GPL-2.0
/*
 * ACPI of a twin. It reads the tables and loads the namespace at its boot like
 * any kernel; only what it writes to registers is dropped until the board is
 * its own (see drivers/acpi/osl.c). Then the registers are brought in line.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/acpi.h>
#include <linux/efi.h>

#include <asm/setup.h>

#include "arch.h"

/**
 * twin_arch_rsdp - where ACPI's tables begin
 *
 * Return: physical address of the RSDP, 0 if this kernel runs without ACPI.
 */
u64 twin_arch_rsdp(void)
{
	if (acpi_disabled)
		return 0;
	if (boot_params.acpi_rsdp_addr)
		return boot_params.acpi_rsdp_addr;
	if (!efi_enabled(EFI_CONFIG_TABLES))
		return 0;
	return efi.acpi20 != EFI_INVALID_TABLE_ADDR ? efi.acpi20 : efi.acpi;
}

#ifdef CONFIG_ACPI
/* Those that the old kernel used must be off where this one has no handler. */
static void set_fixed_events(void)
{
	acpi_event_status status;
	u32 event;

	for (event = 0; event < ACPI_NUM_FIXED_EVENTS; event++) {
		if (ACPI_FAILURE(acpi_get_event_status(event, &status)))
			continue;
		if (status & ACPI_EVENT_FLAG_HAS_HANDLER)
			acpi_enable_event(event, 0);
		else
			acpi_disable_event(event, 0);
	}
}

/** twin_arch_take_acpi - write to ACPI's registers what this kernel wants */
void twin_arch_take_acpi(void)
{
	if (acpi_disabled || acpi_gbl_reduced_hardware)
		return;
	if (ACPI_FAILURE(acpi_enable()))
		pr_err("ACPI cannot be enabled\n");
	acpi_disable_all_gpes();
	acpi_enable_all_runtime_gpes();
	set_fixed_events();
}
#else
void twin_arch_take_acpi(void) { }
#endif
