/*
 * board.h - the board that the stepper writes on: labelled lines of at most 80
 * columns, with short addresses.
 *
 * Every heap of a replay lies in the same arena, so the first digits of all
 * addresses are the same.  The board leaves them out: it counts from an origin,
 * the first byte of the heap, also where an allocator's own sentence names an
 * address.
 */
#ifndef HARNESS_STEP_BOARD_H
#define HARNESS_STEP_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	BOARD_COLUMNS = 80,
	BOARD_INDENT = 8, /* where text begins: behind "  free  " */
	BOARD_ADDRESS_BYTES = 24,
};

/* What is drawn with which colour, on a terminal that has colours. */
enum ink {
	INK_PLAIN,
	INK_TITLE, /* the event                      */
	INK_FOCUS, /* the block that it is about     */
	INK_FREE,  /* holes                          */
	INK_FAINT, /* labels, metadata, what is left out */
	INK_ALARM, /* something is wrong             */
	INKS,
};

struct board {
	FILE *out;
	bool has_colour;
	const char *origin; /* NULL: addresses are printed in full */
};

/* Prints formatted text in one colour. */
void board_print(const struct board *board, enum ink ink, const char *format,
                 ...) __attribute__((format(printf, 3, 4)));

/* "  why   " */
void board_label(const struct board *board, const char *label);

/* A labelled text, broken at blanks, its addresses shortened. */
void board_note(const struct board *board, const char *label, const char *text);

/* "0x50"; "-0x1000" below the origin; in full what is not in the arena. */
const char *board_address(const struct board *board, const void *address,
                          char text[BOARD_ADDRESS_BYTES]);

#endif
