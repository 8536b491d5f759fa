// SPDX-License-Identifier: GPL-2.0
/*
 * Every call in every state of the twin's life in which it is refused: the
 * error, and that neither the machine nor the twin changes.
 */
#include "twin_test.h"

/* Not refused in this state; other tests make the call. */
#define ALLOWED		(-1)

enum call {
	RESERVE, RELEASE, LOAD, UNLOAD, BOOT, KILL, ABORT, COMMIT, PARK,
	TAKEOVER, READ_LOG, GIVE, TAKE, ACCEPT, RETURN, NR_CALLS,
};

static const char *const call_names[] = {
	[RESERVE] = "reserve", [RELEASE] = "release", [LOAD] = "load",
	[UNLOAD] = "unload", [BOOT] = "boot", [KILL] = "kill",
	[ABORT] = "abort", [COMMIT] = "commit", [PARK] = "park",
	[TAKEOVER] = "takeover", [READ_LOG] = "read log", [GIVE] = "give",
	[TAKE] = "take", [ACCEPT] = "accept", [RETURN] = "return",
};

static int make_call(int fd, enum call call)
{
	struct twin_takeover takeover = { .parts = TWIN_TAKE_CPUS };
	struct twin_function nowhere = { .bus = 255, .devfn = 255 };
	struct twin_log log = {};

	switch (call) {
	case RESERVE:
		return twin_reserve(fd);
	case RELEASE:
		return ioctl(fd, TWIN_IOC_RELEASE);
	case LOAD:
		return twin_load(open_kernel());
	case UNLOAD:
		return load_fds(-1, -1, NULL, 0, KEXEC_FILE_UNLOAD);
	case BOOT:
		return ioctl(fd, TWIN_IOC_BOOT);
	case KILL:
		return ioctl(fd, TWIN_IOC_KILL);
	case ABORT:
		return ioctl(fd, TWIN_IOC_ABORT);
	case COMMIT:
		return ioctl(fd, TWIN_IOC_COMMIT);
	case PARK:
		return ioctl(fd, TWIN_IOC_PARK);
	case TAKEOVER:
		return ioctl(fd, TWIN_IOC_TAKEOVER, &takeover);
	case READ_LOG:
		return ioctl(fd, TWIN_IOC_READ_LOG, &log);
	case GIVE:
		return ioctl(fd, TWIN_IOC_GIVE, &nowhere);
	case TAKE:
		return ioctl(fd, TWIN_IOC_TAKE, &nowhere);
	case ACCEPT:
		return ioctl(fd, TWIN_IOC_ACCEPT, &nowhere);
	case RETURN:
		return ioctl(fd, TWIN_IOC_RETURN, &nowhere);
	default:
		return -1;
	}
}

static int enter(int fd, enum call call, bool stuck)
{
	return call == LOAD && stuck ? twin_load(stuck_kernel())
				     : make_call(fd, call);
}

FIXTURE(states) {
	struct machine before;
	int fd;
};

/**
 * FIXTURE_VARIANT(states) - a state
 * @enter:	the calls that lead to it, from none
 * @stuck:	the kernel to load halts at once
 * @state:	what the kernel says it is
 * @error:	how each call is refused there
 */
FIXTURE_VARIANT(states) {
	enum call enter[4];
	unsigned int nr_enter;
	bool stuck;
	enum twin_state state;
	int error[NR_CALLS];
};

FIXTURE_VARIANT_ADD(states, none) {
	.state = TWIN_STATE_NONE,
	.error = {
		[RESERVE] = ALLOWED, [RELEASE] = ALLOWED, [LOAD] = ENODEV,
		[UNLOAD] = ENODEV, [BOOT] = ENOEXEC, [KILL] = ESRCH,
		[ABORT] = ESRCH, [COMMIT] = EPERM, [PARK] = ESRCH,
		[TAKEOVER] = EPERM, [READ_LOG] = ENODEV, [GIVE] = ESRCH,
		[TAKE] = ENODEV, [ACCEPT] = EPERM, [RETURN] = EPERM,
	},
};

