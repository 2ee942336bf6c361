/*
 * grid.c - calls of libsmartcols.
 */
#include "grid.h"

#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void grid_open(struct grid *grid)
{
	*grid = (struct grid){.table = scols_new_table()};
	if (grid->table == NULL)
		return;
	scols_table_enable_maxout(grid->table, 0);
	scols_table_set_termforce(grid->table, SCOLS_TERMFORCE_NEVER);
}

void grid_add_column(struct grid *grid, const char *name)
{
	if (grid->table != NULL)
		scols_table_new_column(grid->table, name, 0,
		                       scols_table_get_ncols(grid->table) == 0
		                               ? 0
		                               : SCOLS_FL_RIGHT);
}

void grid_add_line(struct grid *grid)
{
	if (grid->table != NULL)
		grid->line = scols_table_new_line(grid->table, NULL);
}

void grid_set(struct grid *grid, int column, const char *format, ...)
{
	char text[256];
	va_list args;

	if (grid->line == NULL)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	scols_line_set_data(grid->line, (size_t)column, text);
}

void grid_set_name(struct grid *grid, int column, const char *name)
{
	static const char dots[] = "...";
	size_t bytes = strlen(name);
	size_t tail = (GRID_NAME_BYTES - strlen(dots)) / 2;
	size_t head = GRID_NAME_BYTES - strlen(dots) - tail;

	if (bytes <= GRID_NAME_BYTES) {
		grid_set(grid, column, "%s", name);
		return;
	}
	grid_set(grid, column, "%.*s%s%s", (int)head, name, dots,
	         name + bytes - tail);
}

void grid_print(struct grid *grid, FILE *out)
{
	char *text = NULL;

	if (grid->table != NULL &&
	    scols_print_table_to_string(grid->table, &text) == 0)
		fprintf(out, "%s\n\n", text);
	free(text);
	scols_unref_table(grid->table);
	*grid = (struct grid){0};
}
