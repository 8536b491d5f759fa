/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small helpers for files, of which the engine reads and writes many.
 */
#pragma once

#include "util.h"

/**
 * read_text_file() - read a small file as a whole
 * @path:       file, may be in /proc or /sys
 * @ret:        allocated, NUL-terminated
 *
 * Return: length in bytes or a negative errno.
 */
ssize_t read_text_file(const char *path, char **ret);

/**
 * write_text_file() - write a small file, made when it is not there
 * @path:       file
 * @text:       what to write
 *
 * Return: 0 or a negative errno.
 */
int write_text_file(const char *path, const char *text);

/**
 * mkdir_parents() - make a directory and those above it
 * @path:       absolute path
 *
 * Return: 0, also when it exists, or a negative errno.
 */
int mkdir_parents(const char *path);

/**
 * read_json_file() - read a file that holds one JSON object
 * @path:       file
 * @ret:        to be freed with json_object_put()
 *
 * Return: 0, -EBADMSG (something else is in it) or another negative errno.
 */
int read_json_file(const char *path, json_object **ret);

/**
 * write_json_file() - write a JSON object, on stable storage when it returns
 * @path:       file, replaced as a whole
 * @object:     what to write
 *
 * Return: 0 or a negative errno.
 */
int write_json_file(const char *path, json_object *object);
