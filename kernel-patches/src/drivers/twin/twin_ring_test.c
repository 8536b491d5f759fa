// SPDX-License-Identifier: GPL-2.0-only
/* KUnit tests of the ring, honest peers and others. */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "twin_ring.h"

#define AREA_SIZE	4096
#define RECORD_HEAD	8

struct ends {
	struct twin_ring_shared *shared;
	struct twin_ring tx;
	struct twin_ring rx;
};

static int ring_init(struct kunit *test)
{
	struct ends *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);
	void *area = kunit_kzalloc(test, AREA_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, e);
	KUNIT_ASSERT_NOT_NULL(test, area);
	twin_ring_format(area);
	twin_ring_attach(&e->tx, area, AREA_SIZE);
	twin_ring_attach(&e->rx, area, AREA_SIZE);
	e->shared = area;
	test->priv = e;
	return 0;
}

static int put(struct ends *e, const void *data, size_t len)
{
	struct kvec span[TWIN_RING_SPANS];
	int r = twin_ring_produce(&e->tx, len, span);

	if (r)
		return r;
	memcpy(span[0].iov_base, data, span[0].iov_len);
	memcpy(span[1].iov_base, data + span[0].iov_len, span[1].iov_len);
	twin_ring_commit(&e->tx);
	return 0;
}

static ssize_t peek(struct ends *e, u8 *data)
{
	struct kvec span[TWIN_RING_SPANS];
	ssize_t len = twin_ring_consume(&e->rx, span);

	if (len < 0)
		return len;
	memcpy(data, span[0].iov_base, span[0].iov_len);
	memcpy(data + span[0].iov_len, span[1].iov_base, span[1].iov_len);
	return len;
}

static void ring_is_empty_at_first(struct kunit *test)
{
	struct ends *e = test->priv;
	u8 data[16];

	KUNIT_EXPECT_EQ(test, peek(e, data), -EAGAIN);
}

static void ring_keeps_a_record_until_released(struct kunit *test)
{
	struct ends *e = test->priv;
	u8 data[16];

	KUNIT_EXPECT_EQ(test, put(e, "hello", 5), 0);
	KUNIT_EXPECT_EQ(test, peek(e, data), 5);
	KUNIT_EXPECT_EQ(test, peek(e, data), 5);
	KUNIT_EXPECT_MEMEQ(test, data, "hello", 5);
	KUNIT_EXPECT_FALSE(test, twin_ring_release(&e->rx));
	KUNIT_EXPECT_EQ(test, peek(e, data), -EAGAIN);
}

/* Records of every length go through in order, also around the end. */
static void ring_wraps(struct kunit *test)
{
	u8 *in = kunit_kzalloc(test, AREA_SIZE, GFP_KERNEL);
	u8 *out = kunit_kzalloc(test, AREA_SIZE, GFP_KERNEL);
	struct ends *e = test->priv;
	struct rnd_state rnd;
	size_t len;

	KUNIT_ASSERT_NOT_NULL(test, in);
	KUNIT_ASSERT_NOT_NULL(test, out);
	prandom_seed_state(&rnd, 2);
	for (len = 1; len <= e->tx.size - RECORD_HEAD; len++) {
		prandom_bytes_state(&rnd, in, len);
		KUNIT_ASSERT_EQ(test, put(e, in, len), 0);
		KUNIT_ASSERT_EQ(test, peek(e, out), len);
		KUNIT_ASSERT_MEMEQ(test, in, out, len);
		twin_ring_release(&e->rx);
	}
}

static void ring_full_asks_for_a_doorbell(struct kunit *test)
{
	struct ends *e = test->priv;
	u8 data[24] = { 1 };
	unsigned int n = 0;

	while (!put(e, data, sizeof(data)))
		n++;
	KUNIT_EXPECT_EQ(test, n, e->tx.size / (RECORD_HEAD + sizeof(data)));
	KUNIT_EXPECT_EQ(test, put(e, data, sizeof(data)), -EAGAIN);

	KUNIT_EXPECT_EQ(test, peek(e, data), (ssize_t)sizeof(data));
	KUNIT_EXPECT_TRUE(test, twin_ring_release(&e->rx));
	KUNIT_EXPECT_EQ(test, peek(e, data), (ssize_t)sizeof(data));
	KUNIT_EXPECT_FALSE(test, twin_ring_release(&e->rx));
	KUNIT_EXPECT_EQ(test, put(e, data, sizeof(data)), 0);
}

static void ring_refuses_what_never_fits(struct kunit *test)
{
	struct kvec span[TWIN_RING_SPANS];
	struct ends *e = test->priv;

	KUNIT_EXPECT_EQ(test, -EMSGSIZE,
			twin_ring_produce(&e->tx, e->tx.size, span));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE,
			twin_ring_produce(&e->tx, SIZE_MAX, span));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE,
			twin_ring_produce(&e->tx, SIZE_MAX - 16, span));
}

static void ring_survives_a_bad_consumer(struct kunit *test)
{
	struct ends *e = test->priv;

	e->shared->tail = 8;
	KUNIT_EXPECT_EQ(test, put(e, "x", 1), -EIO);
	e->shared->tail = -(e->tx.size + 8);
	KUNIT_EXPECT_EQ(test, put(e, "x", 1), -EIO);
}

static void ring_survives_a_bad_producer(struct kunit *test)
{
	struct ends *e = test->priv;
	u8 data[16];

	e->shared->head = e->rx.size + 8;
	KUNIT_EXPECT_EQ(test, peek(e, data), -EIO);
	e->shared->head = -8ULL;
	KUNIT_EXPECT_EQ(test, peek(e, data), -EIO);
	e->shared->head = 7;
	KUNIT_EXPECT_EQ(test, peek(e, data), -EIO);
}

static void ring_survives_a_bad_length(struct kunit *test)
{
	static const u32 bad[] = { 0, 9, AREA_SIZE, S32_MAX, U32_MAX };
	struct ends *e = test->priv;
	u8 data[16];
	int i;

	KUNIT_ASSERT_EQ(test, put(e, "12345678", 8), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		*(u32 *)e->shared->data = bad[i];
		KUNIT_EXPECT_EQ(test, peek(e, data), -EIO);
	}
	*(u32 *)e->shared->data = 8;
	KUNIT_EXPECT_EQ(test, peek(e, data), 8);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE(ring_is_empty_at_first),
	KUNIT_CASE(ring_keeps_a_record_until_released),
	KUNIT_CASE(ring_wraps),
	KUNIT_CASE(ring_full_asks_for_a_doorbell),
	KUNIT_CASE(ring_refuses_what_never_fits),
	KUNIT_CASE(ring_survives_a_bad_consumer),
	KUNIT_CASE(ring_survives_a_bad_producer),
	KUNIT_CASE(ring_survives_a_bad_length),
	{}
};

static struct kunit_suite ring_suite = {
	.name = "twin_ring",
	.init = ring_init,
	.test_cases = ring_cases,
};

kunit_test_suite(ring_suite);

MODULE_DESCRIPTION("KUnit tests of the ring between twin kernels");
MODULE_LICENSE("GPL");
