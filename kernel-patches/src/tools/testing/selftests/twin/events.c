// SPDX-License-Identifier: GPL-2.0
/*
 * What comes from the twin: read() and poll() on the device, and
 * TWIN_IOC_READ_LOG.
 */
#include "twin_test.h"

FIXTURE(events) {
	int fd;
};

FIXTURE_SETUP(events)
{
	self->fd = twin_open();
	if (no_old_kernel(self->fd))
		SKIP(return, "%s", no_old_kernel(self->fd));
}

FIXTURE_TEARDOWN(events)
{
	EXPECT_EQ(0, twin_release(self->fd));
	close(self->fd);
}

TEST_F(events, begin_empty)
{
	struct pollfd p = { .fd = self->fd, .events = POLLIN };
	struct twin_event event;

	EXPECT_EQ(0, poll(&p, 1, 0));
	EXPECT_ERROR(EAGAIN, read(self->fd, &event, sizeof(event)));
}

TEST_F(events, come_whole)
{
	struct twin_event event[3];

	EXPECT_ERROR(EINVAL, read(self->fd, event, 0));
	EXPECT_ERROR(EINVAL, read(self->fd, event, sizeof(event[0]) - 1));
	ASSERT_EQ(0, twin_reserve(self->fd));
	ASSERT_EQ(0, twin_release(self->fd));
	EXPECT_EQ(sizeof(event[0]),
		  read(self->fd, event, 2 * sizeof(event[0]) - 1));
	EXPECT_EQ(sizeof(event[0]), read(self->fd, event + 1, 2 * sizeof(event[0])));
	EXPECT_EQ(TWIN_STATE_RESERVED, event[0].type);
	EXPECT_EQ(TWIN_STATE_NONE, event[1].type);
	EXPECT_EQ(0, event[0].reserved);
	EXPECT_LT(event[0].tsc, event[1].tsc);
}

TEST_F(events, refuse_a_bad_address)
{
	ASSERT_EQ(0, twin_reserve(self->fd));
	EXPECT_ERROR(EFAULT, read(self->fd, BAD_ADDRESS,
				  sizeof(struct twin_event)));
}

/* Each opening has all of what happens while it is open. */
TEST_F(events, go_to_every_reader)
{
	int other = twin_open(), late;
	struct twin_event event;

	ASSERT_EQ(0, twin_reserve(self->fd));
	late = twin_open();
	EXPECT_EQ(sizeof(event), read(self->fd, &event, sizeof(event)));
	EXPECT_EQ(sizeof(event), read(other, &event, sizeof(event)));
	EXPECT_EQ(TWIN_STATE_RESERVED, event.type);
	EXPECT_ERROR(EAGAIN, read(late, &event, sizeof(event)));
	close(other);
	close(late);
}

TEST_F(events, wake_a_reader)
{
	int fd = open("/dev/twin", O_RDWR | O_CLOEXEC);
	struct twin_event event;

	if (fork() == 0) {
		usleep(200000);
		_exit(twin_reserve(self->fd) ? 1 : 0);
	}
	EXPECT_EQ(sizeof(event), read(fd, &event, sizeof(event)));
	EXPECT_EQ(TWIN_STATE_RESERVED, event.type);
	wait(NULL);
	close(fd);
}

TEST_F(events, wake_a_poller)
{
	struct pollfd p = { .fd = self->fd, .events = POLLIN | POLLOUT };

	if (fork() == 0) {
		usleep(200000);
		_exit(twin_reserve(self->fd) ? 1 : 0);
	}
	EXPECT_EQ(1, poll(&p, 1, 30000));
	EXPECT_EQ(POLLIN, p.revents);
	wait(NULL);
}

FIXTURE(twin_log) {
	char *buf;
	size_t size;
	int fd;
};

FIXTURE_SETUP(twin_log)
{
	self->fd = twin_open();
	if (no_twin_kernel(self->fd))
		SKIP(return, "%s", no_twin_kernel(self->fd));
	self->size = 1 << 20;
	self->buf = malloc(self->size);
	ASSERT_NE(NULL, self->buf);
	ASSERT_EQ(0, twin_reserve(self->fd));
}

FIXTURE_TEARDOWN(twin_log)
{
	free(self->buf);
	EXPECT_EQ(0, twin_release(self->fd));
	close(self->fd);
}

static struct twin_log log_at(__u64 offset, void *buf, __u32 len)
{
	return (struct twin_log){
		.offset = offset, .buf = (unsigned long)buf, .len = len,
	};
}

TEST_F(twin_log, is_empty_before_the_twin_speaks)
{
	struct twin_log log = log_at(0, self->buf, self->size);

	ASSERT_EQ(0, twin_load(stuck_kernel()));
	ASSERT_EQ(0, ioctl(self->fd, TWIN_IOC_BOOT));
	EXPECT_EQ(0, ioctl(self->fd, TWIN_IOC_READ_LOG, &log));
	EXPECT_EQ(0, log.len);
	EXPECT_EQ(0, log.offset);
	EXPECT_EQ(0, twin_info(self->fd).log_size);
}

TEST_F_TIMEOUT(twin_log, can_be_read_in_pieces, BOOT_TIMEOUT)
{
	struct twin_log all, piece;
	char bytes[1000];
	__u64 at = 0;

	ASSERT_EQ(0, twin_load(open_kernel()));
	ASSERT_EQ(0, ioctl(self->fd, TWIN_IOC_BOOT));
	ASSERT_TRUE(wait_event(self->fd, TWIN_STATE_ALIVE, ALIVE_MS));
	all = log_at(0, self->buf, self->size);
	ASSERT_EQ(0, ioctl(self->fd, TWIN_IOC_READ_LOG, &all));
	EXPECT_EQ(0, all.offset);
	ASSERT_LT(sizeof(bytes), all.len);
	self->buf[all.len] = '\0';
	EXPECT_NE(NULL, strstr(self->buf, "Linux version"));

	while (at < all.len) {
		piece = log_at(at, bytes, sizeof(bytes));
		ASSERT_EQ(0, ioctl(self->fd, TWIN_IOC_READ_LOG, &piece));
		ASSERT_EQ(at, piece.offset);
		ASSERT_NE(0, piece.len);
		if (at + piece.len > all.len)
			piece.len = all.len - at;
		ASSERT_EQ(0, memcmp(bytes, self->buf + at, piece.len));
		at += piece.len;
	}

	/* Its last words stay, and the end is the end. */
	ASSERT_EQ(0, ioctl(self->fd, TWIN_IOC_KILL));
	piece = log_at(~0ULL, bytes, sizeof(bytes));
	EXPECT_EQ(0, ioctl(self->fd, TWIN_IOC_READ_LOG, &piece));
	EXPECT_EQ(0, piece.len);
	EXPECT_EQ(twin_info(self->fd).log_size, piece.offset);
	piece = log_at(0, NULL, 0);
	EXPECT_EQ(0, ioctl(self->fd, TWIN_IOC_READ_LOG, &piece));
	piece = log_at(0, BAD_ADDRESS, 1);
	EXPECT_ERROR(EFAULT, ioctl(self->fd, TWIN_IOC_READ_LOG, &piece));
}

TEST_HARNESS_MAIN
