/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A JSON file that people write: parsed by json-c, which forgets where things
 * stood, so that the text is kept to find the line of a value for a message.
 */
#pragma once

#include "util.h"

typedef struct JsonFile {
        char *path;                     /* without the root */
        char *text;
        json_object *object;
} JsonFile;

/**
 * json_file_load() - read and parse a file
 * @path:	of the file
 * @ret:	to be released with json_file_done(), also after an error
 * @ret_error:	on -EBADMSG file, line and what is wrong
 *
 * Return: 0; -EBADMSG when it is no JSON object; or another negative errno.
 */
int json_file_load(const char *path, JsonFile *ret, char **ret_error);

void json_file_done(JsonFile *f);

/**
 * json_file_line() - the line where a value stands
 * @f:		a file that was loaded
 * @path:	keys, and indices of arrays in decimal, ending with NULL
 *
 * Return: its line, from 1; the line of the innermost value that exists when it does not.
 */
unsigned json_file_line(const JsonFile *f, const char *const *path);
