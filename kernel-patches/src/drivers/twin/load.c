// SPDX-License-Identifier: GPL-2.0
/*
 * kexec_file_load(KEXEC_FILE_TWIN): kexec's own loader verifies the image and
 * lays its segments out, here they go straight to the reserved region.
 */
#define pr_fmt(fmt) "twin: " fmt

#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/kexec.h>
#include <linux/twin.h>

#include "loader.h"
#include "twin.h"

/**
 * twin_kexec_begin - lock the region for loading
 *
 * Return: 0, -ENODEV without a region, -EBUSY while a twin runs.
 */
int twin_kexec_begin(void)
{
	mutex_lock(&twin_lock);
	switch (twin_get_state()) {
	case TWIN_STATE_RESERVED:
		return 0;
	case TWIN_STATE_LOADED:
		twin_kexec_unload();
		return 0;
	case TWIN_STATE_NONE:
		mutex_unlock(&twin_lock);
		return -ENODEV;
	default:
		mutex_unlock(&twin_lock);
		return -EBUSY;
	}
}

/** twin_kexec_end - undo twin_kexec_begin() */
void twin_kexec_end(void)
{
	mutex_unlock(&twin_lock);
}

/** twin_kexec_unload - forget the loaded kernel; the region is locked */
void twin_kexec_unload(void)
{
	twin_image = (struct twin_image){};
	twin_set_state(TWIN_STATE_RESERVED);
}

/**
 * twin_kexec_locate - place a segment
 * @kbuf: the segment
 * @func: kexec's search, which answers 1 when it found room
 *
 * Return: 0, or -ENOMEM if the region is too small.
 */
int twin_kexec_locate(struct kexec_buf *kbuf,
		      int (*func)(struct resource *, void *))
{
	struct resource ram = {
		.start = twin_region.ram.start + TWIN_HANDOVER_SIZE,
		.end = twin_range_end(&twin_region.ram) - 1,
		.flags = IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY,
	};

	return func(&ram, kbuf) == 1 ? 0 : -ENOMEM;
}

static int copy_segment(const struct kexec_segment *segment)
{
	void *to = memremap(segment->mem, segment->memsz, MEMREMAP_WB);

	if (!to)
		return -ENOMEM;
	memcpy(to, segment->kbuf, segment->bufsz);
	memset(to + segment->bufsz, 0, segment->memsz - segment->bufsz);
	memunmap(to);
	return 0;
}

/**
 * twin_kexec_load - copy a prepared image to the region
 * @image: image whose segments were placed by twin_kexec_locate()
 *
 * Return: 0, or -ENOMEM.
 */
int twin_kexec_load(struct kimage *image)
{
	unsigned long i;
	int r;

	for (i = 0; i < image->nr_segments; i++) {
		r = copy_segment(&image->segment[i]);
		if (r)
			return r;
	}
	twin_set_state(TWIN_STATE_LOADED);
	pr_info("kernel loaded, entry %#llx\n", twin_image.entry);
	return 0;
}
