// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of cutting ranges out of lists: of small ones every case. */
#include <kunit/test.h>

#include "twin.h"

#define ROOM	4
#define SPACE	12

/* The addresses below SPACE that a list covers, as bits. */
static u32 covered(const struct twin_range *ranges, unsigned int nr)
{
	u32 bits = 0;
	unsigned int i;
	u64 at;

	for (i = 0; i < nr; i++)
		for (at = ranges[i].start; at < twin_range_end(&ranges[i]); at++)
			bits |= BIT(at);
	return bits;
}

static void expect_list(struct kunit *test, const struct twin_range *ranges,
			unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_NE(test, ranges[i].size, 0);
		if (i)
			KUNIT_EXPECT_LE(test, twin_range_end(&ranges[i - 1]),
					ranges[i].start);
	}
}

static void cut_leaves_the_rest(struct kunit *test)
{
	static const struct twin_range list[] = {
		{ .start = 1, .size = 3 }, { .start = 4, .size = 2 },
		{ .start = 8, .size = 3 },
	};
	unsigned int nr;
	u64 from, to;

	for (from = 0; from < SPACE; from++) {
		for (to = from; to < SPACE; to++) {
			struct twin_range cut = { .start = from, .size = to - from };
			struct twin_range ranges[ROOM];

			memcpy(ranges, list, sizeof(list));
			nr = twin_range_cut(ranges, ARRAY_SIZE(list), &cut, ROOM);
			KUNIT_ASSERT_LE(test, nr, ROOM);
			expect_list(test, ranges, nr);
			KUNIT_EXPECT_EQ(test, covered(ranges, nr),
					covered(list, ARRAY_SIZE(list)) &
					~covered(&cut, 1));
		}
	}
}

/* Nothing is written behind the end; what has no room is at the end. */
static void cut_of_a_full_list(struct kunit *test)
{
	struct twin_range cut = { .start = 11, .size = 1 };
	struct twin_range ranges[ROOM + 1] = {
		{ .start = 0, .size = 1 }, { .start = 2, .size = 1 },
		{ .start = 4, .size = 1 }, { .start = 10, .size = 3 },
		{ .start = 99, .size = 1 },
	};

	KUNIT_EXPECT_EQ(test, twin_range_cut(ranges, ROOM, &cut, ROOM), ROOM);
	KUNIT_EXPECT_EQ(test, ranges[ROOM - 1].start, 10);
	KUNIT_EXPECT_EQ(test, ranges[ROOM - 1].size, 1);
	KUNIT_EXPECT_EQ(test, ranges[ROOM].start, 99);

	cut = (struct twin_range){ .start = 0, .size = 99 };
	KUNIT_EXPECT_EQ(test, twin_range_cut(ranges, ROOM, &cut, ROOM), 0);
}

static void cut_at_the_end_of_addresses(struct kunit *test)
{
	struct twin_range all = { .start = 0, .size = U64_MAX };
	struct twin_range cut = { .start = SZ_4G, .size = U64_MAX - SZ_4G };
	struct twin_range ranges[ROOM] = { all };

	KUNIT_EXPECT_EQ(test, twin_range_cut(ranges, 1, &cut, ROOM), 1);
	KUNIT_EXPECT_EQ(test, ranges[0].start, 0);
	KUNIT_EXPECT_EQ(test, ranges[0].size, SZ_4G);
}

static void cut_of_an_empty_list(struct kunit *test)
{
	struct twin_range cut = { .size = 1 }, ranges[ROOM];

	KUNIT_EXPECT_EQ(test, twin_range_cut(ranges, 0, &cut, ROOM), 0);
}

static struct kunit_case ranges_cases[] = {
	KUNIT_CASE(cut_leaves_the_rest),
	KUNIT_CASE(cut_of_a_full_list),
	KUNIT_CASE(cut_at_the_end_of_addresses),
	KUNIT_CASE(cut_of_an_empty_list),
	{}
};

static struct kunit_suite ranges_suite = {
	.name = "twin_ranges",
	.test_cases = ranges_cases,
};

kunit_test_suite(ranges_suite);
