/*
 * strip.c - which cells are drawn, how wide, and on which line.
 */
#include "strip.h"

#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

enum {
	RUN_LEAST = 4, /* so many equal neighbours become one cell */
	LINE_COLUMNS = BOARD_COLUMNS - BOARD_INDENT,
	LINES_WHOLE = 4,  /* a strip of at most so many lines is drawn whole */
	LINES_WINDOW = 3, /* of a longer one so much around the focus        */
	LABEL_BYTES = 48,
	LINE_CELLS = LINE_COLUMNS / 2,
};

/* Free, but kept for the next request of its size: fast bins are such, too. */
static bool is_cached(const char *tier)
{
	return strstr(tier, "cache") != NULL || strcmp(tier, "fast bin") == 0;
}

static char sign_of(const struct extent *extent)
{
	switch (extent->kind) {
	case EXTENT_FREE:
		if (is_cached(extent->tier))
			return ':';
		return strcmp(extent->tier, "wilderness") == 0 ? '~' : '.';
	case EXTENT_METADATA:
		return '#';
	case EXTENT_SLACK:
		return '/';
	default:
		return '?'; /* live, and nobody has a name for it */
	}
}

void strip_add(struct strip *strip, const struct extent *extent,
               const char *name)
{
	if (strip->count == strip->capacity) {
		size_t more = strip->capacity == 0 ? 64 : 2 * strip->capacity;
		struct strip_cell *grown =
			realloc(strip->cells, more * sizeof *grown);
		strip->out_of_memory |= grown == NULL;
		if (grown == NULL)
			return;
		strip->cells = grown;
		strip->capacity = more;
	}
	struct strip_cell *cell = &strip->cells[strip->count++];
	*cell = (struct strip_cell){extent->start, extent->bytes, 1,
	                            sign_of(extent), ""};
	if (name == NULL)
		return;
	strlcpy(cell->name, name, sizeof cell->name);
	if (strlen(name) >= sizeof cell->name)
		memcpy(cell->name + sizeof cell->name - 3, "..", 2);
}

void strip_free(struct strip *strip)
{
	free(strip->cells);
	*strip = (struct strip){0};
}

/* ---- runs --------------------------------------------------------------- */

static bool is_focus(const struct strip *strip, const struct strip_cell *cell)
{
	return cell->start != NULL && strip->focus >= cell->start &&
	       strip->focus < cell->start + cell->bytes * cell->count;
}

static bool continues_run(const struct strip *strip,
                          const struct strip_cell *run,
                          const struct strip_cell *cell)
{
	return run->start + run->bytes * run->count == cell->start &&
	       run->bytes == cell->bytes && run->sign == cell->sign &&
	       cell->name[0] == '\0' && run->name[0] == '\0' &&
	       !is_focus(strip, run) && !is_focus(strip, cell);
}

/* Makes one cell of each long row of equal ones that are not live. */
static void join_runs(struct strip *strip)
{
	size_t kept = 0;

	for (size_t i = 0, next; i < strip->count; i = next) {
		struct strip_cell run = strip->cells[i];
		for (next = i + 1;
		     next < strip->count &&
		     continues_run(strip, &run, &strip->cells[next]);
		     next++)
			run.count++;
		if (run.count < RUN_LEAST) {
			run.count = 1;
			next = i + 1;
		}
		strip->cells[kept++] = run;
	}
	strip->count = kept;
}

/* Where the cell with the focus is, or one after the last. */
static size_t find_focus(const struct strip *strip)
{
	size_t i = 0;

	while (i < strip->count && !is_focus(strip, &strip->cells[i]))
		i++;
	return i;
}

/* ---- one cell ----------------------------------------------------------- */

static const char *cell_label(const struct strip_cell *cell,
                              char label[LABEL_BYTES])
{
	if (cell->start == NULL)
		snprintf(label, LABEL_BYTES, "... %lu more", cell->count);
	else if (cell->name[0] != '\0')
		snprintf(label, LABEL_BYTES, "%s %lu", cell->name, cell->bytes);
	else if (cell->count == 1)
		snprintf(label, LABEL_BYTES, "%c %lu", cell->sign, cell->bytes);
	else
		snprintf(label, LABEL_BYTES, "%c %lu *%lu", cell->sign,
		         cell->bytes, cell->count);
	return label;
}

static const char *cell_address(const struct strip *strip,
                                const struct board *board,
                                const struct strip_cell *cell,
                                char address[BOARD_ADDRESS_BYTES])
{
	if (strip->without_addresses || cell->start == NULL)
		return "";
	return board_address(board, cell->start, address);
}

/* Columns with the left border, and a blank behind the address. */
static size_t cell_columns(const struct strip *strip, const struct board *board,
                           const struct strip_cell *cell)
{
	char label[LABEL_BYTES], address[BOARD_ADDRESS_BYTES];
	size_t above = strlen(cell_label(cell, label));
	size_t below = strlen(cell_address(strip, board, cell, address));

	return 1 + (above > below ? above : below + 1);
}

/* ---- one line ----------------------------------------------------------- */

/* Cells that are drawn side by side. */
struct line {
	struct strip_cell cells[LINE_CELLS];
	size_t columns[LINE_CELLS];
	size_t count, used; /* used: the sum of all columns */
};

static enum ink cell_ink(const struct strip_cell *cell, bool is_focus)
{
	if (is_focus)
		return INK_FOCUS;
	if (cell->sign == '.' || cell->sign == '~' || cell->sign == ':')
		return INK_FREE;
	return cell->name[0] != '\0' ? INK_PLAIN : INK_FAINT;
}

