/*
 * lock_table.c - usage, by kind of lock.
 */
#include "lock_table.h"

#include <bsd/string.h>
#include <string.h>

static void add(struct lock_table *table, const char *name, uint64_t acquired,
                uint64_t waited)
{
	unsigned i = 0;

	while (i < table->count && strcmp(table->locks[i].name, name) != 0)
		i++;
	if (i == USAGE_LOCKS_MAX)
		return;
	if (i == table->count) {
		strlcpy(table->locks[i].name, name,
		        sizeof table->locks[i].name);
		table->locks[i].acquired = table->locks[i].waited = 0;
		table->count++;
	}
	table->locks[i].acquired += acquired;
	table->locks[i].waited += waited;
}

void lock_table_add(struct lock_table *table, const struct allocator *allocator,
                    struct heap *heap)
{
	struct heap_usage usage = {0};

	if (allocator->usage == NULL)
		return;
	allocator->usage(heap, &usage);
	for (unsigned i = 0; i < usage.lock_count; i++)
		add(table, usage.locks[i].name, usage.locks[i].acquired,
		    usage.locks[i].waited);
}

void lock_table_merge(struct lock_table *table, const struct lock_table *other)
{
	for (unsigned i = 0; i < other->count; i++)
		add(table, other->locks[i].name, other->locks[i].acquired,
		    other->locks[i].waited);
}
