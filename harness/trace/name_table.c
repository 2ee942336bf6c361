/*
 * name_table.c - a hash table with linear probing, at most half full.
 */
#include "name_table.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* The place of a name in the index: where it is, or where it belongs. */
static uint32_t index_find(const struct name_table *table,
                           const struct name *name)
{
	uint32_t mask = table->index_count - 1;
	uint32_t at = name->hash & mask;

	for (; table->index[at] != 0; at = (at + 1) & mask) {
		const struct name *other = &table->names[table->index[at] - 1];
		if (other->hash == name->hash && other->bytes == name->bytes &&
		    memcmp(other->text, name->text, name->bytes) == 0)
			break;
	}
	return at;
}

static bool grow(struct name_table *table)
{
	uint32_t count = table->index_count == 0 ? 64 : table->index_count * 2;
	struct name *names =
		realloc(table->names, count / 2 * sizeof *table->names);

	if (names == NULL)
		return false;
	table->names = names;
	uint32_t *index = calloc(count, sizeof *index);
	if (index == NULL)
		return false;
	free(table->index);
	table->index = index;
	table->index_count = count;
	for (uint32_t i = 0; i < table->count; i++)
		table->index[index_find(table, &table->names[i])] = i + 1;
	return true;
}

uint32_t name_table_number(struct name_table *table, const char *text,
                           uint32_t bytes)
{
	enum { INDEX_COUNT_MAX = 1 << 30 };
	struct name name = {text, bytes, (uint32_t)XXH3_64bits(text, bytes)};

	if (table->count == table->index_count / 2 &&
	    (table->index_count == INDEX_COUNT_MAX || !grow(table)))
		return NAME_NONE;
	uint32_t at = index_find(table, &name);
	if (table->index[at] == 0) {
		table->names[table->count] = name;
		table->index[at] = ++table->count;
	}
	return table->index[at] - 1;
}

void name_table_free(struct name_table *table)
{
	free(table->names);
	free(table->index);
	*table = (struct name_table){0};
}
