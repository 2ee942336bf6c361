/*
 * mistake.h - allocators/template with one function replaced: a plug-in that is
 * wrong in one way.
 *
 * A file defines `static void spoil(struct allocator *allocator)` and gets a
 * plug-in; `is_the_seventh()` says when.  `sound_allocator` is the template as it
 * is.  The count is static: a plug-in runs in a process of its own.
 */
#define plugin_allocator sound_allocator
#include "allocators/template/template.c"
#undef plugin_allocator

static inline bool is_the_seventh(void)
{
	static int calls;

	return ++calls == 7;
}

static void spoil(struct allocator *allocator);

struct allocator plugin_allocator;

__attribute__((constructor)) static void fill(void)
{
	plugin_allocator = sound_allocator;
	spoil(&plugin_allocator);
}
