/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CarryList: the files that units need in the twin, as a JSON object of path ->
 * {mode, uid, gid, size, mtime, change, written}. Directories come before what
 * is in them. `change` tells whether a file was touched between two lists of
 * one kernel, the others whether the twin has the same file already.
 */
#pragma once

#include <sys/stat.h>

#include "engine.h"
#include "util.h"

/**
 * carry_list_add() - add one file, with the directories above it
 * @list:       JSON object
 * @path:       absolute
 * @written:    a process may write to it
 *
 * What is not a regular file, a directory or a symbolic link, or lies in /proc, /sys and the
 * like, is left out, as is what does not exist.
 *
 * Return: 0 or a negative errno.
 */
int carry_list_add(json_object *list, const char *path, bool written);

/**
 * carry_list_add_tree() - add a path and all that is below it
 * @list:       JSON object
 * @path:       absolute
 *
 * Return: 0 or a negative errno.
 */
int carry_list_add_tree(json_object *list, const char *path);

/**
 * carry_list_add_unit() - add what a unit and its processes use
 * @list:       JSON object
 * @unit:       its carry paths
 * @state:      its unit files, and processes with their mapped and opened files
 *
 * Return: 0 or a negative errno.
 */
int carry_list_add_unit(json_object *list, const EngineUnit *unit, const UnitState *state);

/**
 * carry_list_same() - whether the file system here has that very file already
 * @entry:      member of a list
 * @path:       its key
 *
 * Return: true or false.
 */
bool carry_list_same(json_object *entry, const char *path);

/**
 * carry_list_changed() - whether a file was touched since an earlier list
 * @entry:      member of the later list
 * @earlier:    member of the earlier list, or NULL
 *
 * Return: true or false.
 */
bool carry_list_changed(json_object *entry, json_object *earlier);

/* Whether a process may write to the file. */
bool carry_list_is_written(json_object *entry);