static void draw_cells(const struct strip *strip, const struct board *board,
                       const struct line *line)
{
	char label[LABEL_BYTES];

	for (size_t i = 0; i < line->count; i++) {
		const struct strip_cell *cell = &line->cells[i];
		putc('|', board->out);
		board_print(board, cell_ink(cell, is_focus(strip, cell)),
		            "%-*s", (int)line->columns[i] - 1,
		            cell_label(cell, label));
	}
	fputs("|\n", board->out);
}

static void draw_addresses(const struct strip *strip, const struct board *board,
                           const struct line *line)
{
	char text[LINE_COLUMNS + BOARD_ADDRESS_BYTES + 1], *at = text;
	char address[BOARD_ADDRESS_BYTES];

	if (strip->without_addresses)
		return;
	memset(text, ' ', sizeof text);
	for (size_t i = 0; i < line->count; i++) {
		const struct strip_cell *cell = &line->cells[i];
		cell_address(strip, board, cell, address);
		if (is_focus(strip, cell))
			*at = '^';
		if (cell->start != NULL)
			memcpy(at + 1, address, strlen(address));
		at += line->columns[i];
	}
	while (at > text && at[-1] == ' ')
		at--;
	board_print(board, INK_FAINT, "%*s%.*s\n", BOARD_INDENT, "",
	            (int)(at - text), text);
}

static void draw_line(const struct strip *strip, const struct board *board,
                      struct line *line, const char *label)
{
	board_label(board, label);
	draw_cells(strip, board, line);
	draw_addresses(strip, board, line);
	line->count = line->used = 0;
}

/* Shares the columns left among the cells by their bytes. */
static void stretch(struct line *line)
{
	uint64_t sum = 0, largest = 0;
	size_t extra = LINE_COLUMNS - 1 - line->used;

	for (size_t i = 0; i < line->count; i++) {
		uint64_t bytes = line->cells[i].bytes * line->cells[i].count;
		sum += bytes;
		if (bytes > largest)
			largest = bytes;
	}
	uint64_t most = sum - largest;
	if (most == 0 || most > largest)
		most = largest;
	sum = sum - largest + most;
	for (size_t i = 0; i < line->count; i++) {
		uint64_t bytes = line->cells[i].bytes * line->cells[i].count;
		uint64_t weight = bytes > most ? most : bytes;
		size_t share = i + 1 == line->count
		                       ? LINE_COLUMNS - 1 - line->used
		                       : (size_t)((double)extra *
		                                  (double)weight / (double)sum);
		line->columns[i] += share;
		line->used += share;
	}
}

/* ---- the strip ---------------------------------------------------------- */

/* Cells [from, to) of a strip. */
struct window {
	size_t from, to;
};

static size_t columns_of(const struct strip *strip, const struct board *board,
                         size_t limit)
{
	size_t columns = 1;

	for (size_t i = 0; i < strip->count && columns <= limit; i++)
		columns += cell_columns(strip, board, &strip->cells[i]);
	return columns;
}

/* All cells, or as many around the focus as a few lines hold. */
static struct window choose_window(const struct strip *strip,
                                   const struct board *board)
{
	size_t room = LINES_WHOLE * LINE_COLUMNS;
	struct window all = {0, strip->count};

	if (columns_of(strip, board, room) <= room)
		return all;
	size_t focus = find_focus(strip);
	struct window window = {focus, focus};
	room = LINES_WINDOW * LINE_COLUMNS;
	while (window.from > 0 || window.to < strip->count) {
		bool left = window.from > 0 &&
		            (window.to == strip->count ||
		             focus - window.from < window.to - focus);
		size_t next = left ? window.from - 1 : window.to;
		size_t columns =
			cell_columns(strip, board, &strip->cells[next]);
		if (columns > room)
			break;
		room -= columns;
		window.from -= left;
		window.to += !left;
	}
	return window;
}

/* Puts a cell on the line; draws that first where it is full. */
static void put_cell(const struct strip *strip, const struct board *board,
                     struct line *line, const struct strip_cell *cell,
                     const char **label)
{
	size_t columns = cell_columns(strip, board, cell);

	if (line->count == LINE_CELLS ||
	    (line->count > 0 && line->used + columns + 1 > LINE_COLUMNS)) {
		draw_line(strip, board, line, *label);
		*label = "";
	}
	line->cells[line->count] = *cell;
	line->columns[line->count++] = columns;
	line->used += columns;
}

/* Cells [from, to) of the strip as one, which says how many they are. */
static struct strip_cell left_out(const struct strip *strip, size_t from,
                                  size_t to)
{
	struct strip_cell cell = {.count = 0};

	for (; from < to; from++)
		cell.count += strip->cells[from].count;
	return cell;
}

void strip_draw(struct strip *strip, const struct board *board,
                const char *label)
{
	struct line line = {.count = 0};
	const char *first = label;

	join_runs(strip);
	struct window window = choose_window(strip, board);
	struct strip_cell before = left_out(strip, 0, window.from);
	struct strip_cell after = left_out(strip, window.to, strip->count);
	if (strip->count == 0) {
		board_note(board, label, "no block");
		return;
	}
	if (before.count > 0)
		put_cell(strip, board, &line, &before, &first);
	for (size_t i = window.from; i < window.to; i++)
		put_cell(strip, board, &line, &strip->cells[i], &first);
	if (after.count > 0)
		put_cell(strip, board, &line, &after, &first);
	if (first == label) /* all on one line */
		stretch(&line);
	draw_line(strip, board, &line, first);
}
