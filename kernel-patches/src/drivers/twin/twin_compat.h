/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernel versions for the channel. */
#ifndef _DRIVERS_TWIN_TWIN_COMPAT_H
#define _DRIVERS_TWIN_TWIN_COMPAT_H

#include <linux/version.h>
#include <linux/virtio_vsock.h>

/*
 * Since v7.0 vsock knows network namespaces. The twin is reached from those in
 * global mode only, which is every namespace unless it was set otherwise.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#define TWIN_SEND_PKT_ARGS	struct sk_buff *skb
#define TWIN_STREAM_ALLOW_ARGS	u32 cid, u32 port
#define TWIN_SEQPACKET_ALLOW_ARGS u32 cid
#define twin_vsock_reachable()	true
#define twin_vsock_recv(t, skb)	virtio_transport_recv_pkt(t, skb)
#else
#define TWIN_SEND_PKT_ARGS	struct sk_buff *skb, struct net *net
#define TWIN_STREAM_ALLOW_ARGS	struct vsock_sock *vsk, u32 cid, u32 port
#define TWIN_SEQPACKET_ALLOW_ARGS struct vsock_sock *vsk, u32 cid
#define twin_vsock_reachable()	vsock_net_mode_global(vsk)
#define twin_vsock_recv(t, skb)	virtio_transport_recv_pkt(t, skb, NULL)
#endif

#endif /* _DRIVERS_TWIN_TWIN_COMPAT_H */
