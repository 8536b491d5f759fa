// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the queue that each reader of /dev/twin has. */
#include <kunit/test.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/poll.h>
#include <linux/uaccess.h>

#include "events.h"
#include "twin.h"

#define QUEUE_LEN	64

static int events_init(struct kunit *test)
{
	struct file *file = kunit_kzalloc(test, sizeof(*file), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, file);
	file->f_flags = O_NONBLOCK;
	KUNIT_ASSERT_EQ(test, twin_events_open(file), 0);
	test->priv = file;
	return 0;
}

static void events_exit(struct kunit *test)
{
	if (test->priv)
		twin_events_close(test->priv);
}

static unsigned long user_buffer(struct kunit *test)
{
	unsigned long user = kunit_vm_mmap(test, NULL, 0, SZ_64K,
					   PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_LT(test, user, TASK_SIZE);
	return user;
}

static void events_keep_their_order(struct kunit *test)
{
	unsigned long user = user_buffer(test);
	struct twin_event event[3];

	twin_post_event(TWIN_STATE_ALIVE, 10);
	twin_post_event(TWIN_EVENT_COMMITTED, 20);
	KUNIT_EXPECT_EQ(test, twin_events_poll(test->priv, NULL),
			EPOLLIN | EPOLLRDNORM);
	KUNIT_ASSERT_EQ(test, twin_events_read(test->priv, (void __user *)user,
					       SZ_64K, NULL),
			2 * sizeof(event[0]));
	KUNIT_ASSERT_EQ(test, 0, copy_from_user(event, (void __user *)user,
						sizeof(event)));
	KUNIT_EXPECT_EQ(test, event[0].type, TWIN_STATE_ALIVE);
	KUNIT_EXPECT_EQ(test, event[0].tsc, 10);
	KUNIT_EXPECT_EQ(test, event[1].type, TWIN_EVENT_COMMITTED);
	KUNIT_EXPECT_EQ(test, event[1].tsc, 20);
	KUNIT_EXPECT_EQ(test, twin_events_poll(test->priv, NULL), 0);
}

/* Who does not read loses the newest, and nothing else. */
static void events_do_not_pile_up(struct kunit *test)
{
	unsigned long user = user_buffer(test);
	struct twin_event event;
	unsigned int i;

	for (i = 0; i < 2 * QUEUE_LEN; i++)
		twin_post_event(TWIN_STATE_ALIVE, i);
	for (i = 0; i < QUEUE_LEN; i++) {
		KUNIT_ASSERT_EQ(test,
				twin_events_read(test->priv, (void __user *)user,
						 sizeof(event), NULL),
				sizeof(event));
		KUNIT_ASSERT_EQ(test, 0, copy_from_user(&event,
							(void __user *)user,
							sizeof(event)));
		KUNIT_EXPECT_EQ(test, event.tsc, i);
	}
	KUNIT_EXPECT_EQ(test, -EAGAIN,
			twin_events_read(test->priv, (void __user *)user,
					 sizeof(event), NULL));
}

static struct kunit_case events_cases[] = {
	KUNIT_CASE(events_keep_their_order),
	KUNIT_CASE(events_do_not_pile_up),
	{}
};

static struct kunit_suite events_suite = {
	.name = "twin_events",
	.init = events_init,
	.exit = events_exit,
	.test_cases = events_cases,
};

kunit_test_suite(events_suite);
