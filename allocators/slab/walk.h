/*
 * walk.h - looking at a slab heap without changing it; for slab.c.
 */
#ifndef ALLOCATORS_SLAB_WALK_H
#define ALLOCATORS_SLAB_WALK_H

#include "kmalloc.h"

/* walk.c: `walk` and `free_lists` of the contract. */
void slab_walk(struct heap *heap, extent_visitor *visit, void *ctx);
void slab_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx);

/* check.c: `check` of the contract, I5 to I10. */
const char *slab_check(struct heap *heap);

/* explain.c: `explain` of the contract. */
void slab_explain(struct heap *heap, const struct request *request,
                  char *sentence, size_t capacity);

#endif
