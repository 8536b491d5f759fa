/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The byte channel between the two kernels, an AF_VSOCK transport.
 */
#ifndef _DRIVERS_TWIN_CHANNEL_H
#define _DRIVERS_TWIN_CHANNEL_H

#include <linux/types.h>

/* AF_VSOCK addresses of the two ends. */
#define TWIN_CID_OLD	2	/* VMADDR_CID_HOST */
#define TWIN_CID_TWIN	3

int twin_channel_start(void *base, size_t size, bool is_twin);
void twin_channel_stop(void);
void twin_channel_doorbell(void);
void twin_ring_doorbell_peer(void);

#endif /* _DRIVERS_TWIN_CHANNEL_H */
