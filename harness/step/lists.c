/*
 * lists.c - free lists in words, long ones and many ones cut short.
 */
#include "lists.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

enum {
	LISTS_SHOWN = 12,
	LINE_COLUMNS = BOARD_COLUMNS - BOARD_INDENT,
	ONE_LIST_LINES =
		3, /* a list that is the only one; else one line each */
	MORE_COLUMNS = sizeof " -> ... 1000000 more",
	TEXT_BYTES = 2 * ONE_LIST_LINES * LINE_COLUMNS,
};

struct lister {
	const struct board *board;
	const char *label;        /* of the next line: "free", then ""      */
	char line[TEXT_BYTES];    /* whole lists, not printed yet           */
	char list[TEXT_BYTES];    /* the one being visited                  */
	size_t columns;           /* that it may take                       */
	const char *name;         /* its name; NULL before the first        */
	uint64_t lists, left_out; /* lists so far; blocks of this one */
};

/* Counts the lists only. */
static bool count(void *ctx, const struct free_block *block)
{
	struct lister *lister = ctx;

	lister->lists +=
		lister->name == NULL || strcmp(lister->name, block->list) != 0;
	lister->name = block->list;
	return true;
}

static void add(char text[TEXT_BYTES], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(char text[TEXT_BYTES], const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, TEXT_BYTES - used, format, args);
	va_end(args);
}

static void print_line(struct lister *lister)
{
	if (lister->line[0] == '\0')
		return;
	board_note(lister->board, lister->label, lister->line);
	lister->label = "";
	lister->line[0] = '\0';
}

/* Moves the list to the line, or begins a line with it. */
static void end_list(struct lister *lister)
{
	size_t used = strlen(lister->line);

	if (lister->left_out > 0)
		add(lister->list, " -> ... %lu more", lister->left_out);
	if (used > 0 &&
	    used + strlen("; ") + strlen(lister->list) > LINE_COLUMNS)
		print_line(lister);
	if (lister->lists <= LISTS_SHOWN)
		add(lister->line, "%s%s", lister->line[0] == '\0' ? "" : "; ",
		    lister->list);
	lister->list[0] = '\0';
}

static void add_block(struct lister *lister, const struct free_block *block,
                      bool is_first)
{
	char item[2 * BOARD_ADDRESS_BYTES], address[BOARD_ADDRESS_BYTES];

	snprintf(item, sizeof item, "%s %zu at %s", is_first ? "" : " ->",
	         block->bytes,
	         board_address(lister->board, block->start, address));
	if (lister->left_out > 0 ||
	    strlen(lister->list) + strlen(item) + MORE_COLUMNS >
	            lister->columns)
		lister->left_out++;
	else
		add(lister->list, "%s", item);
}

static bool visit(void *ctx, const struct free_block *block)
{
	struct lister *lister = ctx;
	bool is_first =
		lister->name == NULL || strcmp(lister->name, block->list) != 0;

	if (is_first) {
		if (lister->name != NULL)
			end_list(lister);
		lister->name = block->list;
		lister->left_out = 0;
		lister->lists++;
		add(lister->list, "%s:", block->list);
	}
	add_block(lister, block, is_first);
	return true;
}

void lists_print(const struct allocator *allocator, struct heap *heap,
                 const struct board *board)
{
	struct lister counter = {.name = NULL};
	struct lister lister = {.board = board, .label = "free"};

	if (allocator->free_lists == NULL)
		return;
	allocator->free_lists(heap, count, &counter);
	if (counter.lists == 0) {
		board_note(board, "free", "no list holds a block");
		return;
	}
	lister.columns = counter.lists == 1 ? ONE_LIST_LINES * LINE_COLUMNS
	                                    : LINE_COLUMNS;
	allocator->free_lists(heap, visit, &lister);
	end_list(&lister);
	if (lister.lists > LISTS_SHOWN)
		add(lister.line, "; ... %lu more lists",
		    lister.lists - LISTS_SHOWN);
	print_line(&lister);
}
