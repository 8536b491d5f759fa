// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the CPU masks of the interface. */
#include <kunit/test.h>

#include "twin.h"

/* Too large for the stack. */
static struct cpumask mask, back;

static void cpus_go_there_and_back(struct kunit *test)
{
	u64 words[TWIN_CPU_WORDS] = {};
	int cpu;

	cpumask_clear(&mask);
	for_each_possible_cpu(cpu)
		if (cpu < TWIN_MAX_CPUS && cpu % 3 != 1)
			cpumask_set_cpu(cpu, &mask);
	twin_cpus_to_user(words, &mask);
	KUNIT_EXPECT_EQ(test, twin_cpus_from_user(&back, words), 0);
	KUNIT_EXPECT_TRUE(test, cpumask_equal(&mask, &back));
}

static void cpus_have_their_bits(struct kunit *test)
{
	u64 words[TWIN_CPU_WORDS] = {};

	cpumask_clear(&mask);
	cpumask_set_cpu(0, &mask);
	if (nr_cpu_ids > 65)
		cpumask_set_cpu(65, &mask);
	twin_cpus_to_user(words, &mask);
	KUNIT_EXPECT_EQ(test, words[0], 1);
	KUNIT_EXPECT_EQ(test, words[1], nr_cpu_ids > 65 ? 2 : 0);
}

/* No bit is dropped without a word. */
static void cpus_unknown_are_refused(struct kunit *test)
{
	unsigned int cpu;

	for (cpu = nr_cpu_ids; cpu < TWIN_MAX_CPUS; cpu++) {
		u64 words[TWIN_CPU_WORDS] = { 1 };

		words[cpu / 64] |= BIT_ULL(cpu % 64);
		KUNIT_EXPECT_EQ(test, twin_cpus_from_user(&back, words), -ENODEV);
	}
}

static struct kunit_case device_cases[] = {
	KUNIT_CASE(cpus_go_there_and_back),
	KUNIT_CASE(cpus_have_their_bits),
	KUNIT_CASE(cpus_unknown_are_refused),
	{}
};

static struct kunit_suite device_suite = {
	.name = "twin_device",
	.test_cases = device_cases,
};

kunit_test_suite(device_suite);
