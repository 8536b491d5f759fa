/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ledger: what happened when, stamped with the TSC, which both kernels share.
 * It is a JSON array of [event, kernel, tsc] and so can be part of a job or of
 * a frame. Entries have no order of their own; the reader sorts by tsc.
 */
#pragma once

#include "util.h"

/**
 * ledger_add() - append one entry
 * @ledger:     JSON array
 * @event:      "freeze-begin"
 * @kernel:     uname -r of the kernel where it happened
 * @tsc:        ticks of the TSC
 *
 * Return: 0 or -ENOMEM.
 */
int ledger_add(json_object *ledger, const char *event, const char *kernel, uint64_t tsc);

/**
 * ledger_merge() - add all entries that are not there yet
 * @ledger:     JSON array
 * @other:      JSON array of entries, or NULL
 *
 * Return: 0, -EBADMSG (an element of @other is no entry; those before it are in) or -ENOMEM.
 */
int ledger_merge(json_object *ledger, json_object *other);

/**
 * ledger_of_job() - the ledger in a job, made when it has none
 * @job:        JSON object
 *
 * Return: the array, owned by @job, or NULL when out of memory.
 */
json_object *ledger_of_job(json_object *job);

/**
 * ledger_parse() - take an entry apart
 * @entry:      element of a ledger
 * @ret_event:  owned by @entry
 * @ret_kernel: owned by @entry
 * @ret_tsc:    ticks
 *
 * Return: 0 or -EBADMSG.
 */
int ledger_parse(json_object *entry, const char **ret_event, const char **ret_kernel, uint64_t *ret_tsc);
