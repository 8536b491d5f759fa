/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Assertions of the unit tests: what is not so ends the program and says where.
 */
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define TEST_FAIL(...)                                                                  \
        do {                                                                            \
                fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, __func__);           \
                fprintf(stderr, __VA_ARGS__);                                           \
                fputc('\n', stderr);                                                    \
                abort();                                                                \
        } while (0)

#define ASSERT_TRUE(expr)                                                               \
        do {                                                                            \
                if (!(expr))                                                            \
                        TEST_FAIL("not true: %s", #expr);                               \
        } while (0)

#define ASSERT_EQ(a, b)                                                                 \
        do {                                                                            \
                int64_t _a = (int64_t) (a), _b = (int64_t) (b);                         \
                if (_a != _b)                                                           \
                        TEST_FAIL("%s = %" PRId64 ", not %" PRId64, #a, _a, _b);        \
        } while (0)

#define ASSERT_OK(expr)                                                                 \
        do {                                                                            \
                int64_t _r = (int64_t) (expr);                                          \
                if (_r < 0)                                                             \
                        TEST_FAIL("%s failed: %s", #expr, strerror((int) -_r));         \
        } while (0)

#define ASSERT_STREQ(a, b)                                                              \
        do {                                                                            \
                const char *_a = (a), *_b = (b);                                        \
                if (!streq_ptr(_a, _b))                                                 \
                        TEST_FAIL("%s = \"%s\", not \"%s\"", #a, _a ?: "(null)", _b ?: "(null)"); \
        } while (0)
