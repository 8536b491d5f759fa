// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of reading the twin's log, with any position the twin may tell. */
#include <kunit/test.h>
#include <linux/mman.h>
#include <linux/uaccess.h>

#include "twin.h"

#define AREA_SIZE	(TWIN_OFF_LOG + TWIN_LOG_SIZE)

struct log_ends {
	struct twin_area area;
	unsigned long user;
	u8 *copy;
};

/* The byte that was written at a position of the log. */
static u8 byte_at(u64 position)
{
	return position * 31 + (position >> 8);
}

static int log_init(struct kunit *test)
{
	struct log_ends *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, e);
	e->area.base = kunit_kzalloc(test, AREA_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, e->area.base);
	e->copy = kunit_kzalloc(test, TWIN_LOG_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, e->copy);
	e->user = kunit_vm_mmap(test, NULL, 0, TWIN_LOG_SIZE,
				PROT_READ | PROT_WRITE,
				MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_LT(test, e->user, TASK_SIZE);
	test->priv = e;
	return 0;
}

/* As if the twin had written up to here. */
static void fill(struct log_ends *e, u64 head)
{
	u8 *ring = e->area.base + TWIN_OFF_LOG;
	u64 i, size = min_t(u64, head, TWIN_LOG_SIZE);

	for (i = head - size; i != head; i++)
		ring[i % TWIN_LOG_SIZE] = byte_at(i);
	twin_header(&e->area)->log_head = head;
}

static void expect_read(struct kunit *test, u64 offset, u32 len, u64 from, u32 got)
{
	struct log_ends *e = test->priv;
	struct twin_log arg = { .offset = offset, .buf = e->user, .len = len };
	u32 i;

	KUNIT_ASSERT_EQ(test, twin_log_read(&e->area, &arg), 0);
	KUNIT_EXPECT_EQ(test, arg.offset, from);
	KUNIT_ASSERT_EQ(test, arg.len, got);
	KUNIT_ASSERT_EQ(test, 0, copy_from_user(e->copy, (void __user *)e->user, got));
	for (i = 0; i < got; i++)
		KUNIT_ASSERT_EQ(test, e->copy[i], byte_at(from + i));
}

static void log_is_empty_at_first(struct kunit *test)
{
	expect_read(test, 0, 100, 0, 0);
	expect_read(test, 50, 100, 0, 0);
}

static void log_is_read_from_any_offset(struct kunit *test)
{
	fill(test->priv, 1000);
	expect_read(test, 0, TWIN_LOG_SIZE, 0, 1000);
	expect_read(test, 0, 10, 0, 10);
	expect_read(test, 990, 100, 990, 10);
	expect_read(test, 1000, 100, 1000, 0);
	expect_read(test, U64_MAX, 100, 1000, 0);
	expect_read(test, 500, 0, 500, 0);
}

static void log_loses_the_oldest(struct kunit *test)
{
	u64 head = TWIN_LOG_SIZE + 1000;

	fill(test->priv, head);
	expect_read(test, 0, 100, 1000, 100);
	expect_read(test, 0, TWIN_LOG_SIZE, 1000, TWIN_LOG_SIZE);
	/* Around the end of the ring. */
	expect_read(test, TWIN_LOG_SIZE - 10, 20, TWIN_LOG_SIZE - 10, 20);
	expect_read(test, TWIN_LOG_SIZE, 20, TWIN_LOG_SIZE, 20);
}

/* Whatever the twin says, nothing outside of the ring is read. */
static void log_survives_any_position(struct kunit *test)
{
	static const u64 heads[] = { BIT_ULL(32) + 17, BIT_ULL(63) - 1, U64_MAX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(heads); i++) {
		fill(test->priv, heads[i]);
		expect_read(test, 0, TWIN_LOG_SIZE, heads[i] - TWIN_LOG_SIZE,
			    TWIN_LOG_SIZE);
		expect_read(test, heads[i] - 5, 100, heads[i] - 5, 5);
	}
}

static void log_refuses_a_bad_address(struct kunit *test)
{
	struct log_ends *e = test->priv;
	struct twin_log arg = { .buf = TASK_SIZE_MAX, .len = 1 };

	fill(e, 10);
	KUNIT_EXPECT_EQ(test, twin_log_read(&e->area, &arg), -EFAULT);
}

static struct kunit_case log_cases[] = {
	KUNIT_CASE(log_is_empty_at_first),
	KUNIT_CASE(log_is_read_from_any_offset),
	KUNIT_CASE(log_loses_the_oldest),
	KUNIT_CASE(log_survives_any_position),
	KUNIT_CASE(log_refuses_a_bad_address),
	{}
};

static struct kunit_suite log_suite = {
	.name = "twin_log",
	.init = log_init,
	.test_cases = log_cases,
};

kunit_test_suite(log_suite);
