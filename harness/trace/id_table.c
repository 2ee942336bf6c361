/*
 * id_table.c - a two-level table, both levels made on demand.
 */
#include "id_table.h"

#include <stdlib.h>
#include <string.h>

enum { LEAF_IDS = 512 };

uint64_t id_table_get(const struct id_table *table, uint64_t id)
{
	uint64_t leaf = id / LEAF_IDS;

	if (leaf >= table->leaf_count || table->leaves[leaf] == NULL)
		return 0;
	return table->leaves[leaf][id % LEAF_IDS];
}

/* A new table of fresh pages, so that what is never used costs nothing. */
static bool grow(struct id_table *table, uint64_t leaf)
{
	uint64_t count = table->leaf_count * 2;

	if (count <= leaf)
		count = leaf + 1;
	uint64_t **leaves = calloc(count, sizeof *leaves);
	if (leaves == NULL)
		return false;
	if (table->leaf_count > 0)
		memcpy(leaves, table->leaves,
		       table->leaf_count * sizeof *leaves);
	free(table->leaves);
	table->leaves = leaves;
	table->leaf_count = count;
	return true;
}

uint64_t *id_table_at(struct id_table *table, uint64_t id)
{
	uint64_t leaf = id / LEAF_IDS;

	if (leaf >= table->leaf_count && !grow(table, leaf))
		return NULL;
	if (table->leaves[leaf] == NULL) {
		table->leaves[leaf] = calloc(LEAF_IDS, sizeof(uint64_t));
		if (table->leaves[leaf] == NULL)
			return NULL;
	}
	if (id >= table->count)
		table->count = id + 1;
	return &table->leaves[leaf][id % LEAF_IDS];
}

void id_table_free(struct id_table *table)
{
	for (uint64_t i = 0; i < table->leaf_count; i++)
		free(table->leaves[i]);
	free(table->leaves);
	*table = (struct id_table){0};
}
