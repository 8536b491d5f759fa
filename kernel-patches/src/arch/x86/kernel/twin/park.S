/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parking a CPU in the hand-over area, without INIT and SIPI.
 *
 * twin_park_jump() leaves the kernel through page tables that hold both the
 * kernel and the identity map; twin_park_code is copied to the area and runs
 * there at virtual = physical, so that it outlives the kernel it came from.
 *
 * What interrupts are pending is taken and dropped first, or the next kernel on
 * the CPU would find them. A parked CPU halts with interrupts off. Whoever wants
 * it writes an entry to its slot and sends an NMI. The CPU then waits for the go
 * word, which the waker sets when it sends no more NMIs: behind the jump there is
 * no IDT.
 */
#include <linux/linkage.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/processor-flags.h>
#include <asm/unwind_hints.h>

#include "handover.h"

#define APIC_BASE_MASK		0xfffff000	/* it lies below 4 GiB */

	.text
	.code64

/*
 * void twin_park_jump(u64 cr3, u64 code, u64 slot, u64 area)
 *
 * All arguments are physical addresses; interrupts are off.
 */
SYM_CODE_START(twin_park_jump)
	UNWIND_HINT_END_OF_STACK
	ANNOTATE_NOENDBR
	movq	%rdi, %cr3
	ANNOTATE_RETPOLINE_SAFE
	jmp	*%rsi
SYM_CODE_END(twin_park_jump)

	.section .rodata, "a"

/* RDX: slot, RCX: area */
SYM_DATA_START(twin_park_code)
	.byte	0xf3, 0x0f, 0x1e, 0xfa		/* endbr64 */
	cli
	cld
	movq	%rdx, %rbx
	movq	%rcx, %rbp
	leaq	TWIN_SLOT_SIZE(%rbx), %rsp

	/* CR3 holds no PCID, so that PCIDE may go with the rest. */
	movq	%cr4, %rax
	andl	$(X86_CR4_PAE | X86_CR4_MCE | X86_CR4_LA57), %eax
	leaq	TWIN_OFF_ROOT4(%rbp), %rdx
	testl	$X86_CR4_LA57, %eax
	jz	1f
	leaq	TWIN_OFF_ROOT5(%rbp), %rdx
1:	movq	%rax, %cr4
	movq	%rdx, %cr3

	lgdt	TWIN_OFF_DESC + TWIN_DESC_GDTR(%rbp)
	lidt	TWIN_OFF_DESC + TWIN_DESC_IDTR(%rbp)
	/* By IRET, so that a CPU that came here from an NMI gets the next one. */
	movq	%rsp, %rdx
	pushq	$TWIN_DS
	pushq	%rdx
	pushq	$X86_EFLAGS_FIXED
	pushq	$TWIN_CS
	leaq	2f(%rip), %rax
	pushq	%rax
	iretq

2:	movl	$TWIN_DS, %eax
	movl	%eax, %ss
	movl	%eax, %ds
	movl	%eax, %es
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs

	call	drain
	movl	$TWIN_CPU_PARKED, TWIN_SLOT_STATE(%rbx)
3:	cmpq	$0, TWIN_SLOT_ENTRY(%rbx)
	jne	4f
	hlt
	jmp	3b

4:	movl	$TWIN_CPU_LEAVING, TWIN_SLOT_STATE(%rbx)
5:	pause
	cmpl	$0, TWIN_SLOT_GO(%rbx)
	je	5b

	/* QEMU lets interrupts in that were sent to it meanwhile. */
	call	drain
	movq	TWIN_SLOT_ENTRY(%rbx), %rax
	movq	TWIN_SLOT_ARG(%rbx), %rsi
	movq	$0, TWIN_SLOT_ENTRY(%rbx)
	movl	$0, TWIN_SLOT_GO(%rbx)
	movl	$TWIN_CPU_AWAY, TWIN_SLOT_STATE(%rbx)
	xorl	%ebx, %ebx
	xorl	%ebp, %ebp
	xorl	%edi, %edi
	jmp	*%rax

/* CPU hotplug has disabled the local APIC; disabled, it delivers nothing. */
drain:
	movl	$APIC_SPIV_APIC_ENABLED, %esi
	call	set_apic
	sti
	nop
	cli
	xorl	%esi, %esi
	jmp	set_apic

/*
 * Enable (ESI: APIC_SPIV_APIC_ENABLED) or disable (0) the local APIC by
 * software. Disabled, as INIT leaves it, no more than INIT, NMI and SIPI get in.
 */
set_apic:
	movl	$MSR_IA32_APICBASE, %ecx
	rdmsr
	testl	$X2APIC_ENABLE, %eax
	jnz	1f
	andl	$APIC_BASE_MASK, %eax
	movl	APIC_SPIV(%rax), %ecx
	andl	$~APIC_SPIV_APIC_ENABLED, %ecx
	orl	%esi, %ecx
	movl	%ecx, APIC_SPIV(%rax)
	ret
1:	movl	$(APIC_BASE_MSR + (APIC_SPIV >> 4)), %ecx
	rdmsr
	andl	$~APIC_SPIV_APIC_ENABLED, %eax
	orl	%esi, %eax
	wrmsr
	ret
SYM_DATA_END(twin_park_code)

/* A pending interrupt: taken note of and dropped. */
SYM_DATA_START(twin_park_drop)
	movl	$MSR_IA32_APICBASE, %ecx
	rdmsr
	testl	$X2APIC_ENABLE, %eax
	jnz	1f
	andl	$APIC_BASE_MASK, %eax
	movl	$0, APIC_EOI(%rax)
	iretq
1:	movl	$(APIC_BASE_MSR + (APIC_EOI >> 4)), %ecx
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	iretq
SYM_DATA_END_LABEL(twin_park_drop, SYM_L_GLOBAL, twin_park_drop_end)

/* An NMI wakes the CPU from its halt and nothing else. */
SYM_DATA_START(twin_park_iret)
	iretq
SYM_DATA_END_LABEL(twin_park_iret, SYM_L_GLOBAL, twin_park_end)
