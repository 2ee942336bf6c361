/*
 * name_table.h - numbers names by first appearance: "a" 0, "b" 1, ...
 *
 * Names are pointers into the text that holds them; the text must outlive the
 * table.
 */
#ifndef HARNESS_TRACE_NAME_TABLE_H
#define HARNESS_TRACE_NAME_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name {
	const char *text;
	uint32_t bytes;
	uint32_t hash;
};

struct name_table {
	struct name *names;   /* by number                              */
	uint32_t *index;      /* hash -> number + 1; 0: empty; power of two */
	uint32_t index_count; /* entries of index                       */
	uint32_t count;       /* names so far                           */
};

static const uint32_t NAME_NONE = UINT32_MAX;

/*
 * The number of a name; NAME_NONE without memory, or at 2^29 names.  Cost: O(1),
 * 24 bytes a name.
 */
uint32_t name_table_number(struct name_table *table, const char *text,
                           uint32_t bytes);

void name_table_free(struct name_table *table);

#endif
