/*
 * grid.h - a table on the terminal: libsmartcols, as plain as we need it.
 *
 * No colours, no cutting to the width of the terminal.  Where there is no
 * memory, calls do nothing.
 */
#ifndef HARNESS_REPORT_GRID_H
#define HARNESS_REPORT_GRID_H

#include <stdio.h>

struct libscols_table;
struct libscols_line;

struct grid {
	struct libscols_table *table;
	struct libscols_line *line; /* the one that is being filled */
};

void grid_open(struct grid *grid);

/* Columns are counted from 0; the first is flush left, the others right. */
void grid_add_column(struct grid *grid, const char *name);
void grid_add_line(struct grid *grid);

/* The text of a cell of the last line. */
void grid_set(struct grid *grid, int column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * A name: of one that is longer than GRID_NAME_BYTES the middle is left out,
 * "parse::Table<std::string, ...st (table.cpp:120)".
 */
enum { GRID_NAME_BYTES = 48 };
void grid_set_name(struct grid *grid, int column, const char *name);

/* Prints the table and an empty line, and frees it. */
void grid_print(struct grid *grid, FILE *out);

#endif
