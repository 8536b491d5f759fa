// SPDX-License-Identifier: GPL-2.0
/*
 * The device itself: who may open it, what it answers to calls that do not
 * exist and to addresses that do not, and TWIN_IOC_INFO.
 */
#include <sched.h>
#include <sys/sysmacros.h>

#include "twin_test.h"

#define NOBODY		65534

static const unsigned int calls[] = {
	TWIN_IOC_INFO, TWIN_IOC_RESERVE, TWIN_IOC_RELEASE, TWIN_IOC_BOOT,
	TWIN_IOC_KILL, TWIN_IOC_COMMIT, TWIN_IOC_ABORT, TWIN_IOC_PARK,
	TWIN_IOC_TAKEOVER, TWIN_IOC_READ_LOG, TWIN_IOC_GIVE, TWIN_IOC_TAKE,
	TWIN_IOC_ACCEPT, TWIN_IOC_RETURN,
};

FIXTURE(device) {
	struct machine before;
	int fd;
};

FIXTURE_SETUP(device)
{
	self->fd = twin_open();
	if (self->fd < 0)
		SKIP(return, "no /dev/twin");
	machine_look(&self->before);
}

FIXTURE_TEARDOWN(device)
{
	EXPECT_TRUE(machine_is(&self->before));
	close(self->fd);
}

TEST_F(device, is_for_root_only)
{
	struct stat st;

	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0600, st.st_mode & 07777);
	EXPECT_EQ(0, st.st_uid);
}

/* How many of all ways to the twin are open to this process. */
static int count_ways_in(int fd)
{
	size_t i, open_ways = 0;

	open_ways += open("/dev/twin", O_RDWR) >= 0 || errno != EPERM;
	open_ways += open("/dev/twin", O_RDONLY) >= 0 || errno != EPERM;
	open_ways += load_fds(-1, -1, "", 1, 0) == 0 || errno != EPERM;
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		open_ways += ioctl(fd, calls[i], NULL) == 0 || errno != EPERM;
	return open_ways;
}

static int ways_of_nobody(int fd)
{
	return setresuid(NOBODY, NOBODY, NOBODY) ? -1 : count_ways_in(fd);
}

static int ways_of_another_root(int fd)
{
	return unshare(CLONE_NEWUSER) ? -1 : count_ways_in(fd);
}

/* In a process of its own, since there is no way back. */
static int in_child(int (*ways)(int), int fd)
{
	int status;

	if (fork() == 0)
		_exit(ways(fd));
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Not the mode of the file alone protects it, nor who opened it. */
TEST_F(device, needs_the_capability)
{
	ASSERT_EQ(0, chmod("/dev/twin", 0666));
	EXPECT_EQ(0, in_child(ways_of_nobody, self->fd));
	EXPECT_EQ(0, chmod("/dev/twin", 0600));
}

TEST_F(device, needs_the_capability_of_the_first_user_namespace)
{
	EXPECT_EQ(0, in_child(ways_of_another_root, self->fd));
}

static bool is_call(unsigned int cmd)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i] == cmd)
			return true;
	return false;
}

TEST_F(device, refuses_unknown_calls)
{
	unsigned int nr;

	for (nr = 0; nr < 256; nr++) {
		if (!is_call(_IO(TWIN_IOC_MAGIC, nr)))
			EXPECT_ERROR(ENOTTY, ioctl(self->fd, _IO(TWIN_IOC_MAGIC, nr)));
		EXPECT_ERROR(ENOTTY, ioctl(self->fd, _IOW(TWIN_IOC_MAGIC, nr, char), 0));
		EXPECT_ERROR(ENOTTY, ioctl(self->fd, _IO('K', nr)));
	}
}

TEST_F(device, refuses_bad_addresses)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		if (_IOC_SIZE(calls[i]) == 0)
			continue;
		EXPECT_ERROR(EFAULT, ioctl(self->fd, calls[i], BAD_ADDRESS));
		EXPECT_ERROR(EFAULT, ioctl(self->fd, calls[i], NULL));
	}
}

TEST_F(device, refuses_reserved_fields)
{
	struct twin_takeover reserved = { .parts = TWIN_TAKE_CPUS, .reserved = 1 };
	struct twin_takeover unknown = { .parts = 1U << 31 };
	struct twin_function function = { .reserved = 1 };
	struct twin_log log = { .reserved = 1 };

	EXPECT_ERROR(EINVAL, ioctl(self->fd, TWIN_IOC_GIVE, &function));
	EXPECT_ERROR(EINVAL, ioctl(self->fd, TWIN_IOC_TAKE, &function));
	EXPECT_ERROR(EINVAL, ioctl(self->fd, TWIN_IOC_ACCEPT, &function));
	EXPECT_ERROR(EINVAL, ioctl(self->fd, TWIN_IOC_RETURN, &function));
	EXPECT_ERROR(EINVAL, ioctl(self->fd, TWIN_IOC_TAKEOVER, &reserved));
	EXPECT_ERROR(EINVAL, ioctl(self->fd, TWIN_IOC_TAKEOVER, &unknown));
	EXPECT_ERROR(EINVAL, ioctl(self->fd, TWIN_IOC_READ_LOG, &log));
}

TEST_F(device, tells_of_an_old_kernel_without_a_twin)
{
	struct twin_info info = twin_info(self->fd);

	if (!twin_is_old_kernel(self->fd))
		SKIP(return, "this is a twin");
	EXPECT_EQ(TWIN_ABI_VERSION, info.abi);
	EXPECT_EQ(TWIN_STATE_NONE, info.state);
	EXPECT_EQ(0, info.mem_start);
	EXPECT_EQ(0, info.pmem_size);
	EXPECT_EQ(0, info.heartbeats);
	EXPECT_EQ(0, info.tsc_boot);
	EXPECT_EQ(0, info.cpus[0]);
	EXPECT_EQ(2, info.cid);
	EXPECT_NE(0, info.tsc_khz);
	EXPECT_NE(0, info.block_size);
	EXPECT_EQ(0, info.block_size & (info.block_size - 1));
}

TEST_HARNESS_MAIN
