/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets of CPUs as the kernel writes them: "0-3,6".
 */
#pragma once

#include <linux/twin.h>

#include "util.h"

typedef struct CpuSet {
        uint64_t words[TWIN_CPU_WORDS];         /* bit N = logical CPU N */
} CpuSet;

bool cpu_set_has(const CpuSet *s, unsigned cpu);
void cpu_set_add(CpuSet *s, unsigned cpu);
void cpu_set_remove(CpuSet *s, unsigned cpu);
unsigned cpu_set_count(const CpuSet *s);

/**
 * cpu_set_parse() - read a list
 * @text:	such as "0-3,6"; white space at its end is ignored
 * @ret:	the set
 *
 * Return: 0; -EINVAL when it is not a list; -ERANGE for a CPU above TWIN_MAX_CPUS - 1.
 */
int cpu_set_parse(const char *text, CpuSet *ret);

/* The list as text, "" for the empty set; NULL when out of memory. */
char *cpu_set_to_string(const CpuSet *s);

/* The CPUs that are online, from /sys. */
int cpu_set_online(CpuSet *ret);

/**
 * cpu_set_upper_half() - the part of the online CPUs that a twin gets by default
 * @online:	what there is
 * @boot_cpu:	the boot processor, the last to be chosen: only by an NMI can it be had back
 * @ret:	half of them, rounded down, the higher numbered ones first, never CPU 0
 */
void cpu_set_upper_half(const CpuSet *online, unsigned boot_cpu, CpuSet *ret);
