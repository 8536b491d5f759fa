/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arrays of strings that end with NULL; NULL itself is the empty one.
 */
#pragma once

#include "util.h"

/* Frees all. Returns NULL. */
char **strv_free(char **l);
DEFINE_CLEANUP(char **, strv_free)
#define _cleanup_strv_ _cleanup_(strv_freep)

/* Number of strings. */
size_t strv_length(char *const *l);

/* Whether the string is in the array. */
bool strv_contains(char *const *l, const char *s);

/* Appends a copy of a string. Returns 0 or -ENOMEM. */
int strv_push(char ***l, const char *s);

/* Appends the string itself, and frees it on failure; NULL is a failure. Returns 0 or -ENOMEM. */
int strv_consume(char ***l, char *s);

/* Copies all. Returns 0 or -ENOMEM. */
int strv_copy(char *const *l, char ***ret);
