/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hand-over area: the first 2 MiB of a twin's memory, mapped by both
 * kernels. It is an ABI between kernel versions: never change a field, add
 * behind the last one and raise TWIN_HANDOVER_VERSION.
 *
 * Words that both kernels change need sync_cmpxchg(): a kernel with one CPU
 * patches the lock prefix of the plain one away.
 *
 * The assembler part of this header serves arch/x86/kernel/twin/park.S.
 */
#ifndef _DRIVERS_TWIN_HANDOVER_H
#define _DRIVERS_TWIN_HANDOVER_H

#define TWIN_HANDOVER_MAGIC	0x314e495754444b54	/* "TKDTWIN1" */
#define TWIN_HANDOVER_VERSION	2
#define TWIN_HANDOVER_SIZE	0x200000

/* Offsets of its parts. */
#define TWIN_OFF_HEADER		0x00000	/* struct twin_handover */
#define TWIN_OFF_CODE		0x02000	/* copy of twin_park_code */
#define TWIN_OFF_DESC		0x03000	/* GDTR, IDTR, GDT: struct twin_desc */
#define TWIN_OFF_IDT		0x04000
#define TWIN_OFF_ROOT4		0x05000	/* identity map, root of 4 levels */
#define TWIN_OFF_ROOT5		0x06000	/* the same, root of 5 levels */
#define TWIN_OFF_PUD		0x07000
#define TWIN_OFF_PMD		0x08000	/* 4 pages, without pages of 1 GiB */
#define TWIN_OFF_CROSS_OLD	0x0c000	/* kernel + identity map, old kernel */
#define TWIN_OFF_CROSS_TWIN	0x0d000	/* kernel + identity map, twin */
#define TWIN_OFF_SETUP_DATA	0x0e000	/* struct setup_data for the twin */
#define TWIN_OFF_SLOTS		0x10000	/* struct twin_slot by APIC id */
#define TWIN_OFF_FUNCTIONS	0x20000	/* PCI functions lent to the twin */
#define TWIN_OFF_PLATFORM	0x24000	/* struct twin_platform */
#define TWIN_OFF_MEMORY		0x28000	/* struct twin_memory_map */
#define TWIN_OFF_LOG		0x40000	/* the twin's log */
#define TWIN_LOG_SIZE		0x40000
#define TWIN_OFF_CHANNEL	0x100000 /* rings of the byte channel */
#define TWIN_CHANNEL_SIZE	0x100000

/* Below 1 MiB: the code through which a CPU comes out of an INIT. */
#define TWIN_SIPI_SIZE		0x2000
#define TWIN_SIPI_ROOT		0x1000	/* its page table */

/* struct twin_desc */
#define TWIN_DESC_GDTR		0x00
#define TWIN_DESC_IDTR		0x10
#define TWIN_DESC_GDT		0x20

/* Boot protocol selectors (Documentation/arch/x86/boot.rst, 64-bit). */
#define TWIN_CS			0x10
#define TWIN_DS			0x18

/* struct twin_slot */
#define TWIN_SLOT_ENTRY		0
#define TWIN_SLOT_ARG		8
#define TWIN_SLOT_STATE		16
#define TWIN_SLOT_GO		20
#define TWIN_SLOT_SIZE		256

/* twin_slot.state */
#define TWIN_CPU_AWAY		0	/* runs a kernel, or was never here */
#define TWIN_CPU_PARKED		1	/* halts in the park code */
#define TWIN_CPU_LEAVING	2	/* saw its entry, waits for go */
#define TWIN_CPU_LOST		3	/* stopped, and out of reach */
#define TWIN_CPU_RUNS		4	/* runs a twin and takes NMIs there */

#ifndef __ASSEMBLY__

#include <linux/build_bug.h>
#include <linux/types.h>

#define TWIN_SLOTS		256

/**
 * struct twin_slot - where one CPU parks
 * @entry:	physical address to jump to; nonzero wakes the CPU
 * @arg:	value of RSI there
 * @state:	TWIN_CPU_*
 * @go:		set by the waker once it sends no more NMIs
 * @stack:	stack of the park code (an NMI pushes 40 bytes)
 */
struct twin_slot {
	u64 entry;
	u64 arg;
	u32 state;
	u32 go;
	u8 stack[TWIN_SLOT_SIZE - 24];
};

static_assert(sizeof(struct twin_slot) == TWIN_SLOT_SIZE);

/* twin_handover_cpu.flags */
#define TWIN_CPU_GIVEN		(1U << 0) /* the twin may use it from its start */
#define TWIN_CPU_OFFLINE	(1U << 1) /* was offline in the old kernel */

struct twin_handover_cpu {
	u32 apic_id;
	u32 acpi_id;
	u32 flags;
	u32 reserved;
};

/**
 * struct twin_handover - head of the hand-over area
 * @magic:	TWIN_HANDOVER_MAGIC
 * @version:	TWIN_HANDOVER_VERSION of the old kernel
 * @commit:	enum twin_commit, changed by compare-and-exchange only
 * @twin_state:	enum twin_state, written by the twin
 * @old_parked:	nonzero once the old kernel's last CPU is about to park
 * @beats:	heartbeats of the twin
 * @tsc_khz:	TSC frequency
 * @lapic_hz:	LAPIC timer frequency after its divider, 0: unknown
 * @wall_ns:	CLOCK_REALTIME at @wall_tsc
 * @wall_tsc:	TSC that goes with it
 * @tsc_boot:	TSC when the first CPU was sent off
 * @tsc_entry:	TSC when the twin found this area
 * @tsc_alive:	TSC of its first heartbeat
 * @mem_start:	physical address of the twin's memory (and of this area)
 * @mem_size:	its size
 * @pmem_start:	physical address of the checkpoint memory
 * @pmem_size:	its size
 * @low_start:	more memory of the twin, below 4 GiB
 * @log_head:	bytes written to the log since the twin's start
 * @old_apic_id: CPU of the old kernel that takes the doorbell
 * @twin_apic_id: CPU of the twin that takes it, its boot CPU
 * @nr_cpus:	valid entries of @cpus; the twin's boot CPU comes first
 * @fence:	nonzero: every CPU of the twin that gets an NMI has to park
 * @cpus:	every CPU of the machine that the twin may ever own
 * @bsp_apic_id: the machine's boot processor, ~0: out of use
 * @reserved:	zero
 * @low_size:	its size, 0: @mem_start is below 4 GiB itself
 * @ram_end:	end of the machine's RAM
 * @sipi_start:	physical address of TWIN_SIPI_SIZE bytes below 1 MiB, handed on
 *		from kernel to kernel
 */
