// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring between two kernels; see twin_ring.h.
 *
 * The barriers are the virt_ ones: they stay what they are on a kernel that
 * has patched itself for a single CPU, since the other kernel's CPUs do not
 * count there.
 */
#include <linux/align.h>
#include <linux/errno.h>
#include <linux/minmax.h>

#include <asm/barrier.h>
#include <asm/rwonce.h>

#include "twin_ring.h"

struct record {
	u32 len;
	u32 zero;
	u8 payload[];
};

#define RECORD_ALIGN	sizeof(struct record)

static u64 record_size(size_t len)
{
	return sizeof(struct record) + ALIGN(len, RECORD_ALIGN);
}

/* Records are aligned, so their head never wraps. */
static struct record *record_at(const struct twin_ring *ring, u64 pos)
{
	return (struct record *)(ring->shared->data + pos % ring->size);
}

static void payload_at(const struct twin_ring *ring, u64 pos, size_t len,
		       struct kvec span[TWIN_RING_SPANS])
{
	u64 start = (pos + sizeof(struct record)) % ring->size;
	size_t first = min_t(u64, len, ring->size - start);

	span[0].iov_base = ring->shared->data + start;
	span[0].iov_len = first;
	span[1].iov_base = ring->shared->data;
	span[1].iov_len = len - first;
}

/**
 * twin_ring_format - make an empty ring
 * @area: where, aligned to TWIN_RING_LINE; nobody is attached to it yet
 */
void twin_ring_format(void *area)
{
	struct twin_ring_shared *shared = area;

	shared->head = 0;
	shared->tail = 0;
	shared->waiting = 0;
}

/**
 * twin_ring_attach - use a ring that was just formatted, as either side
 * @ring: this side's view, set up
 * @area: the ring
 * @size: bytes at @area, with the indices
 *
 * The side's own index starts at zero whatever the shared memory says.
 */
void twin_ring_attach(struct twin_ring *ring, void *area, size_t size)
{
	ring->shared = area;
	ring->size = ALIGN_DOWN(size - sizeof(struct twin_ring_shared),
				RECORD_ALIGN);
	ring->pos = 0;
	ring->next = 0;
}

/* Return: free bytes, or -EIO if the consumer's index makes no sense. */
static s64 free_space(const struct twin_ring *ring)
{
	/* Pairs with the release in twin_ring_release(). */
	u64 used = ring->pos - virt_load_acquire(&ring->shared->tail);

	return used > ring->size ? -EIO : ring->size - used;
}

/**
 * twin_ring_produce - find the place for a record
 * @ring: the producer's view
 * @len: bytes of payload, more than 0
 * @span: out: where the payload goes
 *
 * To be followed by twin_ring_commit(), unless nothing shall be sent.
 *
 * Return: 0; -EMSGSIZE: empty, or longer than the ring; -EAGAIN: no space now, the peer
 * will ring the doorbell when there is; -EIO: the peer broke the ring.
 */
int twin_ring_produce(struct twin_ring *ring, size_t len,
		      struct kvec span[TWIN_RING_SPANS])
{
	struct record *record = record_at(ring, ring->pos);
	u64 need = record_size(len);
	s64 space;

	if (!len || len > ring->size || need > ring->size)
		return -EMSGSIZE;

	space = free_space(ring);
	if (space >= 0 && space < need) {
		WRITE_ONCE(ring->shared->waiting, 1);
		/* Pairs with the one in twin_ring_release(). */
		virt_mb();
		space = free_space(ring);
	}
	if (space < 0)
		return space;
	if (space < need)
		return -EAGAIN;

	WRITE_ONCE(record->len, len);
	WRITE_ONCE(record->zero, 0);
	payload_at(ring, ring->pos, len, span);
	ring->next = ring->pos + need;
	return 0;
}

/**
 * twin_ring_commit - let the consumer see the record
 * @ring: the producer's view
 */
void twin_ring_commit(struct twin_ring *ring)
{
	ring->pos = ring->next;
	/* Pairs with the acquire in twin_ring_consume(). */
	virt_store_release(&ring->shared->head, ring->pos);
}

/**
 * twin_ring_consume - find the oldest record
 * @ring: the consumer's view
 * @span: out: where its payload lies
 *
 * The payload can change under the reader: copy it out once, then judge the
 * copy. To be followed by twin_ring_release(); without it the same record
 * comes again.
 *
 * Return: bytes of payload; -EAGAIN: there is none; -EIO: the peer broke the
 * ring.
 */
ssize_t twin_ring_consume(struct twin_ring *ring,
			  struct kvec span[TWIN_RING_SPANS])
{
	/* Pairs with the release in twin_ring_commit(). */
	u64 used = virt_load_acquire(&ring->shared->head) - ring->pos;
	u32 len;

	if (!used)
		return -EAGAIN;
	if (used > ring->size || used < sizeof(struct record))
		return -EIO;

	len = READ_ONCE(record_at(ring, ring->pos)->len);
	if (!len || record_size(len) > used)
		return -EIO;

	payload_at(ring, ring->pos, len, span);
	ring->next = ring->pos + record_size(len);
	return len;
}

/**
 * twin_ring_release - give the space of the record back
 * @ring: the consumer's view
 *
 * Return: true if the producer waits for space and is owed a doorbell.
 */
bool twin_ring_release(struct twin_ring *ring)
{
	ring->pos = ring->next;
	/* Pairs with the acquire in free_space(). */
	virt_store_release(&ring->shared->tail, ring->pos);
	/* Pairs with the one in twin_ring_produce(). */
	virt_mb();
	if (!READ_ONCE(ring->shared->waiting))
		return false;
	WRITE_ONCE(ring->shared->waiting, 0);
	return true;
}
