/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From INIT back to the park code. A CPU that was stopped by INIT starts in
 * real mode at a page below 1 MiB; twin_sipi_code is copied there and takes it
 * to the slot of its APIC id in the hand-over area.
 */
#include <linux/linkage.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "handover.h"

#define AT(symbol) (symbol - twin_sipi_code)

	.section .rodata, "a"

	.balign	16
SYM_DATA_START(twin_sipi_code)
	.code16
	cli
	cld
	movw	%cs, %ax
	movw	%ax, %ds
	lgdtl	AT(twin_sipi_gdtr)
	movl	AT(twin_sipi_cr4), %eax
	movl	%eax, %cr4
	movl	AT(twin_sipi_cr3), %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	movl	AT(twin_sipi_efer), %eax
	xorl	%edx, %edx
	wrmsr
	movl	$(X86_CR0_PE | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_PG), %eax
	movl	%eax, %cr0
	ljmpl	*AT(twin_sipi_jump)

	.code64
SYM_INNER_LABEL(twin_sipi_long, SYM_L_GLOBAL)
	movl	$1, %eax
	cpuid
	shrl	$24, %ebx			/* initial APIC id */
	movq	twin_sipi_area(%rip), %rcx
	imulq	$TWIN_SLOT_SIZE, %rbx, %rbx
	leaq	TWIN_OFF_SLOTS(%rcx, %rbx), %rdx
	leaq	TWIN_OFF_CODE(%rcx), %rax
	jmp	*%rax

/* Filled in by twin_arch_install_sipi(). */
	.balign	8
SYM_INNER_LABEL(twin_sipi_area, SYM_L_GLOBAL)
	.quad	0				/* hand-over area */
SYM_INNER_LABEL(twin_sipi_gdt, SYM_L_GLOBAL)
	.quad	0, 0
	.quad	0x00af9b000000ffff		/* TWIN_CS */
	.quad	0x00cf93000000ffff		/* TWIN_DS */
SYM_INNER_LABEL(twin_sipi_gdtr, SYM_L_GLOBAL)
	.word	4 * 8 - 1
	.long	0				/* twin_sipi_gdt */
	.balign	4
SYM_INNER_LABEL(twin_sipi_jump, SYM_L_GLOBAL)
	.long	0				/* twin_sipi_long */
	.word	TWIN_CS
	.balign	4
SYM_INNER_LABEL(twin_sipi_cr3, SYM_L_GLOBAL)
	.long	0
SYM_INNER_LABEL(twin_sipi_cr4, SYM_L_GLOBAL)
	.long	0
SYM_INNER_LABEL(twin_sipi_efer, SYM_L_GLOBAL)
	.long	0
SYM_DATA_END_LABEL(twin_sipi_code, SYM_L_GLOBAL, twin_sipi_end)
