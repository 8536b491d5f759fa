// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of what is made of a twin's heartbeat and last words. */
#include <kunit/test.h>

#include "twin.h"

static void set_area(void *base)
{
	mutex_lock(&twin_area_lock);
	twin_below.base = base;
	mutex_unlock(&twin_area_lock);
}

/* A header that no twin writes to but the test. */
static int state_init(struct kunit *test)
{
	struct twin_handover *ho;

	if (twin_below.base)
		kunit_skip(test, "there is a twin");
	ho = kunit_kzalloc(test, sizeof(*ho), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ho);
	test->priv = ho;
	set_area(ho);
	twin_watch_start();
	return 0;
}

static void state_exit(struct kunit *test)
{
	if (!test->priv)
		return;
	twin_watch_stop();
	set_area(NULL);
	twin_set_state(TWIN_STATE_NONE);
}

static void state_is_booting_at_first(struct kunit *test)
{
	twin_doorbell();
	KUNIT_EXPECT_EQ(test, twin_get_state(), TWIN_STATE_BOOTING);
	KUNIT_EXPECT_EQ(test, twin_beats_seen(), 0);
}

static void state_is_alive_with_the_first_beat(struct kunit *test)
{
	struct twin_handover *ho = test->priv;

	ho->beats = 1;
	twin_doorbell();
	KUNIT_EXPECT_EQ(test, twin_get_state(), TWIN_STATE_ALIVE);
	ho->beats = 7;
	twin_doorbell();
	KUNIT_EXPECT_EQ(test, twin_beats_seen(), 7);
}

/* The beats that go on until the last CPU has stopped mean nothing. */
static void state_is_what_the_twin_told(struct kunit *test)
{
	static const u32 told[] = {
		TWIN_STATE_PANICKED, TWIN_STATE_HALTED, TWIN_STATE_REFUSED,
	};
	struct twin_handover *ho = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(told); i++) {
		ho->twin_state = told[i];
		twin_doorbell();
		KUNIT_EXPECT_EQ(test, twin_get_state(), told[i]);
		ho->beats++;
		twin_doorbell();
		KUNIT_EXPECT_EQ(test, twin_get_state(), told[i]);
	}
}

static void state_ignores_nonsense(struct kunit *test)
{
	static const u32 nonsense[] = {
		TWIN_STATE_RESERVED, TWIN_STATE_ALIVE, TWIN_STATE_LOST,
		TWIN_STATE_REFUSED + 1, U32_MAX,
	};
	struct twin_handover *ho = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nonsense); i++) {
		ho->twin_state = nonsense[i];
		twin_doorbell();
		KUNIT_EXPECT_EQ(test, twin_get_state(), TWIN_STATE_BOOTING);
	}
}

/* A stray doorbell after the end must not look at an area that is gone. */
static void state_stays_when_nobody_watches(struct kunit *test)
{
	struct twin_handover *ho = test->priv;

	twin_watch_stop();
	ho->beats = 1;
	twin_doorbell();
	KUNIT_EXPECT_EQ(test, twin_get_state(), TWIN_STATE_BOOTING);
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(state_is_booting_at_first),
	KUNIT_CASE(state_is_alive_with_the_first_beat),
	KUNIT_CASE(state_is_what_the_twin_told),
	KUNIT_CASE(state_ignores_nonsense),
	KUNIT_CASE(state_stays_when_nobody_watches),
	{}
};

static struct kunit_suite state_suite = {
	.name = "twin_state",
	.init = state_init,
	.exit = state_exit,
	.test_cases = state_cases,
};

kunit_test_suite(state_suite);
