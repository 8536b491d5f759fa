/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRC-32, bit by bit: journal records are short.
 */
#include "crc32.h"

#define POLYNOMIAL 0xedb88320U

uint32_t crc32_of(const void *data, size_t size) {
        uint32_t crc = UINT32_MAX;

        for (const uint8_t *p = data; size > 0; p++, size--) {
                crc ^= *p;
                for (int bit = 0; bit < 8; bit++)
                        crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        }
        return ~crc;
}
