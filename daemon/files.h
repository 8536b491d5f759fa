/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files as the daemon needs them: read whole, found through the vendor, run
 * time and administrator directories, all below an alternative root in tests.
 */
#pragma once

#include "util.h"

/* Sets the directory that all absolute paths are taken below ("" for none). */
int files_set_root(const char *root);

/* A copy of path below the root, or NULL when out of memory. */
char *files_path(const char *path);

/* path without the root, for messages. Points into path. */
const char *files_strip_root(const char *path);

/**
 * read_text_file() - read a whole file
 * @path:	as it is, see files_path()
 * @max:	bytes that it may have
 * @ret:	its text, NUL-terminated
 * @ret_size:	its bytes without the NUL, or NULL
 *
 * Return: 0; -EFBIG when it is larger than @max; another errno.
 */
int read_text_file(const char *path, size_t max, char **ret, size_t *ret_size);

/* A list of strings that ends with NULL. */
typedef char **Strv;
Strv strv_free(Strv l);
size_t strv_length(Strv l);
int strv_push(Strv *l, char *s);                /* takes s, frees it on failure; -ENOMEM */
DEFINE_CLEANUP(Strv, strv_free)
#define _cleanup_strv_          _cleanup_(strv_freep)

/**
 * conf_files() - the files of one configuration, in the order they apply
 * @name:	of the main file, such as "tkd.conf"; the first of /etc/tkd, /run/tkd,
 *		/usr/lib/tkd that has it counts
 * @dropin_dir:	directory of drop-ins beside it, such as "tkd.conf.d". A file there replaces one of
 *		the same name in a directory further down the list; a link to /dev/null hides it
 * @suffix:	of drop-ins, such as ".conf"
 * @ret_main:	path of the main file, or NULL
 * @ret_dropins: paths of the drop-ins, sorted by file name
 *
 * Return: 0 or a negative errno.
 */
int conf_files(const char *name, const char *dropin_dir, const char *suffix, char **ret_main, Strv *ret_dropins);
