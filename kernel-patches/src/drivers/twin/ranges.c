// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic on lists of address ranges.
 */
#include <linux/minmax.h>
#include <linux/string.h>

#include "twin.h"

static bool overlap(const struct twin_range *a, const struct twin_range *b)
{
	return a->start < twin_range_end(b) && b->start < twin_range_end(a);
}

/* Appends a range unless it is empty or there is no room. */
static unsigned int append(struct twin_range *out, unsigned int nr,
			   unsigned int max, u64 start, u64 end)
{
	if (start >= end || nr == max)
		return nr;
	out[nr] = (struct twin_range){ .start = start, .size = end - start };
	return nr + 1;
}

/**
 * twin_range_cut - take a range out of a list
 * @ranges: disjoint ranges, sorted by address; changed in place
 * @nr:     how many
 * @cut:    what to take out; may be empty
 * @max:    room in @ranges; what does not fit is dropped from the end
 *
 * Return: how many ranges are left.
 */
unsigned int twin_range_cut(struct twin_range *ranges, unsigned int nr,
			    const struct twin_range *cut, unsigned int max)
{
	unsigned int i = 0;

	if (!cut->size)
		return nr;
	while (i < nr && !overlap(&ranges[i], cut))
		i++;
	while (i < nr && overlap(&ranges[i], cut)) {
		struct twin_range was = ranges[i], piece[2];
		unsigned int n, rest = nr - i - 1, room = min(2U, max - i);

		n = append(piece, 0, room, was.start, cut->start);
		n = append(piece, n, room, twin_range_end(cut),
			   twin_range_end(&was));
		rest = min(rest, max - i - n);
		memmove(&ranges[i + n], &ranges[i + 1], rest * sizeof(*ranges));
		memcpy(&ranges[i], piece, n * sizeof(*ranges));
		nr = i + n + rest;
		i += n;
	}
	return nr;
}
