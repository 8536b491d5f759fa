// SPDX-License-Identifier: GPL-2.0
/*
 * kexec_file_load(KEXEC_FILE_TWIN): what is refused, and that a refused image
 * is never booted.
 */
#include <asm/bootparam.h>

#include "twin_test.h"

#define XLOADFLAGS	0x236
#define XLF_TWIN_HIGH	0x80	/* in the second byte of the flags */

FIXTURE(load) {
	struct machine before;
	int fd;
};

FIXTURE_SETUP(load)
{
	self->fd = twin_open();
	if (no_twin_kernel(self->fd))
		SKIP(return, "%s", no_twin_kernel(self->fd));
	ASSERT_EQ(0, twin_reserve(self->fd));
	machine_look(&self->before);
}

/* Whatever the test loaded was no kernel that may be booted. */
FIXTURE_TEARDOWN(load)
{
	EXPECT_EQ(TWIN_STATE_RESERVED, twin_info(self->fd).state);
	EXPECT_ERROR(ENOEXEC, ioctl(self->fd, TWIN_IOC_BOOT));
	EXPECT_TRUE(machine_is(&self->before));
	EXPECT_EQ(0, twin_release(self->fd));
	close(self->fd);
}

static int file_of(const void *bytes, size_t len, off_t size)
{
	FILE *f = tmpfile();

	if (!f || fwrite(bytes, 1, len, f) != len || fflush(f) ||
	    ftruncate(fileno(f), size) < 0)
		return -1;
	return reopen(fileno(f));
}

TEST_F(load, no_files)
{
	EXPECT_ERROR(EBADF, load_fds(-1, open_initrd(), "", 1, 0));
	EXPECT_ERROR(EBADF, load_fds(open_kernel(), -1, "", 1, 0));
}

TEST_F(load, no_kernel)
{
	static const char text[] = "#!/bin/sh\n";

	EXPECT_ERROR(ENOEXEC, twin_load(open_initrd()));
	EXPECT_ERROR(ENOEXEC, twin_load(file_of(text, sizeof(text), 4096)));
}

TEST_F(load, empty_kernel)
{
	EXPECT_EQ(-1, twin_load(file_of("", 0, 0)));
}

/* Its setup header is whole, what that speaks of is not there. */
TEST_F(load, half_a_kernel)
{
	int fd = copy_of(open_kernel());

	ASSERT_EQ(0, ftruncate(fd, 1024));
	EXPECT_ERROR(ENOEXEC, twin_load(reopen(fd)));
}

TEST_F(load, a_kernel_that_would_take_the_machine)
{
	unsigned char flags;
	int fd = open_kernel();

	ASSERT_EQ(1, pread(fd, &flags, 1, XLOADFLAGS + 1));
	close(fd);
	flags &= ~XLF_TWIN_HIGH;
	EXPECT_ERROR(ENOEXEC,
		     twin_load(patched_kernel(XLOADFLAGS + 1, &flags, 1)));
}

TEST_F(load, a_kernel_of_another_paging_depth)
{
	unsigned char flags;
	int fd = open_kernel();

	ASSERT_EQ(1, pread(fd, &flags, 1, XLOADFLAGS));
	close(fd);
	if (!(twin_info(self->fd).flags & TWIN_INFO_LA57))
		SKIP(return, "four levels");
	flags &= ~XLF_5LEVEL_ENABLED;
	EXPECT_ERROR(ENOEXEC, twin_load(patched_kernel(XLOADFLAGS, &flags, 1)));
}

TEST_F_TIMEOUT(load, an_initrd_that_does_not_fit, BOOT_TIMEOUT)
{
	off_t size = twin_info(self->fd).mem_size;

	EXPECT_ERROR(ENOMEM, load_fds(open_kernel(), file_of("", 0, size), "",
				      1, 0));
}

TEST_F(load, bad_command_lines)
{
	static char line[1 << 16];

	memset(line, 'x', sizeof(line) - 1);
	EXPECT_ERROR(EINVAL, load_fds(open_kernel(), open_initrd(), line,
				      sizeof(line), 0));
	EXPECT_ERROR(EINVAL, load_fds(open_kernel(), open_initrd(), "abc", 3, 0));
	EXPECT_ERROR(EFAULT, load_fds(open_kernel(), open_initrd(), BAD_ADDRESS,
				      16, 0));
}

TEST_F(load, unknown_flags)
{
	EXPECT_ERROR(EINVAL, load_fds(open_kernel(), open_initrd(), "", 1,
				      1UL << 29));
}

TEST_F(load, can_be_undone)
{
	ASSERT_EQ(0, twin_load(open_kernel()));
	EXPECT_EQ(TWIN_STATE_LOADED, twin_info(self->fd).state);
	EXPECT_EQ(0, load_fds(-1, -1, NULL, 0, KEXEC_FILE_UNLOAD));
}

/* The next image takes the place of the one before, even a bad one. */
TEST_F(load, can_be_repeated)
{
	ASSERT_EQ(0, twin_load(open_kernel()));
	ASSERT_EQ(0, twin_load(open_kernel()));
	EXPECT_EQ(TWIN_STATE_LOADED, twin_info(self->fd).state);
	EXPECT_ERROR(ENOEXEC, twin_load(open_initrd()));
}

TEST_HARNESS_MAIN
