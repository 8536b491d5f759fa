// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_VSOCK between the two kernels: the transport side of the channel.
 *
 * Connections, credit and shutdown are those of virtio-vsock (the common part
 * in net/vmw_vsock); only the way of a packet is our own: a record in one of
 * two rings, header first. One work item moves packets both ways, so that the
 * rings need no lock. The nearest relative is vsock_loopback.c.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/uio.h>
#include <linux/virtio_vsock.h>
#include <linux/workqueue.h>

#include "channel.h"
#include "twin_compat.h"
#include "twin_ring.h"

#define CHANNEL_MAGIC	0x4c4e484354444b54	/* "TKDTCHNL" */
#define CHANNEL_VERSION	1
#define HEAD_SIZE	4096

/* Packets handled in one go before others get the CPU. */
#define BUDGET		256
/* Answers that may wait for space before no more packets are taken in. */
#define MAX_REPLIES	256

/**
 * struct channel_head - start of the shared memory
 * @magic:	CHANNEL_MAGIC, written last
 * @version:	CHANNEL_VERSION of the old kernel
 * @reserved:	zero
 * @size:	bytes of the shared memory
 *
 * Two rings of equal size follow at HEAD_SIZE: old to twin, twin to old.
 */
struct channel_head {
	u64 magic;
	u32 version;
	u32 reserved;
	u64 size;
};

/**
 * struct channel - this kernel's end
 * @running:	packets may be sent and taken in; changed under @queue.lock
 * @local_cid:	address of this kernel
 * @peer_cid:	address of the other
 * @tx:		ring to the peer
 * @rx:		ring from the peer
 * @queue:	packets that wait for space in @tx
 * @replies:	how many of them are answers to packets of the peer
 * @wq:		where the work runs, allocated once
 */
struct channel {
	bool running;
	u32 local_cid;
	u32 peer_cid;
	struct twin_ring tx;
	struct twin_ring rx;
	struct sk_buff_head queue;
	atomic_t replies;
	struct workqueue_struct *wq;
};

static void move_packets(struct work_struct *unused);
static DECLARE_WORK(packet_work, move_packets);

static struct channel channel = { .local_cid = VMADDR_CID_ANY };

/* ---- what the common code calls ---- */

static u32 get_local_cid(void)
{
	return READ_ONCE(channel.local_cid);
}

static int send_pkt(TWIN_SEND_PKT_ARGS)
{
	int len = skb->len;
	bool running;

	spin_lock_bh(&channel.queue.lock);
	running = channel.running;
	if (running) {
		if (virtio_vsock_skb_reply(skb))
			atomic_inc(&channel.replies);
		__skb_queue_tail(&channel.queue, skb);
	}
	spin_unlock_bh(&channel.queue.lock);

	if (!running) {
		kfree_skb(skb);
		return -ENODEV;
	}
	queue_work(channel.wq, &packet_work);
	return len;
}

static int cancel_pkt(struct vsock_sock *vsk)
{
	int replies = virtio_transport_purge_skbs(vsk, &channel.queue);

	atomic_sub(replies, &channel.replies);
	return 0;
}

static bool stream_allow(TWIN_STREAM_ALLOW_ARGS)
{
	return twin_vsock_reachable();
}

static bool seqpacket_allow(TWIN_SEQPACKET_ALLOW_ARGS)
{
	return twin_vsock_reachable();
}

