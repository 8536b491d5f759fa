/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRC-32 as zlib and Ethernet have it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_of(const void *data, size_t size);
