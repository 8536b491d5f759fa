/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Twin kernels: a second kernel that boots beside the running one on CPUs and
 * memory taken from it, and may take the whole machine over.
 *
 * The interface is the character device /dev/twin; every call needs
 * CAP_SYS_BOOT. The kernel that reserves and boots is called the old kernel,
 * the one that is booted the twin. One image of the kernel serves as either.
 *
 * The life of a twin as the old kernel sees it (enum twin_state):
 *
 *   NONE --RESERVE--> RESERVED --kexec_file_load(KEXEC_FILE_TWIN)--> LOADED
 *     ^                  ^                                              |
 *     |                  |                                            BOOT
 *     |                  |                                              v
 *     +----RELEASE-------+<----KILL---- ALIVE, PANICKED, ...  <---- BOOTING
 *
 * All time stamps are raw TSC ticks: the TSC is the one clock that both
 * kernels share. struct twin_info has its frequency.
 */
#ifndef _UAPI_LINUX_TWIN_H
#define _UAPI_LINUX_TWIN_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Version of this interface; struct twin_info carries the kernel's. */
#define TWIN_ABI_VERSION	2

/* CPU masks below: bit N is logical CPU N of the kernel that is asked. */
#define TWIN_MAX_CPUS		256
#define TWIN_CPU_WORDS		(TWIN_MAX_CPUS / 64)

/**
 * enum twin_state - what the twin is doing
 * @TWIN_STATE_NONE:	nothing is reserved
 * @TWIN_STATE_RESERVED: CPUs are parked and memory is set aside
 * @TWIN_STATE_LOADED:	a kernel lies in the reserved memory
 * @TWIN_STATE_BOOTING:	the first CPU of the twin was started
 * @TWIN_STATE_ALIVE:	the twin's heartbeat was seen
 * @TWIN_STATE_LOST:	no heartbeat for TWIN_HEARTBEAT_LOST_MS
 * @TWIN_STATE_PANICKED: the twin's panic notifier ran
 * @TWIN_STATE_HALTED:	the twin was rebooted, halted or powered off
 * @TWIN_STATE_REFUSED:	the twin did not understand the hand-over area
 */
enum twin_state {
	TWIN_STATE_NONE,
	TWIN_STATE_RESERVED,
	TWIN_STATE_LOADED,
	TWIN_STATE_BOOTING,
	TWIN_STATE_ALIVE,
	TWIN_STATE_LOST,
	TWIN_STATE_PANICKED,
	TWIN_STATE_HALTED,
	TWIN_STATE_REFUSED,
};

#define TWIN_HEARTBEAT_MS	100
#define TWIN_HEARTBEAT_LOST_MS	5000

/**
 * enum twin_commit - who owns the applications
 * @TWIN_COMMIT_OLD:	the old kernel; it may still take everything back
 * @TWIN_COMMIT_TWIN:	the twin; there is no way back
 * @TWIN_COMMIT_ABORTED: the old kernel, for good: this twin may not commit
 */
enum twin_commit {
	TWIN_COMMIT_OLD,
	TWIN_COMMIT_TWIN,
	TWIN_COMMIT_ABORTED,
};

/* struct twin_info.flags */
#define TWIN_INFO_IS_TWIN	(1U << 0) /* this kernel was booted as a twin */
#define TWIN_INFO_OWNS_MACHINE	(1U << 1) /* it is the only kernel, or the old one */
#define TWIN_INFO_BOOT_REGION	(1U << 2) /* memory was set aside by twin= */
#define TWIN_INFO_LA57		(1U << 3) /* this kernel uses 5-level paging */

/**
 * struct twin_info - answer of TWIN_IOC_INFO
 * @abi:	TWIN_ABI_VERSION of the kernel
 * @flags:	TWIN_INFO_*
 * @state:	enum twin_state (in a twin: of itself, until the machine is its own)
 * @commit:	enum twin_commit
 * @mem_start:	physical start of the twin's memory, bytes
 * @mem_size:	bytes taken in all, pmem included; while nothing is reserved, the
 *		size of what the twin= parameter set aside
 * @pmem_start:	physical start of the checkpoint memory, bytes
 * @pmem_size:	its size, bytes; shows as /dev/pmemN in both kernels
 * @block_size:	granule of the sizes in RESERVE, bytes
 * @heartbeats:	beats of the twin seen so far
 * @tsc_khz:	ticks of the TSC per millisecond
 * @tsc_boot:	TSC when the first CPU was started (0: not yet)
 * @tsc_entry:	TSC when the twin's own code first ran
 * @tsc_alive:	TSC of the twin's first heartbeat
 * @log_size:	bytes the twin has written to its log since boot
 * @cid:	AF_VSOCK address of this kernel on the channel
 * @boot_cpu:	the logical CPU that is the machine's boot processor; it can be
 *		reserved unless it is CPU 0, but only a twin that still answers
 *		NMIs can be made to give it back
 * @cpus:	CPUs reserved for the twin (old kernel), or given (twin)
 */