FIXTURE_VARIANT_ADD(states, reserved) {
	.enter = { RESERVE }, .nr_enter = 1,
	.state = TWIN_STATE_RESERVED,
	.error = {
		[RESERVE] = EBUSY, [RELEASE] = ALLOWED, [LOAD] = ALLOWED,
		[UNLOAD] = ALLOWED, [BOOT] = ENOEXEC, [KILL] = ESRCH,
		[ABORT] = ESRCH, [COMMIT] = EPERM, [PARK] = ESRCH,
		[TAKEOVER] = EPERM, [READ_LOG] = ALLOWED, [GIVE] = ESRCH,
		[TAKE] = ENODEV, [ACCEPT] = EPERM, [RETURN] = EPERM,
	},
};

FIXTURE_VARIANT_ADD(states, loaded) {
	.enter = { RESERVE, LOAD }, .nr_enter = 2,
	.state = TWIN_STATE_LOADED,
	.error = {
		[RESERVE] = EBUSY, [RELEASE] = ALLOWED, [LOAD] = ALLOWED,
		[UNLOAD] = ALLOWED, [BOOT] = ALLOWED, [KILL] = ESRCH,
		[ABORT] = ESRCH, [COMMIT] = EPERM, [PARK] = ESRCH,
		[TAKEOVER] = EPERM, [READ_LOG] = ALLOWED, [GIVE] = ESRCH,
		[TAKE] = ENODEV, [ACCEPT] = EPERM, [RETURN] = EPERM,
	},
};

#define REFUSED_BESIDE_A_TWIN						\
	[RESERVE] = EBUSY, [RELEASE] = EBUSY, [LOAD] = EBUSY,		\
	[UNLOAD] = EBUSY, [BOOT] = EBUSY, [KILL] = ALLOWED,		\
	[ABORT] = ALLOWED, [COMMIT] = EPERM, [PARK] = EPERM,		\
	[TAKEOVER] = EPERM, [READ_LOG] = ALLOWED,			\
	[TAKE] = ENODEV, [ACCEPT] = EPERM, [RETURN] = EPERM

/* A twin that does nothing stays in this state. */
FIXTURE_VARIANT_ADD(states, booting) {
	.enter = { RESERVE, LOAD, BOOT }, .nr_enter = 3, .stuck = true,
	.state = TWIN_STATE_BOOTING,
	.error = { REFUSED_BESIDE_A_TWIN, [GIVE] = ESRCH },
};

FIXTURE_VARIANT_ADD(states, alive) {
	.enter = { RESERVE, LOAD, BOOT }, .nr_enter = 3,
	.state = TWIN_STATE_ALIVE,
	.error = { REFUSED_BESIDE_A_TWIN, [GIVE] = ENODEV },
};

FIXTURE_VARIANT_ADD(states, aborted) {
	.enter = { RESERVE, LOAD, BOOT, ABORT }, .nr_enter = 4, .stuck = true,
	.state = TWIN_STATE_BOOTING,
	.error = { REFUSED_BESIDE_A_TWIN, [GIVE] = ESRCH },
};

FIXTURE_VARIANT_ADD(states, killed) {
	.enter = { RESERVE, LOAD, BOOT, KILL }, .nr_enter = 4, .stuck = true,
	.state = TWIN_STATE_RESERVED,
	.error = {
		[RESERVE] = EBUSY, [RELEASE] = ALLOWED, [LOAD] = ALLOWED,
		[UNLOAD] = ALLOWED, [BOOT] = ENOEXEC, [KILL] = ESRCH,
		[ABORT] = ESRCH, [COMMIT] = EPERM, [PARK] = ESRCH,
		[TAKEOVER] = EPERM, [READ_LOG] = ALLOWED, [GIVE] = ESRCH,
		[TAKE] = ENODEV, [ACCEPT] = EPERM, [RETURN] = EPERM,
	},
};

