/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ring of records in memory that two kernels share: one of them produces,
 * the other consumes. Neither believes the other: a side keeps its own index
 * to itself, and checks what it reads of the peer's.
 */
#ifndef _DRIVERS_TWIN_TWIN_RING_H
#define _DRIVERS_TWIN_TWIN_RING_H

#include <linux/cache.h>
#include <linux/types.h>
#include <linux/uio.h>

/* Distance of the fields that different CPUs write; part of the ABI. */
#define TWIN_RING_LINE	128

/**
 * struct twin_ring_shared - the ring as it lies in shared memory
 * @head:	bytes produced since the start, written by the producer
 * @tail:	bytes consumed since the start, written by the consumer
 * @waiting:	set by a producer that found no space, cleared by the consumer,
 *		which then owes it a doorbell
 * @data:	the records: u32 length, u32 zero, payload, padding to 8 bytes
 */
struct twin_ring_shared {
	u64 head __aligned(TWIN_RING_LINE);
	u64 tail __aligned(TWIN_RING_LINE);
	u32 waiting __aligned(TWIN_RING_LINE);
	u8 data[] __aligned(TWIN_RING_LINE);
};

/**
 * struct twin_ring - one side's view of a ring
 * @shared:	the ring
 * @size:	bytes in @shared->data
 * @pos:	own index: head of the producer, tail of the consumer
 * @next:	index behind the record between produce and commit, or between
 *		consume and release
 */
struct twin_ring {
	struct twin_ring_shared *shared;
	u64 size;
	u64 pos;
	u64 next;
};

/* A record may wrap around the end of the ring. */
#define TWIN_RING_SPANS	2

void twin_ring_format(void *area);
void twin_ring_attach(struct twin_ring *ring, void *area, size_t size);

int twin_ring_produce(struct twin_ring *ring, size_t len,
		      struct kvec span[TWIN_RING_SPANS]);
void twin_ring_commit(struct twin_ring *ring);

ssize_t twin_ring_consume(struct twin_ring *ring,
			  struct kvec span[TWIN_RING_SPANS]);
bool twin_ring_release(struct twin_ring *ring);

#endif /* _DRIVERS_TWIN_TWIN_RING_H */