static struct virtio_transport twin_transport = {
	.transport = {
		.module			= THIS_MODULE,

		.get_local_cid		= get_local_cid,

		.init			= virtio_transport_do_socket_init,
		.destruct		= virtio_transport_destruct,
		.release		= virtio_transport_release,
		.connect		= virtio_transport_connect,
		.shutdown		= virtio_transport_shutdown,
		.cancel_pkt		= cancel_pkt,

		.dgram_bind		= virtio_transport_dgram_bind,
		.dgram_dequeue		= virtio_transport_dgram_dequeue,
		.dgram_enqueue		= virtio_transport_dgram_enqueue,
		.dgram_allow		= virtio_transport_dgram_allow,

		.stream_dequeue		= virtio_transport_stream_dequeue,
		.stream_enqueue		= virtio_transport_stream_enqueue,
		.stream_has_data	= virtio_transport_stream_has_data,
		.stream_has_space	= virtio_transport_stream_has_space,
		.stream_rcvhiwat	= virtio_transport_stream_rcvhiwat,
		.stream_is_active	= virtio_transport_stream_is_active,
		.stream_allow		= stream_allow,

		.seqpacket_dequeue	= virtio_transport_seqpacket_dequeue,
		.seqpacket_enqueue	= virtio_transport_seqpacket_enqueue,
		.seqpacket_allow	= seqpacket_allow,
		.seqpacket_has_data	= virtio_transport_seqpacket_has_data,

		.notify_poll_in		= virtio_transport_notify_poll_in,
		.notify_poll_out	= virtio_transport_notify_poll_out,
		.notify_recv_init	= virtio_transport_notify_recv_init,
		.notify_recv_pre_block	= virtio_transport_notify_recv_pre_block,
		.notify_recv_pre_dequeue =
			virtio_transport_notify_recv_pre_dequeue,
		.notify_recv_post_dequeue =
			virtio_transport_notify_recv_post_dequeue,
		.notify_send_init	= virtio_transport_notify_send_init,
		.notify_send_pre_block	= virtio_transport_notify_send_pre_block,
		.notify_send_pre_enqueue =
			virtio_transport_notify_send_pre_enqueue,
		.notify_send_post_enqueue =
			virtio_transport_notify_send_post_enqueue,
		.notify_buffer_size	= virtio_transport_notify_buffer_size,
		.notify_set_rcvlowat	= virtio_transport_notify_set_rcvlowat,

		.unsent_bytes		= virtio_transport_unsent_bytes,
		.read_skb		= virtio_transport_read_skb,
	},

	.send_pkt = send_pkt,
};

/* ---- sending ---- */

static int write_packet(struct sk_buff *skb)
{
	struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb);
	struct kvec span[TWIN_RING_SPANS];
	size_t len = sizeof(*hdr) + skb->len;
	struct iov_iter iter;
	int r;

	r = twin_ring_produce(&channel.tx, len, span);
	if (r)
		return r;

	iov_iter_kvec(&iter, ITER_DEST, span, TWIN_RING_SPANS, len);
	if (copy_to_iter(hdr, sizeof(*hdr), &iter) != sizeof(*hdr))
		return -EFAULT;
	r = skb_copy_datagram_iter(skb, 0, &iter, skb->len);
	if (r)
		return r;

	twin_ring_commit(&channel.tx);
	return 0;
}

static void packet_done(struct sk_buff *skb, int r)
{
	if (virtio_vsock_skb_reply(skb))
		atomic_dec(&channel.replies);
	if (r)
		pr_warn_once("packet of %u bytes lost: %d\n", skb->len, r);
	virtio_transport_consume_skb_sent(skb, true);
}

/* Return: 0: all was sent, or the ring is full; -EIO: the ring is broken. */
static int send_packets(void)
{
	struct sk_buff *skb;
	bool sent = false;
	int r = 0;

	while ((skb = virtio_vsock_skb_dequeue(&channel.queue))) {
		virtio_transport_deliver_tap_pkt(skb);
		r = write_packet(skb);
		if (r == -EAGAIN || r == -EIO) {
			virtio_vsock_skb_queue_head(&channel.queue, skb);
			break;
		}
		packet_done(skb, r);
		sent = true;
	}
	if (sent)
		twin_ring_doorbell_peer();
	return r == -EIO ? r : 0;
}

/* ---- receiving ---- */

/* Is a packet of @len bytes with this header one that the peer may send? */
static bool header_is_valid(const struct virtio_vsock_hdr *hdr, size_t len)
{
	return le32_to_cpu(hdr->len) == len - sizeof(*hdr) &&
	       le32_to_cpu(hdr->len) <= VIRTIO_VSOCK_MAX_PKT_BUF_SIZE &&
	       le64_to_cpu(hdr->src_cid) == channel.peer_cid &&
	       le64_to_cpu(hdr->dst_cid) == channel.local_cid;
}

