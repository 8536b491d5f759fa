/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Internal interface of the twin subsystem.
 *
 * A kernel can be on either side of a hand-over area, or on both: it lies
 * "above" a twin that it boots (twin_below) and "below" the kernel that booted
 * it (twin_above).
 */
#ifndef _DRIVERS_TWIN_TWIN_H
#define _DRIVERS_TWIN_TWIN_H

#include <linux/cpumask.h>
#include <linux/memory_hotplug.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <uapi/linux/twin.h>

#include "handover.h"

struct list_head;
struct pci_dev;

/**
 * struct twin_area - a mapped hand-over area
 * @base:	kernel address, NULL: there is none
 * @pa:		physical address
 */
struct twin_area {
	void *base;
	phys_addr_t pa;
};

static inline struct twin_handover *twin_header(const struct twin_area *area)
{
	return area->base + TWIN_OFF_HEADER;
}

static inline struct twin_slot *twin_slot(const struct twin_area *area,
					  u32 apic_id)
{
	return area->base + TWIN_OFF_SLOTS + apic_id * TWIN_SLOT_SIZE;
}

/* Serialises every change of state; see device.c. */
extern struct mutex twin_lock;

/* Keeps twin_below mapped; nests inside twin_lock. */
extern struct mutex twin_area_lock;

extern struct twin_area twin_below;	/* the twin this kernel runs */
extern struct twin_area twin_above;	/* the kernel that booted this one */

/* state.c: what the twin below does, and who hears of it */
enum twin_state twin_get_state(void);
void twin_set_state(enum twin_state state);
void twin_post_event(u32 type, u64 tsc);
void twin_doorbell(void);
void twin_watch_start(void);
void twin_watch_stop(void);
u64 twin_beats_seen(void);

/* region.c: the memory of the twin below */
struct twin_range {
	u64 start;
	u64 size;
	int nid;
};

static inline u64 twin_range_end(const struct twin_range *range)
{
	return range->start + range->size;
}

unsigned int twin_range_cut(struct twin_range *ranges, unsigned int nr,
			    const struct twin_range *cut, unsigned int max);

/**
 * struct twin_region - memory reserved for a twin
 * @ram:	its memory; begins with the hand-over area
 * @pmem:	checkpoint memory
 * @low:	more of it below 4 GiB, if @ram lies above
 * @from_boot:	@ram and @pmem are part of what twin= set aside
 */
struct twin_region {
	struct twin_range ram;
	struct twin_range pmem;
	struct twin_range low;
	bool from_boot;
};

extern struct twin_region twin_region;
u64 twin_region_block_size(void);
u64 twin_region_boot_size(void);
int twin_add_memory(int nid, u64 start, u64 size, enum mmop type,
		    struct resource *res);
int twin_region_reserve(u64 size, u64 pmem_size);
void twin_region_release(void);
u64 twin_region_set_aside(struct twin_range *ranges, unsigned int nr,
			  struct twin_range *aside);

/* memory.c: RAM of the kernel above */
int twin_memory_takeover(void);

/* cpus.c: the CPUs of the twin below */
extern struct cpumask twin_cpus;
int twin_cpus_check(const struct cpumask *cpus);
int twin_cpus_reserve(const struct cpumask *cpus);
void twin_cpus_release(void);
int twin_cpus_fence(void);
void twin_cpus_bring_back(void);

/* boot.c */
int twin_boot(void);
int twin_kill(void);
int twin_abort(void);
int twin_park_machine(void);

/* guest.c: this kernel as a twin */
bool twin_owns_machine(void);
int twin_guest_commit(void);
int twin_guest_takeover(struct twin_takeover *arg);
void twin_guest_set_state(enum twin_state state);

/* quiesce.c: devices of this kernel come to rest */
int twin_quiesce(struct pci_dev *pdev, struct list_head *devices);
int twin_resume(struct list_head *devices);
void twin_quiesce_machine(void);

/* functions.c: PCI functions lent to a twin */
bool twin_function_is_lent(const struct pci_dev *pdev);
bool twin_function_is_mine(u16 segment, u8 bus, u8 devfn);
int twin_function_give(const struct twin_function *arg);
int twin_function_take(const struct twin_function *arg);
int twin_function_accept(const struct twin_function *arg);
int twin_function_return(const struct twin_function *arg);
void twin_functions_take_all(void);

/* watchdog.c */
#ifdef CONFIG_WATCHDOG_CORE
void twin_watchdogs_park(void);
#else
static inline void twin_watchdogs_park(void) { }
#endif

/* log.c */
void twin_log_init(void);
int twin_log_read(const struct twin_area *area, struct twin_log *arg);

/* device.c */
#if IS_ENABLED(CONFIG_KUNIT)
void twin_cpus_to_user(u64 *words, const struct cpumask *cpus);
int twin_cpus_from_user(struct cpumask *cpus, const u64 *words);
#endif

/* arch/x86/kernel/twin */
void twin_arch_init_area(const struct twin_area *area);
void twin_arch_fill_header(struct twin_handover *ho);
void twin_arch_attach_area(const struct twin_area *area);
void __noreturn twin_arch_park(const struct twin_area *area, bool above);
void __noreturn twin_arch_park_last(const struct twin_area *area);
void twin_arch_park_others(const struct twin_area *area);
int twin_arch_wake(const struct twin_area *area, u32 apic_id, u64 entry,
		   u64 arg);
void twin_arch_fence(const struct twin_area *area, u32 apic_id);
void twin_arch_doorbell(u32 apic_id);
u32 twin_arch_apic_id(int cpu);
int twin_arch_apic_to_cpu(u32 apic_id);
u32 twin_arch_bsp(void);
bool twin_arch_la57(void);
u64 twin_arch_memory_limit(void);
int twin_arch_split_map(u64 start, u64 size);
const struct twin_memory_map *twin_arch_machine_map(void);
bool twin_arch_is_ram(const struct twin_memory_range *range);
void twin_arch_own_ranges(struct twin_range own[2]);
int twin_arch_memory_taken(void);
void twin_arch_reserve_memmap(u64 start, u64 size);
void twin_arch_prepare_zones(int nid, u64 start);
u64 twin_arch_sipi_start(void);
phys_addr_t twin_arch_guest_area(void);
int twin_arch_take_board(void);
int twin_arch_take_legacy(void);

bool twin_arch_has_ecam(void);
void twin_arch_share_config(void);
void twin_arch_unshare_config(void);
int twin_arch_add_function(u16 segment, u8 bus, u8 devfn);
int twin_arch_take_functions(void);

#endif /* _DRIVERS_TWIN_TWIN_H */
