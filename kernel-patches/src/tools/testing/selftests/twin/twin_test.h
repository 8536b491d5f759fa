/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of /dev/twin share.
 *
 * They need root, two CPUs and 1 GiB of memory that can be freed, and leave
 * the machine as it was. Two variables of the environment name what to boot;
 * tests that need a twin are skipped without:
 *
 *   TWIN_KERNEL	a bzImage with CONFIG_TWIN
 *   TWIN_INITRD	an initramfs whose init does nothing
 */
#ifndef _TWIN_TEST_H
#define _TWIN_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kexec.h>
#include <linux/twin.h>

#include "../kselftest_harness.h"

/* What the tests reserve, in blocks. */
#define MEM_BLOCKS	5
#define PMEM_BLOCKS	1

#define ALIVE_MS	60000
/* A test that boots a twin, in seconds. */
#define BOOT_TIMEOUT	120

/* An address that no process has. */
#define BAD_ADDRESS	((void *)-4096L)

/* The call is refused with this error. */
#define EXPECT_ERROR(error, call) do {	\
	errno = 0;			\
	EXPECT_EQ(-1, call);		\
	EXPECT_EQ(error, errno);	\
} while (0)

/**
 * struct machine - what a refused call must not change
 * @text: MemTotal, CPUs online, /proc/iomem
 */
struct machine {
	char text[32768];
};

static inline size_t read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t n = 0;

	while (fd >= 0 && done < size - 1 &&
	       (n = read(fd, buf + done, size - 1 - done)) > 0)
		done += n;
	close(fd);
	buf[done] = '\0';
	return done;
}

static inline void machine_look(struct machine *m)
{
	char meminfo[256];
	size_t n;

	read_text("/proc/meminfo", meminfo, sizeof(meminfo));
	n = snprintf(m->text, sizeof(m->text), "%.*s\n",
		     (int)strcspn(meminfo, "\n"), meminfo);
	n += read_text("/sys/devices/system/cpu/online", m->text + n,
		       sizeof(m->text) - n);
	read_text("/proc/iomem", m->text + n, sizeof(m->text) - n);
}

/* Says the first line that differs. */
static inline bool machine_is(const struct machine *before)
{
	static struct machine now;
	const char *was = before->text, *is = now.text;
	size_t line = 0, i;

	machine_look(&now);
	for (i = 0; was[i] && was[i] == is[i]; i++)
		if (was[i] == '\n')
			line = i + 1;
	if (was[i] == is[i])
		return true;
	ksft_print_msg("was: %.*s\n", (int)strcspn(was + line, "\n"), was + line);
	ksft_print_msg("is:  %.*s\n", (int)strcspn(is + line, "\n"), is + line);
	return false;
}

static inline int twin_open(void)
{
	return open("/dev/twin", O_RDWR | O_CLOEXEC | O_NONBLOCK);
}

static inline struct twin_info twin_info(int fd)
{
	struct twin_info info = {};

	if (ioctl(fd, TWIN_IOC_INFO, &info) < 0)
		ksft_exit_fail_perror("TWIN_IOC_INFO");
	return info;
}

/* May this kernel boot a twin? */
static inline bool twin_is_old_kernel(int fd)
{
	return twin_info(fd).flags & TWIN_INFO_OWNS_MACHINE;
}

static inline void set_cpu(struct twin_reserve *arg, unsigned int cpu)
{
	arg->cpus[cpu / 64] |= 1ULL << cpu % 64;
}

static inline unsigned int last_cpu(void)
{
	return sysconf(_SC_NPROCESSORS_CONF) - 1;
}

/* Sizes that fit, and the last CPU. */
static inline struct twin_reserve good_reserve(int fd)
{
	__u64 block = twin_info(fd).block_size;
	struct twin_reserve arg = {
		.mem_size = MEM_BLOCKS * block,
		.pmem_size = PMEM_BLOCKS * block,
	};

	set_cpu(&arg, last_cpu());
	return arg;
}

static inline int twin_reserve(int fd)
{
	struct twin_reserve arg = good_reserve(fd);

	return ioctl(fd, TWIN_IOC_RESERVE, &arg);
}

/* Back to TWIN_STATE_NONE from wherever a test stopped. */
static inline int twin_release(int fd)
{
	ioctl(fd, TWIN_IOC_KILL);
	return ioctl(fd, TWIN_IOC_RELEASE);
}

static inline const char *kernel_path(void)
{
	return getenv("TWIN_KERNEL");
}

static inline int open_kernel(void)
{
	const char *path = kernel_path();

	return path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

static inline int open_initrd(void)
{
	const char *path = getenv("TWIN_INITRD");

	return path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

/* kexec_file_load() for a twin; closes what it is given. */
static inline int load_fds(int kernel, int initrd, const char *cmdline,
			   size_t len, unsigned long flags)
{
	int r = syscall(SYS_kexec_file_load, kernel, initrd, len, cmdline,
			flags | KEXEC_FILE_TWIN);
	int error = errno;

	close(kernel);
	close(initrd);
	errno = error;
	return r;
}

static inline int twin_load(int kernel)
{
	return load_fds(kernel, open_initrd(), "", 1, 0);
}

/* A file of its own with the bytes of another, to be spoilt. */
static inline int copy_of(int fd)
{
	FILE *copy = tmpfile();
	char buf[65536];
	ssize_t n;

	if (!copy)
		return -1;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (fwrite(buf, 1, n, copy) != (size_t)n)
			return -1;
	close(fd);
	fflush(copy);
	return fileno(copy);
}

/* For the kernel to read, a file must not be open for writing. */
static inline int reopen(int fd)
{
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	return r;
}

/* The kernel with some bytes replaced. */
static inline int patched_kernel(off_t at, const void *bytes, size_t len)
{
	int fd = copy_of(open_kernel());

	if (pwrite(fd, bytes, len, at) != (ssize_t)len)
		ksft_exit_fail_perror("cannot change the kernel's copy");
	return reopen(fd);
}

/* A kernel that loops with interrupts off where a loader enters it. */
static inline int stuck_kernel(void)
{
	static const unsigned char loop[] = { 0xfa, 0xeb, 0xfe };
	unsigned char setup_sects = 0;
	int fd = open_kernel();

	if (pread(fd, &setup_sects, 1, 0x1f1) != 1)
		ksft_exit_fail_perror("cannot read the kernel");
	close(fd);
	return patched_kernel((setup_sects + 1) * 512 + 0x200, loop,
			      sizeof(loop));
}

/* Reads events until one of the type comes; others are passed over. */
static inline bool wait_event(int fd, __u32 type, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct twin_event event;

	while (poll(&p, 1, timeout_ms) > 0)
		if (read(fd, &event, sizeof(event)) == sizeof(event) &&
		    event.type == type)
			return true;
	return false;
}

/* Why a test cannot run here that needs a kernel that boots twins, or NULL. */
static inline const char *no_old_kernel(int fd)
{
	return fd < 0 || !twin_is_old_kernel(fd) ?
		"this kernel cannot boot a twin" : NULL;
}

/* The same for a test that needs a kernel to boot as well. */
static inline const char *no_twin_kernel(int fd)
{
	const char *why = no_old_kernel(fd);

	return why || kernel_path() ? why : "no TWIN_KERNEL";
}

#endif /* _TWIN_TEST_H */
