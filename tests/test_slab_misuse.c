/*
 * test_slab_misuse.c - slab in the hands of callers who break the rules: each
 * gets a sentence about the pointer, and damage has the name of an invariant.
 */
#include "lab.h"

#include <string.h>

#include "allocators/slab/slab.h"

static void free_twice(void *ctx)
{
	struct lab *lab = ctx;
	void *a = lab->allocator->malloc(lab->thread, 8);

	lab->allocator->malloc(lab->thread, 8);
	lab->allocator->free(lab->thread, a);
	lab->allocator->free(lab->thread, a);
}

static void free_large_twice(void *ctx)
{
	struct lab *lab = ctx;
	void *a = lab->allocator->malloc(lab->thread, 20000);

	lab->allocator->malloc(lab->thread, 8);
	lab->allocator->free(lab->thread, a);
	lab->allocator->free(lab->thread, a);
}

static void free_foreign(void *ctx)
{
	struct lab *lab = ctx;
	int on_the_stack;

	lab->allocator->free(lab->thread, &on_the_stack);
}

static void free_page_map(void *ctx)
{
	struct lab *lab = ctx;
	uintptr_t a = (uintptr_t)lab->allocator->malloc(lab->thread, 8);

	lab->allocator->free(lab->thread, (void *)(a & ~(uintptr_t)0x3FFFFF));
}

static void free_interior(void *ctx)
{
	struct lab *lab = ctx;
	char *a = lab->allocator->malloc(lab->thread, 100);

	lab->allocator->free(lab->thread, a + 16);
}

static void free_interior_of_large(void *ctx)
{
	struct lab *lab = ctx;
	char *a = lab->allocator->malloc(lab->thread, 20000);

	lab->allocator->free(lab->thread, a + PAGE_BYTES);
}

static void free_interior_of_chunk(void *ctx)
{
	struct lab *lab = ctx;
	char *a = lab->allocator->malloc(lab->thread, 20 << 20);

	lab->allocator->free(lab->thread, a + (9 << 20));
}

static void overrun_the_last_slot(void *ctx)
{
	struct lab *lab = ctx;
	char *first = lab->allocator->malloc(lab->thread, 64);
	char *last = first;

	for (int i = 1; i < 63; i++)
		last = lab->allocator->malloc(lab->thread, 64);
	memset(last, 0, 65);
	lab->allocator->free(lab->thread, first);
}

static void free_into_another_cache(void *ctx)
{
	struct lab *lab = ctx;
	struct kmem_cache *cache = kmem_cache_create(
		lab->heap,
		&(struct kmem_cache_spec){.name = "test", .size = 64});

	kmem_cache_free(cache, lab->allocator->malloc(lab->thread, 64));
}

static void realloc_freed(void *ctx)
{
	struct lab *lab = ctx;
	void *a = lab->allocator->malloc(lab->thread, 8);

	lab->allocator->free(lab->thread, a);
	lab->allocator->realloc(lab->thread, a, 100);
}

static void stops_at_misuse(void **state)
{
	static const struct {
		void (*act)(void *ctx);
		const char *sentence;
	} cases[] = {
		{free_twice, "free of a free block (double free?): slot 0"},
		{free_large_twice, "its page is in the page heap"},
		{free_foreign, "foreign pointer: it is in no arena"},
		{free_page_map, "foreign pointer: no block is there"},
		{free_interior, "interior pointer: slot 0 of cache size-128"},
		{free_interior_of_large, "interior pointer: the block starts"},
		{free_interior_of_chunk, "interior pointer: the block starts"},
		{overrun_the_last_slot, "the descriptor of its slab"},
		{free_into_another_cache, "of an object of cache size-64"},
		{realloc_freed, "realloc of a free block"},
	};
	struct lab *lab = lab_open("slab");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		lab_expect_misuse(cases[i].act, lab, cases[i].sentence);
	lab_close(lab);
}

/* check() finds the damage that the block left, and says which invariant. */
static void names_the_broken_invariant(void **state)
{
	struct lab *lab = lab_open("slab");
	char *block = NULL;

	(void)state;
	for (int i = 0; i < 63; i++)
		block = lab_malloc(lab, 64);
	char saved = block[64];
	block[64] = 0;
	const char *sentence = lab->allocator->check(lab->heap);
	assert_non_null(sentence);
	assert_non_null(strstr(sentence, "slab I6: the descriptor at"));
	block[64] = saved;
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stops_at_misuse),
		cmocka_unit_test(names_the_broken_invariant),
	};
	return cmocka_run_group_tests_name("slab misuse", tests, NULL, NULL);
}
