// SPDX-License-Identifier: GPL-2.0
/*
 * TWIN_IOC_RESERVE and TWIN_IOC_RELEASE: sizes and CPUs that are refused with
 * nothing changed, and that all comes back.
 */
#include "twin_test.h"

#define TEBI		(1ULL << 40)

static bool set_online(unsigned int cpu, const char *value)
{
	char path[64];
	bool done;
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	done = write(fd, value, 1) == 1;
	close(fd);
	return done;
}

FIXTURE(size) {
	struct machine before;
	int fd;
};

/* In blocks, and bytes on top. */
FIXTURE_VARIANT(size) {
	__u64 mem, mem_extra;
	__u64 pmem, pmem_extra;
	int error;
};

FIXTURE_VARIANT_ADD(size, nothing) { .error = EINVAL };
FIXTURE_VARIANT_ADD(size, pmem_only) { .mem = 1, .pmem = 1, .error = EINVAL };
FIXTURE_VARIANT_ADD(size, pmem_larger) { .mem = 1, .pmem = 2, .error = EINVAL };
FIXTURE_VARIANT_ADD(size, off_by_one) {
	.mem = MEM_BLOCKS, .mem_extra = 1, .pmem = PMEM_BLOCKS, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(size, off_by_a_page) {
	.mem = MEM_BLOCKS, .mem_extra = 4096, .pmem = PMEM_BLOCKS,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(size, pmem_off_by_a_page) {
	.mem = MEM_BLOCKS, .pmem = PMEM_BLOCKS, .pmem_extra = 4096,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(size, half_a_block) { .mem_extra = 1 << 20, .error = EINVAL };
FIXTURE_VARIANT_ADD(size, all_bits) { .mem_extra = ~0ULL, .error = EINVAL };
FIXTURE_VARIANT_ADD(size, beyond_addresses) {
	.mem_extra = 1ULL << 63, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(size, more_than_there_is) {
	.mem_extra = TEBI / 8, .pmem = PMEM_BLOCKS, .error = ENOMEM,
};

FIXTURE_VARIANT_ADD(size, more_pmem_than_there_is) {
	.mem_extra = TEBI / 8, .pmem_extra = TEBI / 16, .error = ENOMEM,
};

FIXTURE_SETUP(size)
{
	self->fd = twin_open();
	if (no_old_kernel(self->fd))
		SKIP(return, "%s", no_old_kernel(self->fd));
	machine_look(&self->before);
}

FIXTURE_TEARDOWN(size)
{
	EXPECT_EQ(TWIN_STATE_NONE, twin_info(self->fd).state);
	EXPECT_TRUE(machine_is(&self->before));
	close(self->fd);
}

TEST_F(size, is_refused)
{
	struct twin_reserve arg = good_reserve(self->fd);
	__u64 block = twin_info(self->fd).block_size;

	arg.mem_size = variant->mem * block + variant->mem_extra;
	arg.pmem_size = variant->pmem * block + variant->pmem_extra;
	EXPECT_ERROR(variant->error, ioctl(self->fd, TWIN_IOC_RESERVE, &arg));
}

FIXTURE(cpus) {
	struct twin_reserve arg;
	struct machine before;
	int fd;
};

FIXTURE_SETUP(cpus)
{
	self->fd = twin_open();
	if (no_old_kernel(self->fd))
		SKIP(return, "%s", no_old_kernel(self->fd));
	if (last_cpu() == 0)
		SKIP(return, "one CPU");
	machine_look(&self->before);
	self->arg = good_reserve(self->fd);
}

FIXTURE_TEARDOWN(cpus)
{
	EXPECT_EQ(TWIN_STATE_NONE, twin_info(self->fd).state);
	EXPECT_TRUE(machine_is(&self->before));
	close(self->fd);
}

TEST_F(cpus, none)
{
	memset(self->arg.cpus, 0, sizeof(self->arg.cpus));
	EXPECT_ERROR(EINVAL, ioctl(self->fd, TWIN_IOC_RESERVE, &self->arg));
}

TEST_F(cpus, with_the_first)
{
	struct twin_reserve first = self->arg;

	memset(first.cpus, 0, sizeof(first.cpus));
	set_cpu(&first, 0);
	EXPECT_ERROR(EPERM, ioctl(self->fd, TWIN_IOC_RESERVE, &first));
	if (last_cpu() < 2)
		return;
	set_cpu(&self->arg, 0);
	EXPECT_ERROR(EPERM, ioctl(self->fd, TWIN_IOC_RESERVE, &self->arg));
}

TEST_F(cpus, all)
{
	unsigned int cpu;

	for (cpu = 0; cpu <= last_cpu(); cpu++)
		set_cpu(&self->arg, cpu);
	EXPECT_ERROR(ENOSPC, ioctl(self->fd, TWIN_IOC_RESERVE, &self->arg));
}

TEST_F(cpus, not_there)
{
	struct twin_reserve last = self->arg;

	set_cpu(&last, TWIN_MAX_CPUS - 1);
	EXPECT_ERROR(ENODEV, ioctl(self->fd, TWIN_IOC_RESERVE, &last));
	set_cpu(&self->arg, last_cpu() + 1);
	EXPECT_ERROR(ENODEV, ioctl(self->fd, TWIN_IOC_RESERVE, &self->arg));
}

TEST_F(cpus, offline)
{
	ASSERT_TRUE(set_online(last_cpu(), "0"));
	EXPECT_ERROR(ENODEV, ioctl(self->fd, TWIN_IOC_RESERVE, &self->arg));
	EXPECT_TRUE(set_online(last_cpu(), "1"));
}

FIXTURE(reserve) {
	int fd;
};

FIXTURE_SETUP(reserve)
{
	self->fd = twin_open();
	if (no_old_kernel(self->fd))
		SKIP(return, "%s", no_old_kernel(self->fd));
	ASSERT_EQ(0, twin_reserve(self->fd));
}

FIXTURE_TEARDOWN(reserve)
{
	EXPECT_EQ(0, twin_release(self->fd));
	close(self->fd);
}

TEST_F(reserve, is_told)
{
	struct twin_reserve arg = good_reserve(self->fd);
	struct twin_info info = twin_info(self->fd);

	EXPECT_EQ(TWIN_STATE_RESERVED, info.state);
	EXPECT_EQ(arg.mem_size, info.mem_size);
	EXPECT_EQ(arg.pmem_size, info.pmem_size);
	EXPECT_EQ(0, info.mem_start % info.block_size);
	EXPECT_EQ(0, info.pmem_start % info.block_size);
	EXPECT_EQ(0, memcmp(info.cpus, arg.cpus, sizeof(info.cpus)));
}

TEST_F(reserve, keeps_the_cpu)
{
	EXPECT_FALSE(set_online(last_cpu(), "1"));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(last_cpu(), sysconf(_SC_NPROCESSORS_ONLN));
}

TEST_F(reserve, shows_the_memory)
{
	static struct machine now;

	machine_look(&now);
	EXPECT_NE(NULL, strstr(now.text, "Twin kernel"));
	EXPECT_NE(NULL, strstr(now.text, "Persistent Memory (legacy)"));
}

/* The first round leaves System RAM in pieces; from then on nothing changes. */
TEST_F(reserve, comes_back)
{
	static struct machine before;

	ASSERT_EQ(0, twin_release(self->fd));
	machine_look(&before);
	ASSERT_EQ(0, twin_reserve(self->fd));
	ASSERT_EQ(0, twin_release(self->fd));
	EXPECT_EQ(TWIN_STATE_NONE, twin_info(self->fd).state);
	EXPECT_TRUE(machine_is(&before));
}

TEST_F(reserve, release_of_nothing_is_allowed)
{
	EXPECT_EQ(0, ioctl(self->fd, TWIN_IOC_RELEASE));
	EXPECT_EQ(0, ioctl(self->fd, TWIN_IOC_RELEASE));
}

/* It belongs to the kernel, not to whoever asked for it. */
TEST_F(reserve, outlives_the_descriptor)
{
	close(self->fd);
	self->fd = twin_open();
	EXPECT_EQ(TWIN_STATE_RESERVED, twin_info(self->fd).state);
}

/* Two callers at once: one gets it. */
TEST_F(reserve, is_for_one)
{
	int won = 0, status, i;

	ASSERT_EQ(0, twin_release(self->fd));
	for (i = 0; i < 4; i++)
		if (fork() == 0)
			_exit(twin_reserve(self->fd) == 0 ? 0 : errno);
	for (i = 0; i < 4; i++) {
		wait(&status);
		ASSERT_TRUE(WIFEXITED(status));
		won += WEXITSTATUS(status) == 0;
		EXPECT_TRUE(WEXITSTATUS(status) == 0 ||
			    WEXITSTATUS(status) == EBUSY);
	}
	EXPECT_EQ(1, won);
}

TEST_HARNESS_MAIN
