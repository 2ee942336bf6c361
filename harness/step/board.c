/*
 * board.c - lines, colours and addresses.
 */
#include "board.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../allocators/common/page_source.h"

enum { NOTE_BYTES = 8192, ARENA_LOG2 = 40 };

void board_print(const struct board *board, enum ink ink, const char *format,
                 ...)
{
	static const char *const codes[INKS] = {
		[INK_PLAIN] = "",          [INK_TITLE] = "\033[1m",
		[INK_FOCUS] = "\033[1;7m", [INK_FREE] = "\033[36m",
		[INK_FAINT] = "\033[2m",   [INK_ALARM] = "\033[1;31m",
	};
	bool coloured = board->has_colour && ink != INK_PLAIN;
	va_list args;

	if (coloured)
		fputs(codes[ink], board->out);
	va_start(args, format);
	vfprintf(board->out, format, args);
	va_end(args);
	if (coloured)
		fputs("\033[0m", board->out);
}

void board_label(const struct board *board, const char *label)
{
	board_print(board, INK_FAINT, "  %-*s", BOARD_INDENT - 2, label);
}

/* ---- addresses ---------------------------------------------------------- */

static bool is_in_arena(uintptr_t address)
{
	uintptr_t base = (uintptr_t)PAGE_ARENA_BASE;
	return address >= base && address - base < (uintptr_t)1 << ARENA_LOG2;
}

const char *board_address(const struct board *board, const void *address,
                          char text[BOARD_ADDRESS_BYTES])
{
	uintptr_t at = (uintptr_t)address, origin = (uintptr_t)board->origin;

	if (board->origin == NULL || !is_in_arena(at))
		snprintf(text, BOARD_ADDRESS_BYTES, "%p", address);
	else
		snprintf(text, BOARD_ADDRESS_BYTES, "%s0x%lx",
		         at < origin ? "-" : "",
		         at < origin ? origin - at : at - origin);
	return text;
}

/* Copies `text` with every address in the arena made short. */
static void shorten_addresses(const struct board *board, const char *text,
                              char *copy, size_t capacity)
{
	char address[BOARD_ADDRESS_BYTES], *end;
	size_t used = 0;

	while (*text != '\0' && used + BOARD_ADDRESS_BYTES < capacity) {
		if (text[0] != '0' || text[1] != 'x') {
			copy[used++] = *text++;
			continue;
		}
		uintptr_t at = strtoul(text, &end, 16);
		if (!is_in_arena(at))
			snprintf(address, sizeof address, "%.*s",
			         (int)(end - text), text);
		else
			board_address(board, (void *)at, address);
		used += (size_t)snprintf(copy + used, capacity - used, "%s",
		                         address);
		text = end;
	}
	copy[used] = '\0';
}

/* ---- notes -------------------------------------------------------------- */

/* How much of `text` fits into `room` columns: up to a blank if it can. */
static size_t line_bytes(const char *text, size_t room)
{
	size_t length = strlen(text), at = room;

	if (length <= room)
		return length;
	while (at > 0 && text[at] != ' ')
		at--;
	return at > 0 ? at : room;
}

void board_note(const struct board *board, const char *label, const char *text)
{
	char copy[NOTE_BYTES];
	const char *rest = copy;

	shorten_addresses(board, text, copy, sizeof copy);
	board_label(board, label);
	for (;;) {
		size_t bytes = line_bytes(rest, BOARD_COLUMNS - BOARD_INDENT);
		fprintf(board->out, "%.*s\n", (int)bytes, rest);
		rest += bytes;
		while (*rest == ' ')
			rest++;
		if (*rest == '\0')
			return;
		fprintf(board->out, "%*s", BOARD_INDENT, "");
	}
}