struct twin_info {
	__u32 abi;
	__u32 flags;
	__u32 state;
	__u32 commit;
	__u64 mem_start;
	__u64 mem_size;
	__u64 pmem_start;
	__u64 pmem_size;
	__u64 block_size;
	__u64 heartbeats;
	__u64 tsc_khz;
	__u64 tsc_boot;
	__u64 tsc_entry;
	__u64 tsc_alive;
	__u64 log_size;
	__u32 cid;
	__u32 boot_cpu;
	__u64 cpus[TWIN_CPU_WORDS];
};

/**
 * struct twin_reserve - argument of TWIN_IOC_RESERVE
 * @mem_size:	bytes to take, pmem included; a multiple of twin_info.block_size
 * @pmem_size:	bytes of it for checkpoints; a multiple of twin_info.block_size
 * @cpus:	CPUs to take; online, and not CPU 0
 */
struct twin_reserve {
	__u64 mem_size;
	__u64 pmem_size;
	__u64 cpus[TWIN_CPU_WORDS];
};

/**
 * struct twin_log - argument of TWIN_IOC_READ_LOG
 * @offset:	in: byte to read from, counted since the twin's boot;
 *		out: offset of the first byte returned (older ones are gone)
 * @buf:	user address to copy to
 * @len:	in: its size; out: bytes copied, 0 at the end of the log
 * @reserved:	must be zero
 */
struct twin_log {
	__u64 offset;
	__u64 buf;
	__u32 len;
	__u32 reserved;
};

/* struct twin_takeover.parts */
#define TWIN_TAKE_CPUS		(1U << 0)
#define TWIN_TAKE_MEMORY	(1U << 1)
#define TWIN_TAKE_DEVICES	(1U << 2) /* board, ACPI, PCI, legacy devices */

/**
 * struct twin_takeover - argument of TWIN_IOC_TAKEOVER
 * @timeout_ms:	in: how long to wait for the old kernel to park
 * @parts:	in: TWIN_TAKE_*, what to take now
 * @nr_cpus:	out: CPUs online after it
 * @reserved:	must be zero
 * @mem_size:	out: bytes of RAM that this kernel now has
 */
struct twin_takeover {
	__u32 timeout_ms;
	__u32 parts;
	__u32 nr_cpus;
	__u32 reserved;
	__u64 mem_size;
};

/**
 * struct twin_function - argument of GIVE, TAKE, ACCEPT and RETURN
 * @segment:	PCI segment (domain)
 * @bus:	bus
 * @devfn:	device << 3 | function
 * @reserved:	must be zero
 */
struct twin_function {
	__u16 segment;
	__u8 bus;
	__u8 devfn;
	__u32 reserved;
};

/**
 * struct twin_event - what read() on /dev/twin returns, whole records only
 * @type:	enum twin_state the twin went to, or TWIN_EVENT_COMMITTED
 * @reserved:	zero
 * @tsc:	when
 *
 * poll() says POLLIN when a record waits. A new opening starts empty.
 */
struct twin_event {
	__u32 type;
	__u32 reserved;
	__u64 tsc;
};

#define TWIN_EVENT_COMMITTED	0x100
#define TWIN_EVENT_OLD_PARKED	0x101

#define TWIN_IOC_MAGIC		'k'

/* Any kernel: what is there. Never fails but for a bad address. */
#define TWIN_IOC_INFO		_IOR(TWIN_IOC_MAGIC, 0xb0, struct twin_info)
/*
 * Old kernel: take memory and CPUs. All or nothing.
 * EBUSY: not in state NONE. EINVAL: sizes. EPERM: CPU 0 is among the CPUs,
 * or this kernel is a twin that does not own the machine.
 * ENODEV: a CPU is not online. ENOSPC: no CPU would be left.
 * ENOMEM: no contiguous range of that size could be freed.
 */
