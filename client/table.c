/* SPDX-License-Identifier: GPL-2.0-only */

/* A table of text with aligned columns: cells are collected first, widths are known when it is printed. */

#include <stdarg.h>

#include "table.h"

struct Table {
        const Column *columns;
        size_t n_columns;
        char **cells;
        size_t n_cells;
};

/**
 * table_new() - an empty table
 * @columns: titles and alignment; must live as long as the table
 * @n_columns: how many
 *
 * Return: the table, or NULL when memory ran out.
 */
Table *table_new(const Column *columns, size_t n_columns) {
        Table *t = malloc(sizeof(*t));

        if (t)
                *t = (Table) { .columns = columns, .n_columns = n_columns };
        return t;
}

/**
 * table_free() - forget a table
 * @t: the table or NULL
 *
 * Return: NULL.
 */
Table *table_free(Table *t) {
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n_cells; i++)
                free(t->cells[i]);
        free(t->cells);
        free(t);
        return NULL;
}

/**
 * table_add() - add one cell, row by row from the left
 * @t: the table
 * @format: as for printf
 *
 * Return: 0 or -ENOMEM.
 */
int table_add(Table *t, const char *format, ...) {
        char *cell, **cells;
        va_list ap;
        int r;

        cells = reallocarray(t->cells, t->n_cells + 1, sizeof(char *));
        if (!cells)
                return -ENOMEM;
        t->cells = cells;

        va_start(ap, format);
        r = vasprintf(&cell, format, ap);
        va_end(ap);
        if (r < 0)
                return -ENOMEM;
        t->cells[t->n_cells++] = cell;
        return 0;
}

static size_t column_width(const Table *t, size_t column) {
        size_t width = strlen(t->columns[column].title);

        for (size_t i = column; i < t->n_cells; i += t->n_columns) {
                size_t n = strlen(t->cells[i]);

                if (n > width)
                        width = n;
        }
        return width;
}

static void print_cell(const Table *t, size_t column, const char *text) {
        bool last = column == t->n_columns - 1;
        int width = (int) column_width(t, column);

        if (t->columns[column].right)
                printf("%*s", width, text);
        else
                printf("%-*s", last ? 0 : width, text);
        fputs(last ? "\n" : "  ", stdout);
}

/**
 * table_print() - print titles and rows on standard output
 * @t: the table
 */
void table_print(const Table *t) {
        for (size_t i = 0; i < t->n_columns; i++)
                print_cell(t, i, t->columns[i].title);
        for (size_t i = 0; i < t->n_cells; i++)
                print_cell(t, i % t->n_columns, t->cells[i]);
}
