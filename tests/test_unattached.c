/*
 * test_unattached.c - malloc and free with a handle of no heap: all zero, never
 * written, and every call arrives where common/unattached.h says.
 *
 * This program defines what is called, in place of the lab's own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "allocators/common/unattached.h"
#include "allocators/locked/locked.h"
#include "allocators/registry.h"

/* Constant: who writes to it crashes. */
static _Alignas(64) const char zeros[UNATTACHED_BYTES];

static size_t asked;
static void *freed;
static unsigned calls;

void *unattached_malloc(size_t size)
{
	asked = size;
	calls++;
	return &calls;
}

void unattached_free(void *block)
{
	freed = block;
	calls++;
}

static struct thread_heap *no_heap(void)
{
	return (struct thread_heap *)(uintptr_t)zeros;
}

/* The n-th allocator that many threads can use; NULL at the end. */
static const struct allocator *shared(size_t n)
{
	if (allocator_registry[n] == NULL)
		return NULL;
	const struct allocator *allocator = locked_over(allocator_registry[n]);
	assert_true(allocator->knows_unattached ||
	            allocator->ignores_page_source);
	return allocator;
}

static void malloc_of_any_size_arrives(void **state)
{
	const struct allocator *allocator;

	(void)state;
	for (size_t n = 0; (allocator = shared(n)) != NULL; n++) {
		for (size_t size = 0; size < PTRDIFF_MAX;
		     size += 1 + size / 7) {
			if (!allocator->knows_unattached)
				continue;
			calls = 0;
			void *block = allocator->malloc(no_heap(), size);
			assert_ptr_equal(block, &calls);
			assert_int_equal(calls, 1);
			assert_int_equal(asked, size);
		}
	}
}

/* Whatever lies in the block and before it. */
static void free_of_any_block_arrives(void **state)
{
	static _Alignas(4096) char memory[3 * 4096];
	const struct allocator *allocator;

	(void)state;
	for (size_t n = 0; (allocator = shared(n)) != NULL; n++) {
		for (size_t at = 16; at < sizeof memory; at += 112) {
			if (!allocator->knows_unattached)
				continue;
			memset(memory, (int)at, sizeof memory);
			calls = 0;
			allocator->free(no_heap(), memory + at);
			assert_int_equal(calls, 1);
			assert_ptr_equal(freed, memory + at);
		}
	}
}

static void free_of_null_is_nothing(void **state)
{
	const struct allocator *allocator;

	(void)state;
	calls = 0;
	for (size_t n = 0; (allocator = shared(n)) != NULL; n++)
		if (allocator->knows_unattached)
			allocator->free(no_heap(), NULL);
	assert_int_equal(calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(malloc_of_any_size_arrives),
		cmocka_unit_test(free_of_any_block_arrives),
		cmocka_unit_test(free_of_null_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
