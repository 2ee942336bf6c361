/*
 * registry.h - all allocators that are built in, by name.
 */
#ifndef ALLOCATORS_REGISTRY_H
#define ALLOCATORS_REGISTRY_H

#include "allocator.h"

/* In the order of the reading list in docs/; ends with NULL. */
extern const struct allocator *const allocator_registry[];

/* The allocator called `name`, or NULL. */
const struct allocator *allocator_find(const char *name);

#endif
