// SPDX-License-Identifier: GPL-2.0
/*
 * In a twin that has not committed: what it may not do to the machine, which
 * is another kernel's.
 */
#include "twin_test.h"

FIXTURE(guest) {
	struct machine before;
	int fd;
};

FIXTURE_SETUP(guest)
{
	self->fd = twin_open();
	if (self->fd < 0 || twin_is_old_kernel(self->fd))
		SKIP(return, "this kernel is no twin");
	machine_look(&self->before);
}

FIXTURE_TEARDOWN(guest)
{
	EXPECT_EQ(TWIN_COMMIT_OLD, twin_info(self->fd).commit);
	EXPECT_TRUE(machine_is(&self->before));
	close(self->fd);
}

TEST_F(guest, knows_what_it_is)
{
	struct twin_info info = twin_info(self->fd);

	EXPECT_EQ(TWIN_INFO_IS_TWIN, info.flags & (TWIN_INFO_IS_TWIN |
						   TWIN_INFO_OWNS_MACHINE));
	EXPECT_EQ(TWIN_STATE_ALIVE, info.state);
	EXPECT_EQ(3, info.cid);
	EXPECT_NE(0, info.heartbeats);
	EXPECT_LT(info.tsc_boot, info.tsc_entry);
	EXPECT_LT(info.tsc_entry, info.tsc_alive);
}

TEST_F(guest, has_no_twin_of_its_own)
{
	struct twin_reserve arg = good_reserve(self->fd);

	EXPECT_ERROR(EPERM, ioctl(self->fd, TWIN_IOC_RESERVE, &arg));
	EXPECT_ERROR(ENOEXEC, ioctl(self->fd, TWIN_IOC_BOOT));
	EXPECT_ERROR(ESRCH, ioctl(self->fd, TWIN_IOC_KILL));
	EXPECT_ERROR(ESRCH, ioctl(self->fd, TWIN_IOC_ABORT));
	EXPECT_ERROR(ESRCH, ioctl(self->fd, TWIN_IOC_PARK));
	EXPECT_EQ(0, ioctl(self->fd, TWIN_IOC_RELEASE));
}

/* Functions are lent by the other kernel, and none was. */
TEST_F(guest, has_no_functions)
{
	struct twin_function host_bridge = {};

	EXPECT_ERROR(EPERM, ioctl(self->fd, TWIN_IOC_GIVE, &host_bridge));
	EXPECT_ERROR(EPERM, ioctl(self->fd, TWIN_IOC_TAKE, &host_bridge));
	EXPECT_ERROR(ENODEV, ioctl(self->fd, TWIN_IOC_ACCEPT, &host_bridge));
	EXPECT_ERROR(ENODEV, ioctl(self->fd, TWIN_IOC_RETURN, &host_bridge));
}

TEST_F(guest, takes_nothing_before_the_commit)
{
	struct twin_takeover none = {}, cpus = { .parts = TWIN_TAKE_CPUS };
	struct twin_takeover all = { .parts = TWIN_TAKE_CPUS | TWIN_TAKE_MEMORY |
					      TWIN_TAKE_DEVICES };

	EXPECT_ERROR(EPERM, ioctl(self->fd, TWIN_IOC_TAKEOVER, &none));
	EXPECT_ERROR(EPERM, ioctl(self->fd, TWIN_IOC_TAKEOVER, &cpus));
	EXPECT_ERROR(EPERM, ioctl(self->fd, TWIN_IOC_TAKEOVER, &all));
}

/* CPUs that it was not given are known to it, but not there. */
TEST_F(guest, cannot_take_a_cpu)
{
	unsigned int cpu, taken = 0;
	char path[64];
	int fd;

	for (cpu = 1; cpu <= last_cpu(); cpu++) {
		snprintf(path, sizeof(path),
			 "/sys/devices/system/cpu/cpu%u/online", cpu);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 || pread(fd, path, 1, 0) != 1 || path[0] == '1')
			continue;
		EXPECT_EQ(-1, write(fd, "1", 1));
		taken++;
		close(fd);
	}
	EXPECT_NE(0, taken);
}

TEST_F(guest, reads_its_own_log)
{
	static char buf[4096];
	struct twin_log log = {
		.buf = (unsigned long)buf, .len = sizeof(buf) - 1,
	};

	EXPECT_EQ(0, ioctl(self->fd, TWIN_IOC_READ_LOG, &log));
	EXPECT_NE(NULL, strstr(buf, "Linux version"));
}

TEST_HARNESS_MAIN
