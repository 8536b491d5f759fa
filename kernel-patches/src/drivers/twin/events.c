// SPDX-License-Identifier: GPL-2.0
/*
 * Records for the readers of /dev/twin: each opening has a queue of its own.
 */
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/kfifo.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "events.h"
#include "twin.h"

/* Events a reader may leave unread before the newest are dropped. */
#define QUEUE_LEN	64

struct event_reader {
	struct list_head list;
	DECLARE_KFIFO(queue, struct twin_event, QUEUE_LEN);
};

static LIST_HEAD(readers);
static DEFINE_RAW_SPINLOCK(readers_lock);
static DECLARE_WAIT_QUEUE_HEAD(readers_wait);

/* Events are posted under raw locks; waking sleepers is left to later. */
static void wake_readers(struct irq_work *work)
{
	wake_up_interruptible(&readers_wait);
}

static DEFINE_IRQ_WORK(wake_work, wake_readers);

/**
 * twin_post_event - tell every reader
 * @type: enum twin_state or TWIN_EVENT_*
 * @tsc:  when it happened
 *
 * Any context.
 */
void twin_post_event(u32 type, u64 tsc)
{
	struct twin_event event = { .type = type, .tsc = tsc };
	struct event_reader *reader;
	unsigned long flags;

	raw_spin_lock_irqsave(&readers_lock, flags);
	list_for_each_entry(reader, &readers, list)
		kfifo_put(&reader->queue, event);
	raw_spin_unlock_irqrestore(&readers_lock, flags);
	irq_work_queue(&wake_work);
}

int twin_events_open(struct file *file)
{
	struct event_reader *reader = kzalloc(sizeof(*reader), GFP_KERNEL);

	if (!reader)
		return -ENOMEM;
	INIT_KFIFO(reader->queue);
	file->private_data = reader;
	raw_spin_lock_irq(&readers_lock);
	list_add(&reader->list, &readers);
	raw_spin_unlock_irq(&readers_lock);
	return 0;
}

void twin_events_close(struct file *file)
{
	struct event_reader *reader = file->private_data;

	raw_spin_lock_irq(&readers_lock);
	list_del(&reader->list);
	raw_spin_unlock_irq(&readers_lock);
	kfree(reader);
}

static bool take_event(struct event_reader *reader, struct twin_event *event)
{
	bool got;

	raw_spin_lock_irq(&readers_lock);
	got = kfifo_get(&reader->queue, event);
	raw_spin_unlock_irq(&readers_lock);
	return got;
}

static bool has_event(struct event_reader *reader)
{
	return !kfifo_is_empty(&reader->queue);
}

ssize_t twin_events_read(struct file *file, char __user *buf, size_t len,
			 loff_t *pos)
{
	struct event_reader *reader = file->private_data;
	struct twin_event event;
	size_t done = 0;
	int r;

	if (len < sizeof(event))
		return -EINVAL;
	if (!has_event(reader)) {
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		r = wait_event_interruptible(readers_wait, has_event(reader));
		if (r)
			return r;
	}
	while (len - done >= sizeof(event) && take_event(reader, &event)) {
		if (copy_to_user(buf + done, &event, sizeof(event)))
			return done ?: -EFAULT;
		done += sizeof(event);
	}
	return done ?: -EAGAIN;
}

__poll_t twin_events_poll(struct file *file, struct poll_table_struct *wait)
{
	poll_wait(file, &readers_wait, wait);
	return has_event(file->private_data) ? EPOLLIN | EPOLLRDNORM : 0;
}