/*
 * Return: the packet; -EPROTO: the record holds none; -ENOMEM: try again.
 */
static struct sk_buff *read_packet(struct kvec span[TWIN_RING_SPANS],
				   size_t len)
{
	struct virtio_vsock_hdr hdr;
	struct iov_iter iter;
	struct sk_buff *skb;
	size_t payload;

	if (len < sizeof(hdr))
		return ERR_PTR(-EPROTO);

	iov_iter_kvec(&iter, ITER_SOURCE, span, TWIN_RING_SPANS, len);
	if (copy_from_iter(&hdr, sizeof(hdr), &iter) != sizeof(hdr) ||
	    !header_is_valid(&hdr, len))
		return ERR_PTR(-EPROTO);

	payload = len - sizeof(hdr);
	skb = virtio_vsock_alloc_skb(VIRTIO_VSOCK_SKB_HEADROOM + payload,
				     GFP_KERNEL);
	if (!skb)
		return ERR_PTR(-ENOMEM);

	memcpy(virtio_vsock_hdr(skb), &hdr, sizeof(hdr));
	if (!payload)
		return skb;
	virtio_vsock_skb_put(skb, payload);
	if (skb_copy_datagram_from_iter(skb, 0, &iter, payload)) {
		kfree_skb(skb);
		return ERR_PTR(-EPROTO);
	}
	return skb;
}

/*
 * Return: 1: took a record in; 0: there is none, or no memory for it now;
 * -EIO: the ring is broken.
 */
static int receive_packet(bool *doorbell)
{
	struct kvec span[TWIN_RING_SPANS];
	struct sk_buff *skb;
	ssize_t len;

	len = twin_ring_consume(&channel.rx, span);
	if (len < 0)
		return len == -EAGAIN ? 0 : len;

	skb = read_packet(span, len);
	if (skb == ERR_PTR(-ENOMEM))
		return 0;

	*doorbell |= twin_ring_release(&channel.rx);
	if (IS_ERR(skb)) {
		pr_warn_once("bad packet of %zd bytes dropped\n", len);
		return 1;
	}
	virtio_transport_deliver_tap_pkt(skb);
	twin_vsock_recv(&twin_transport, skb);
	return 1;
}

static bool may_receive(void)
{
	return atomic_read(&channel.replies) < MAX_REPLIES;
}

/* Return: 1: there may be more; 0: there is nothing to do; -EIO: broken. */
static int receive_packets(void)
{
	bool doorbell = false;
	int i, r = 1;

	for (i = 0; i < BUDGET && r > 0 && may_receive(); i++)
		r = receive_packet(&doorbell);
	if (doorbell)
		twin_ring_doorbell_peer();
	return r;
}

/* ---- life ---- */

/* As in virtio_transport.c: under vsock_table_lock, hence no lock_sock(). */
static void reset_sock(struct sock *sk)
{
	sk->sk_state = TCP_CLOSE;
	sk->sk_err = ECONNRESET;
	sk_error_report(sk);
}

static void set_running(bool running)
{
	spin_lock_bh(&channel.queue.lock);
	WRITE_ONCE(channel.running, running);
	spin_unlock_bh(&channel.queue.lock);
}

/* No packet goes in or out any more; every connection is reset. */
static void hang_up(void)
{
	set_running(false);
	vsock_for_each_connected_socket(&twin_transport.transport, reset_sock);
	virtio_vsock_skb_queue_purge(&channel.queue);
	atomic_set(&channel.replies, 0);
}

static void move_packets(struct work_struct *unused)
{
	int more, r;

	if (!READ_ONCE(channel.running))
		return;

	more = receive_packets();
	r = send_packets();
	if (more < 0 || r < 0) {
		pr_err("the other kernel broke the channel\n");
		hang_up();
	} else if (more && may_receive()) {
		queue_work(channel.wq, &packet_work);
	}
}

