/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What the verbs have in common that print one array of the manager. */

#include "table.h"
#include "tkctl.h"

/* Reads a whole reply; fills @array when that is given, else @t. Negative errno when it cannot. */
typedef int (*ListingReader)(sd_bus_message *m, json_object *array, Table *t);

/* Calls a method of the manager without arguments and prints its reply; an exit code. */
int listing_show(Context *c, const char *method, ListingReader read, const Column *columns, size_t n_columns);