struct twin_handover {
	u64 magic;
	u32 version;
	u32 commit;
	u32 twin_state;
	u32 old_parked;
	u64 beats;
	u64 tsc_khz;
	u64 lapic_hz;
	u64 wall_ns;
	u64 wall_tsc;
	u64 tsc_boot;
	u64 tsc_entry;
	u64 tsc_alive;
	u64 mem_start;
	u64 mem_size;
	u64 pmem_start;
	u64 pmem_size;
	u64 low_start;
	u64 log_head;
	u32 old_apic_id;
	u32 twin_apic_id;
	u32 nr_cpus;
	u32 fence;
	struct twin_handover_cpu cpus[TWIN_SLOTS];
	u32 bsp_apic_id;
	u32 reserved;
	u64 low_size;
	u64 ram_end;
	u64 sipi_start;
};

static_assert(sizeof(struct twin_handover) <= TWIN_OFF_CODE);

#define TWIN_MAX_IOAPICS	32

/**
 * struct twin_platform_ioapic - what a twin cannot read of an IOAPIC
 * @address:	physical address
 * @id:		its register 0
 * @version:	its register 1
 * @reserved:	zero
 */
struct twin_platform_ioapic {
	u32 address;
	u32 id;
	u32 version;
	u32 reserved;
};

#define TWIN_MAX_WATCHDOGS	8

/**
 * struct twin_platform_watchdog - a watchdog that runs
 * @name:	of its device
 * @timeout:	seconds until it resets the machine, 0: no entry
 * @reserved:	zero
 */
struct twin_platform_watchdog {
	char name[56];
	u32 timeout;
	u32 reserved;
};

/**
 * struct twin_platform - what a twin must know of the board
 * @nr_legacy_irqs: interrupts of the legacy PIC, 0: there is none
 * @nr_ioapics:	valid entries of @ioapics
 * @ioapics:	those that the old kernel had at its boot
 * @watchdogs:	those that ran when the old kernel parked
 */
struct twin_platform {
	u32 nr_legacy_irqs;
	u32 nr_ioapics;
	struct twin_platform_ioapic ioapics[TWIN_MAX_IOAPICS];
	struct twin_platform_watchdog watchdogs[TWIN_MAX_WATCHDOGS];
};

#define TWIN_LENT_MAX		256

/**
 * enum twin_lent_state - in whose hands a function is
 * @TWIN_LENT_FREE:	the entry is not used
 * @TWIN_LENT_OFFERED:	neither drives it; the twin may accept it, the old
 *			kernel take it back
 * @TWIN_LENT_ACCEPTED:	the twin drives it
 * @TWIN_LENT_WITHDRAWN: the old kernel takes it back
 */
enum twin_lent_state {
	TWIN_LENT_FREE,
	TWIN_LENT_OFFERED,
	TWIN_LENT_ACCEPTED,
	TWIN_LENT_WITHDRAWN,
};

/**
 * struct twin_lent - a PCI function that the old kernel does not drive now
 * @segment:	PCI segment
 * @bus:	bus
 * @devfn:	device << 3 | function
 * @state:	enum twin_lent_state; used entries change by compare-and-exchange
 */
struct twin_lent {
	u16 segment;
	u8 bus;
	u8 devfn;
	u32 state;
};

/**
 * struct twin_function_table - what the old kernel has lent to the twin
 * @entries: in no order; the old kernel adds and removes them
 */
struct twin_function_table {
	struct twin_lent entries[TWIN_LENT_MAX];
};

static_assert(sizeof(struct twin_function_table) <=
	      TWIN_OFF_PLATFORM - TWIN_OFF_FUNCTIONS);

/**
 * struct twin_memory_range - a piece of the machine's address space
 * @start:	physical address
 * @size:	bytes
 * @type:	what the firmware says it is (on x86: a type of e820)
 * @reserved:	zero
 */
struct twin_memory_range {
	u64 start;
	u64 size;
	u32 type;
	u32 reserved;
};

#define TWIN_MEMORY_RANGES	128

/**
 * struct twin_memory_map - memory of the whole machine, as its firmware gave it
 * @nr:		valid entries of @range
 * @reserved:	zero
 * @range:	sorted by address
 *
 * Handed on from kernel to kernel: a twin's own map has only its share.
 */
struct twin_memory_map {
	u32 nr;
	u32 reserved;
	struct twin_memory_range range[TWIN_MEMORY_RANGES];
};

static_assert(sizeof(struct twin_memory_map) <=
	      TWIN_OFF_LOG - TWIN_OFF_MEMORY);

/**
 * struct twin_setup_payload - payload of the SETUP_TWIN entry of setup_data
 * @handover: physical address of the hand-over area
 */
struct twin_setup_payload {
	u64 handover;
};

#endif /* !__ASSEMBLY__ */
#endif /* _DRIVERS_TWIN_HANDOVER_H */