/* Return: true if the peer laid out these @size bytes as we would. */
static bool head_is_valid(const struct channel_head *head, size_t size)
{
	/* Pairs with the one in format(). */
	return virt_load_acquire(&head->magic) == CHANNEL_MAGIC &&
	       READ_ONCE(head->version) == CHANNEL_VERSION &&
	       READ_ONCE(head->size) == size;
}

static void format(void *base, size_t size, size_t ring_size)
{
	struct channel_head *head = base;

	twin_ring_format(base + HEAD_SIZE);
	twin_ring_format(base + HEAD_SIZE + ring_size);
	head->version = CHANNEL_VERSION;
	head->reserved = 0;
	head->size = size;
	/* Pairs with the one in head_is_valid(). */
	virt_store_release(&head->magic, CHANNEL_MAGIC);
}

/* What is set up once and stays. */
static int init_once(void)
{
	if (channel.wq)
		return 0;
	skb_queue_head_init(&channel.queue);
	channel.wq = alloc_workqueue("twin_channel", WQ_UNBOUND, 0);
	return channel.wq ? 0 : -ENOMEM;
}

static void attach(void *base, size_t ring_size, bool is_twin)
{
	void *down = base + HEAD_SIZE, *up = down + ring_size;

	twin_ring_attach(&channel.tx, is_twin ? up : down, ring_size);
	twin_ring_attach(&channel.rx, is_twin ? down : up, ring_size);
	channel.peer_cid = is_twin ? TWIN_CID_OLD : TWIN_CID_TWIN;
	WRITE_ONCE(channel.local_cid,
		   is_twin ? TWIN_CID_TWIN : TWIN_CID_OLD);
}

/**
 * twin_channel_start - open this kernel's end of the channel
 * @base: the shared memory, page aligned, mapped write-back
 * @size: its bytes, at least 1 MiB; the same in both kernels
 * @is_twin: this kernel is the twin
 *
 * The old kernel must have called this before the twin does; it lays the
 * memory out. May sleep. Not before late_initcall: AF_VSOCK must be there.
 *
 * Return: 0; -EBUSY: it is open, or another transport has this kernel's role;
 * -EPROTO: the other kernel's layout is not known here; -EINTR; -ENOMEM.
 */
int twin_channel_start(void *base, size_t size, bool is_twin)
{
	size_t ring_size = ALIGN_DOWN((size - HEAD_SIZE) / 2, HEAD_SIZE);
	int r;

	if (READ_ONCE(channel.running))
		return -EBUSY;
	if (is_twin && !head_is_valid(base, size))
		return -EPROTO;
	r = init_once();
	if (r)
		return r;

	if (!is_twin)
		format(base, size, ring_size);
	attach(base, ring_size, is_twin);
	r = vsock_core_register(&twin_transport.transport,
				is_twin ? VSOCK_TRANSPORT_F_G2H
					: VSOCK_TRANSPORT_F_H2G);
	if (r)
		return r;

	set_running(true);
	queue_work(channel.wq, &packet_work);
	return 0;
}

/**
 * twin_channel_stop - close this kernel's end of the channel
 *
 * Every connection is reset, here and now; sockets may stay open. After it
 * returns the shared memory is not touched any more. The other kernel hears
 * nothing of it. Does nothing if the channel is not open. May sleep.
 */
void twin_channel_stop(void)
{
	if (!channel.wq)
		return;
	vsock_core_unregister(&twin_transport.transport);
	hang_up();
	cancel_work_sync(&packet_work);
	/* What the work had in hand while the others were purged. */
	hang_up();
	WRITE_ONCE(channel.local_cid, VMADDR_CID_ANY);
}

/**
 * twin_channel_doorbell - the other kernel did something to the rings
 *
 * From any context, hard interrupts included; spurious calls are harmless.
 */
void twin_channel_doorbell(void)
{
	if (READ_ONCE(channel.running))
		queue_work(channel.wq, &packet_work);
}
