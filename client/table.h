/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* A table of text with aligned columns. */

#include "print.h"

typedef struct Table Table;

/* One column: its title, and whether its cells stand at the right. */
typedef struct Column {
        const char *title;
        bool right;
} Column;

Table *table_new(const Column *columns, size_t n_columns);
Table *table_free(Table *t);
int table_add(Table *t, const char *format, ...) _printf_(2, 3);
void table_print(const Table *t);

static inline void table_freep(Table **t) {
        table_free(*t);
}

#define _cleanup_table_ _cleanup_(table_freep)
