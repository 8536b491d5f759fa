/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal of upgrades: a file of records that is only ever appended to,
 * one line each: CRC-32 of the rest in hex, a space, a JSON object. A record
 * is on the disk when journal_append() returns, or the call fails.
 *
 * What a crash can leave is a torn last line; it is cut off when the journal is
 * opened. A damaged line in the middle is reported and left out.
 */
#pragma once

#include "util.h"

typedef struct Journal Journal;

/* Called for each good record, oldest first. A negative return ends the reading. */
typedef int (*JournalReader)(json_object *record, void *userdata);

/**
 * journal_open() - open a journal, made with its directory when it is not there
 * @path:	of the file
 * @reader:	hears all records that are in it
 * @userdata:	for @reader
 * @ret:	to be freed with journal_free()
 *
 * Return: 0, or a negative errno: of the filesystem, or what @reader returned.
 */
int journal_open(const char *path, JournalReader reader, void *userdata, Journal **ret);

Journal *journal_free(Journal *j);
DEFINE_CLEANUP(Journal *, journal_free)

/**
 * journal_append() - add a record and wait until it is on the disk
 * @j:		the journal
 * @record:	an object; the caller keeps its reference
 *
 * After a failed sync nothing is known of the file's state on the disk, so that the next call
 * writes the whole file anew before it appends.
 *
 * Return: 0 or a negative errno; the record is then not in the journal.
 */
int journal_append(Journal *j, json_object *record);

/**
 * journal_rewrite() - replace all records, by a new file that takes the place of the old one
 * @j:		the journal
 * @records:	an array of objects
 *
 * Return: 0 or a negative errno; the old file is then untouched.
 */
int journal_rewrite(Journal *j, json_object *records);

/* Damaged lines between good ones that were left out when it was opened. */
unsigned journal_damaged(const Journal *j);