#define TWIN_IOC_RESERVE	_IOW(TWIN_IOC_MAGIC, 0xb1, struct twin_reserve)
/* Old kernel: give all back. EBUSY: a twin runs; KILL it first. */
#define TWIN_IOC_RELEASE	_IO(TWIN_IOC_MAGIC, 0xb2)
/* Old kernel: start the loaded kernel. ENOEXEC: none is loaded. */
#define TWIN_IOC_BOOT		_IO(TWIN_IOC_MAGIC, 0xb3)
/*
 * Old kernel: stop every CPU of the twin, whatever it does, and go back to
 * RESERVED. Before the commit only: it turns the commit word to ABORTED first,
 * and fails with EALREADY when the twin has committed. ESRCH: no twin runs. EIO:
 * the boot processor is the twin's and does not stop; nothing is given back.
 */
#define TWIN_IOC_KILL		_IO(TWIN_IOC_MAGIC, 0xb4)
/*
 * Twin: OLD -> TWIN. ECANCELED: the old kernel has aborted.
 * EPERM: this kernel is not an uncommitted twin.
 */
#define TWIN_IOC_COMMIT		_IO(TWIN_IOC_MAGIC, 0xb5)
/*
 * Old kernel: OLD -> ABORTED, so that applications may be thawed once the twin
 * is fenced. EALREADY: the twin has committed.
 */
#define TWIN_IOC_ABORT		_IO(TWIN_IOC_MAGIC, 0xb6)
/*
 * Old kernel, after the commit: silence the devices, park every CPU. Does not
 * return. EPERM: the twin has not committed.
 */
#define TWIN_IOC_PARK		_IO(TWIN_IOC_MAGIC, 0xb7)
/*
 * Twin, after the commit: wait for the old kernel to park, then take the parts
 * of the machine that are named: bring its CPUs online, add its memory (cleared;
 * the checkpoint memory goes with it and must not be mounted any more), bring up
 * its devices. EPERM: not committed. EINVAL: an unknown part. ETIMEDOUT:
 * the old kernel did not park in time; call again. May be called again after any
 * error; a part that was taken stays so.
 */
#define TWIN_IOC_TAKEOVER	_IOWR(TWIN_IOC_MAGIC, 0xb8, struct twin_takeover)
/* Any kernel: the log of the twin (in the twin: its own). */
#define TWIN_IOC_READ_LOG	_IOWR(TWIN_IOC_MAGIC, 0xb9, struct twin_log)
/*
 * Old kernel: bring a PCI function to rest by its driver's hibernation
 * callbacks and lend it to the live twin. Mounts and addresses stay and wait.
 * ESRCH: no live twin. ENODEV: no such function. EALREADY: it is lent. EBUSY:
 * it is a bridge, has virtual functions or shares an IOMMU group. EOPNOTSUPP:
 * its driver cannot bring it to rest, it has no MSI, is a virtual function or
 * behind an IOMMU, or the machine has no ECAM. EPERM: in a twin.
 */
#define TWIN_IOC_GIVE		_IOW(TWIN_IOC_MAGIC, 0xba, struct twin_function)
/*
 * Old kernel: have a lent function back; its driver goes on. EBUSY: a live twin
 * has accepted it. ENODEV: it is not lent. EPERM: in a twin. KILL takes all
 * back by itself.
 */
#define TWIN_IOC_TAKE		_IOW(TWIN_IOC_MAGIC, 0xbb, struct twin_function)
/*
 * Twin, before it owns the machine: add a lent function as it is and bind its
 * driver. ENODEV: it was not lent. EALREADY: accepted. EPERM: no twin.
 */
#define TWIN_IOC_ACCEPT		_IOW(TWIN_IOC_MAGIC, 0xbc, struct twin_function)
/*
 * Twin: remove an accepted function, so that the old kernel may TAKE it.
 * ENODEV: it is not accepted. EPERM: no twin, or it owns the machine.
 */
#define TWIN_IOC_RETURN		_IOW(TWIN_IOC_MAGIC, 0xbd, struct twin_function)

#endif /* _UAPI_LINUX_TWIN_H */
