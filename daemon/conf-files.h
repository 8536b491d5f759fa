/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where files are: configuration is found through the vendor, run time and
 * administrator directories, all below an alternative root in tests.
 */
#pragma once

#include "util.h"

/* Sets the directory that all absolute paths are taken below ("" for none). */
int conf_set_root(const char *root);

/* A copy of path below the root, or NULL when out of memory. */
char *conf_path(const char *path);

/* path without the root, for messages. Points into path. */
const char *conf_strip_root(const char *path);

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
int conf_files(const char *name, const char *dropin_dir, const char *suffix, char **ret_main, char ***ret_dropins);
