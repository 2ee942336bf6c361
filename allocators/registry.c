/*
 * registry.c - the list that a new allocator is added to: one extern, one line.
 */
#include "registry.h"

#include <string.h>

extern const struct allocator bump_allocator;
extern const struct allocator first_fit_allocator;
extern const struct allocator next_fit_allocator;
extern const struct allocator best_fit_allocator;
extern const struct allocator worst_fit_allocator;
extern const struct allocator buddy_allocator;
extern const struct allocator slab_allocator;
extern const struct allocator pool_allocator;
extern const struct allocator ptmalloc_allocator;
extern const struct allocator tcmalloc_allocator;
extern const struct allocator jemalloc_allocator;
extern const struct allocator system_allocator;

/* clang-format off */
const struct allocator *const allocator_registry[] = {
	&bump_allocator,
	&first_fit_allocator,
	&next_fit_allocator,
	&best_fit_allocator,
	&worst_fit_allocator,
	&buddy_allocator,
	&slab_allocator,
	&pool_allocator,
	&ptmalloc_allocator,
	&tcmalloc_allocator,
	&jemalloc_allocator,
	&system_allocator,
	NULL,
};
/* clang-format on */

const struct allocator *allocator_find(const char *name)
{
	for (size_t i = 0; allocator_registry[i] != NULL; i++)
		if (strcmp(allocator_registry[i]->name, name) == 0)
			return allocator_registry[i];
	return NULL;
}