FIXTURE_SETUP(states)
{
	unsigned int i;

	self->fd = twin_open();
	if (no_twin_kernel(self->fd))
		SKIP(return, "%s", no_twin_kernel(self->fd));
	for (i = 0; i < variant->nr_enter; i++)
		ASSERT_EQ(0, enter(self->fd, variant->enter[i], variant->stuck));
	ASSERT_TRUE(variant->state != TWIN_STATE_ALIVE ||
		    wait_event(self->fd, TWIN_STATE_ALIVE, ALIVE_MS));
	machine_look(&self->before);
}

FIXTURE_TEARDOWN(states)
{
	EXPECT_EQ(0, twin_release(self->fd));
	close(self->fd);
}

TEST_F_TIMEOUT(states, refuses, BOOT_TIMEOUT)
{
	struct twin_info before = twin_info(self->fd), after;
	enum call call;

	EXPECT_EQ(variant->state, before.state);
	for (call = 0; call < NR_CALLS; call++) {
		if (variant->error[call] == ALLOWED)
			continue;
		errno = 0;
		EXPECT_EQ(-1, make_call(self->fd, call));
		EXPECT_EQ(variant->error[call], errno)
			TH_LOG("%s", call_names[call]);
	}
	EXPECT_TRUE(machine_is(&self->before));

	after = twin_info(self->fd);
	EXPECT_EQ(variant->state, after.state);
	EXPECT_EQ(before.commit, after.commit);
	EXPECT_EQ(before.mem_start, after.mem_start);
	EXPECT_EQ(before.mem_size, after.mem_size);
	EXPECT_EQ(before.tsc_boot, after.tsc_boot);
	if (variant->state == TWIN_STATE_ALIVE) {
		usleep(4 * TWIN_HEARTBEAT_MS * 1000);
		EXPECT_LT(before.heartbeats, twin_info(self->fd).heartbeats);
	}
}

FIXTURE(decision) {
	int fd;
};

FIXTURE_SETUP(decision)
{
	self->fd = twin_open();
	if (no_twin_kernel(self->fd))
		SKIP(return, "%s", no_twin_kernel(self->fd));
	ASSERT_EQ(0, twin_reserve(self->fd));
	ASSERT_EQ(0, twin_load(stuck_kernel()));
	ASSERT_EQ(0, ioctl(self->fd, TWIN_IOC_BOOT));
}

FIXTURE_TEARDOWN(decision)
{
	EXPECT_EQ(0, twin_release(self->fd));
	close(self->fd);
}

TEST_F(decision, is_made_once)
{
	EXPECT_EQ(TWIN_COMMIT_OLD, twin_info(self->fd).commit);
	EXPECT_EQ(0, ioctl(self->fd, TWIN_IOC_ABORT));
	EXPECT_EQ(0, ioctl(self->fd, TWIN_IOC_ABORT));
	EXPECT_EQ(TWIN_COMMIT_ABORTED, twin_info(self->fd).commit);
}

TEST_F(decision, is_made_by_kill)
{
	EXPECT_EQ(0, ioctl(self->fd, TWIN_IOC_KILL));
	EXPECT_EQ(TWIN_COMMIT_ABORTED, twin_info(self->fd).commit);
}

/* The next twin of the same memory may commit again. */
TEST_F(decision, is_open_for_the_next_twin)
{
	EXPECT_EQ(0, ioctl(self->fd, TWIN_IOC_KILL));
	ASSERT_EQ(0, twin_load(stuck_kernel()));
	ASSERT_EQ(0, ioctl(self->fd, TWIN_IOC_BOOT));
	EXPECT_EQ(TWIN_COMMIT_OLD, twin_info(self->fd).commit);
}

TEST_HARNESS_MAIN
