/*
 * lock_table.h - how often a heap's locks were taken, and found held.
 */
#ifndef HARNESS_THREADS_LOCK_TABLE_H
#define HARNESS_THREADS_LOCK_TABLE_H

#include "../../allocators/allocator.h"
#include "../../allocators/common/heap_usage.h"

/* By kind of lock, as heap_usage has them; memory that processes can share. */
struct lock_table {
	unsigned count;
	struct {
		char name[40];
		uint64_t acquired; /* skipped ones of a single thread too */
		uint64_t waited;
	} locks[USAGE_LOCKS_MAX];
};

/* Adds what the heap says now; nothing where it cannot tell.  At quiescence. */
void lock_table_add(struct lock_table *table, const struct allocator *allocator,
                    struct heap *heap);

/* Adds the figures of another replay. */
void lock_table_merge(struct lock_table *table, const struct lock_table *other);

#endif
