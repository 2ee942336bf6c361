/*
 * test_buddy.c - the buddy allocator: placement by hand, each knob, what the
 * explanations promise, random operations, misuse.
 */
#include "lab.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "allocators/common/bits.h"
#include "allocators/registry.h"

enum { MIB = 1 << 20 };

/* ---- random operations -------------------------------------------------- */

enum { SLOTS = 200 };

struct churn {
	struct lab *lab;
	uint64_t seed;
	void *block[SLOTS];
	size_t size[SLOTS];
	long live;
};

static uint64_t draw(struct churn *churn, uint64_t below)
{
	churn->seed = churn->seed * 6364136223846793005u + 1442695040888963407u;
	return (churn->seed >> 33) % below;
}

/* Mostly small, now and then up to 2 MiB: more than the largest block here. */
static size_t draw_size(struct churn *churn)
{
	return draw(churn, (uint64_t)1 << draw(churn, 22));
}

static void fill(struct churn *churn, uint64_t i, size_t size)
{
	memset(churn->block[i], (int)(i + 1), size);
	churn->size[i] = size;
}

static void require_contents(const struct churn *churn, uint64_t i, size_t size)
{
	const unsigned char *bytes = churn->block[i];

	for (size_t at = 0; at < size; at += 61)
		assert_int_equal(bytes[at], (unsigned char)(i + 1));
	if (size > 0)
		assert_int_equal(bytes[size - 1], (unsigned char)(i + 1));
}

static void allocate(struct churn *churn, uint64_t i)
{
	struct lab *lab = churn->lab;
	size_t align = (size_t)16 << draw(churn, 18);
	size_t size = draw_size(churn);

	if (draw(churn, 8) == 0) {
		churn->block[i] = lab->allocator->aligned_malloc(lab->thread,
		                                                 align, size);
		assert_true(is_aligned(churn->block[i], align));
	} else {
		churn->block[i] = lab->allocator->malloc(lab->thread, size);
	}
	assert_non_null(churn->block[i]);
	assert_true(lab->allocator->usable_size(lab->heap, churn->block[i]) >=
	            size);
	fill(churn, i, size);
	churn->live++;
}

static void resize(struct churn *churn, uint64_t i)
{
	struct lab *lab = churn->lab;
	size_t size = 1 + draw_size(churn);
	size_t kept = size < churn->size[i] ? size : churn->size[i];

	churn->block[i] =
		lab->allocator->realloc(lab->thread, churn->block[i], size);
	assert_non_null(churn->block[i]);
	require_contents(churn, i, kept);
	fill(churn, i, size);
}

static void release(struct churn *churn, uint64_t i)
{
	require_contents(churn, i, churn->size[i]);
	churn->lab->allocator->free(churn->lab->thread, churn->block[i]);
	churn->block[i] = NULL;
	churn->live--;
}

static void run_churn(const char *allocator, int steps)
{
	struct churn churn = {.lab = lab_open(allocator), .seed = 7};

	for (int step = 0; step < steps; step++) {
		uint64_t i = draw(&churn, SLOTS);
		if (churn.block[i] == NULL)
			allocate(&churn, i);
		else if (draw(&churn, 4) == 0)
			resize(&churn, i);
		else
			release(&churn, i);
		if (draw(&churn, 100) == 0)
			churn.lab->allocator->trim(churn.lab->heap);
		if (draw(&churn, 8) != 0)
			continue;
		lab_check(churn.lab);
		lab_check_walk(churn.lab, churn.live);
	}
	for (uint64_t i = 0; i < SLOTS; i++)
		if (churn.block[i] != NULL)
			release(&churn, i);
	churn.lab->allocator->trim(churn.lab->heap);
	assert_int_equal(churn.lab->pages.committed_bytes, PAGE_BYTES);
	lab_close(churn.lab);
}

static void keeps_its_invariants(void **state)
{
	(void)state;
	run_churn("buddy", 4000);
	run_churn("buddy:max_block=1M", 4000);
	run_churn("buddy:max_block=1M,min_block=16,order=address", 4000);
	run_churn("buddy:max_block=1M,min_block=4K", 2000);
	run_churn("buddy:max_block=1M,merge=lazy,threshold=6", 4000);
	run_churn("buddy:max_block=1M,merge=lazy,threshold=1000,order=address",
	          4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_its_invariants),
	};
	return cmocka_run_group_tests_name("buddy", tests, NULL, NULL);
}
