/* SPDX-License-Identifier: GPL-2.0 */
/* Records for the readers of /dev/twin. */
#ifndef _DRIVERS_TWIN_EVENTS_H
#define _DRIVERS_TWIN_EVENTS_H

#include <linux/types.h>

struct file;
struct poll_table_struct;

int twin_events_open(struct file *file);
void twin_events_close(struct file *file);
ssize_t twin_events_read(struct file *file, char __user *buf, size_t len,
			 loff_t *pos);
__poll_t twin_events_poll(struct file *file, struct poll_table_struct *wait);

#endif /* _DRIVERS_TWIN_EVENTS_H */
