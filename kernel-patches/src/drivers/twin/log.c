// SPDX-License-Identifier: GPL-2.0
/*
 * The twin's log: a console that writes to a ring in the hand-over area, where
 * the old kernel can read it even after the twin's death.
 */
#include <linux/console.h>
#include <linux/init.h>
#include <linux/uaccess.h>

#include "twin.h"

static char *log_ring(const struct twin_area *area)
{
	return area->base + TWIN_OFF_LOG;
}

static void log_write(struct console *con, const char *s, unsigned int count)
{
	struct twin_handover *ho = twin_header(&twin_above);
	u64 head = ho->log_head;
	unsigned int i;

	for (i = 0; i < count; i++)
		log_ring(&twin_above)[(head + i) % TWIN_LOG_SIZE] = s[i];
	/* Pairs with twin_log_read(): the text is there before its end moves. */
	smp_store_release(&ho->log_head, head + count);
}

static struct console log_console = {
	.name	= "twinlog",
	.write	= log_write,
	.flags	= CON_PRINTBUFFER | CON_ENABLED | CON_ANYTIME,
	.index	= -1,
};

/** twin_log_init - begin to log to the area above */
void __init twin_log_init(void)
{
	register_console(&log_console);
}

/**
 * twin_log_read - copy a piece of the log to user space
 * @area: area it lies in
 * @arg:  where from and where to; see struct twin_log
 *
 * Return: 0 or -EFAULT.
 */
int twin_log_read(const struct twin_area *area, struct twin_log *arg)
{
	/* Pairs with log_write(). */
	u64 head = smp_load_acquire(&twin_header(area)->log_head);
	u64 oldest = head > TWIN_LOG_SIZE ? head - TWIN_LOG_SIZE : 0;
	u64 from = clamp(arg->offset, oldest, head);
	u32 len = min_t(u64, arg->len, head - from);
	u32 at = from % TWIN_LOG_SIZE;
	u32 first = min_t(u32, len, TWIN_LOG_SIZE - at);
	char __user *to = u64_to_user_ptr(arg->buf);

	if (copy_to_user(to, log_ring(area) + at, first) ||
	    copy_to_user(to + first, log_ring(area), len - first))
		return -EFAULT;
	arg->offset = from;
	arg->len = len;
	return 0;
}
