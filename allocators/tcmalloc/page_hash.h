/*
 * page_hash.h - the page map as a hash table under one lock.  The algorithm:
 * page_hash.c.
 */
#ifndef ALLOCATORS_TCMALLOC_PAGE_HASH_H
#define ALLOCATORS_TCMALLOC_PAGE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/lock.h"
#include "../common/page_source.h"

struct tcm_hash_slot {
	uintptr_t page; /* 0: free                                           */
	uint64_t entry;
};

struct tcm_page_hash {
	struct page_source *source;
	const char *single_thread;
	struct lock lock;
	/* under the lock */
	struct tcm_hash_slot *slots;
	size_t capacity; /* a power of two, or 0 before the first page        */
	size_t used;
	struct counter bytes; /* committed for the slots                      */
};

void tcm_page_hash_open(struct tcm_page_hash *hash, struct page_source *source,
                        const char *single_thread);
void tcm_page_hash_close(struct tcm_page_hash *hash);

/* Room for `pages` pages; false with errno = ENOMEM and nothing changed. */
bool tcm_page_hash_reserve(struct tcm_page_hash *hash, size_t pages);

/* The entry of a page, 0 if it has none. */
uint64_t tcm_page_hash_get(struct tcm_page_hash *hash, uintptr_t page);

/* Sets the entries of consecutive pages; 0 takes them out. */
void tcm_page_hash_set(struct tcm_page_hash *hash, uintptr_t page, size_t pages,
                       uint64_t entry);

#endif
