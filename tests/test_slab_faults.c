/*
 * test_slab_faults.c - slab under random operations, and without memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slab_lab.h"

/* ---- random operations ---------------------------------------------------- */

static size_t random_size(void)
{
	int doublings = rand() % 50 == 0 ? 23 : 15;
	size_t size = (size_t)1 << rand() % doublings;

	return size + (size_t)rand() % size;
}

struct random_block {
	unsigned char *start;
	size_t size;
	unsigned char byte;
};

static void fill(struct random_block *block, void *start, size_t size)
{
	*block = (struct random_block){start, size, (unsigned char)rand()};
	memset(start, block->byte, size);
}

/* A block that was allocated, or a refusal that took nothing. */
static void accept(struct lab *lab, struct random_block *block, void *start,
                   size_t size, size_t held)
{
	if (start != NULL) {
		fill(block, start, size);
		return;
	}
	assert_int_equal(errno, ENOMEM);
	assert_true(lab->pages.committed_bytes <= held);
}

static void allocate_randomly(struct lab *lab, struct random_block *block)
{
	const struct allocator *slab = lab->allocator;
	size_t size = random_size(), align = (size_t)1 << rand() % 21;
	size_t held = lab->pages.committed_bytes;

	errno = 0;
	void *start = rand() % 4 != 0
	                      ? slab->malloc(lab->thread, size)
	                      : slab->aligned_malloc(lab->thread, align, size);

	accept(lab, block, start, size, held);
}

static void reallocate_randomly(struct lab *lab, struct random_block *block)
{
	size_t size = random_size(), held = lab->pages.committed_bytes;

	errno = 0;
	unsigned char *moved =
		lab->allocator->realloc(lab->thread, block->start, size);
	size_t kept = size < block->size ? size : block->size;

	if (moved != NULL) {
		assert_int_equal(moved[0], block->byte);
		assert_int_equal(moved[kept - 1], block->byte);
	} else {
		assert_true(size > block->size);
	}
	accept(lab, block, moved, size, held);
}

static void step_randomly(struct lab *lab, struct random_block *block)
{
	if (block->start == NULL) {
		allocate_randomly(lab, block);
		return;
	}
	assert_int_equal(block->start[0], block->byte);
	assert_int_equal(block->start[block->size - 1], block->byte);
	if (rand() % 3 == 0) {
		reallocate_randomly(lab, block);
		return;
	}
	lab->allocator->free(lab->thread, block->start);
	block->start = NULL;
}

static void run_randomly(struct lab *lab, int steps)
{
	struct random_block block[100] = {{0}};

	for (int step = 0; step < steps; step++) {
		step_randomly(lab, &block[rand() % 100]);
		lab_check(lab);
		if (rand() % 500 == 0)
			lab->allocator->trim(lab->heap);
		if (step % 10 == 0) {
			long live = 0;
			for (int i = 0; i < 100; i++)
				live += block[i].start != NULL;
			lab_check_walk(lab, live);
		}
	}
	for (int i = 0; i < 100; i++)
		lab->allocator->free(lab->thread, block[i].start);
	lab->allocator->trim(lab->heap);
	lab_check_walk(lab, 0);
}

static void keeps_its_invariants(void **state)
{
	static const char *const settings[] = {
		"slab", "slab:descriptors=off,empty=0",
		"slab:descriptors=on,keep=0,partial=lifo",
		"slab:spacing=eighth,kmalloc_max=128K,slab_min=16K,empty=4",
		"slab:kmalloc_max=256,arena=8M,colour=16"};

	(void)state;
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		srand((unsigned)i);
		struct lab *lab = lab_open(settings[i]);
		run_randomly(lab, 1500);
		lab_close(lab);
	}
}

/* ---- address space -------------------------------------------------------- */

/*
 * A block of 300 pages takes the upper half of an arena; freed, it is blocks of
 * 256, 32, 8 and 4 pages, none of them large enough for the next one.
 */
static void takes_the_tail_before_a_new_arena(void **state)
{
	struct lab *lab = lab_open("slab");
	size_t size = 300 * PAGE_BYTES;
	char sentence[256], address[32];
	void *first = lab_malloc(lab, size);

	(void)state;
	size_t reserved = lab->pages.reserved_bytes;
	size_t committed = lab->pages.committed_bytes;
	snprintf(address, sizeof address, "%p", first);
	lab_free(lab, first);
	for (int i = 0; i < 20; i++) {
		lab->allocator->explain(lab->heap,
		                        &(struct request){.size = size},
		                        sentence, sizeof sentence);
		assert_non_null(strstr(sentence, address));
		void *block = lab->allocator->malloc(lab->thread, size);
		assert_ptr_equal(block, first);
		assert_int_equal(lab->pages.reserved_bytes, reserved);
		assert_int_equal(lab->pages.committed_bytes, committed);
		lab_check_walk(lab, 1);
		lab->allocator->free(lab->thread, block);
	}
	lab_close(lab);
}

/* Each of three chunks is given up and comes back to its place. */
static void keeps_arenas_in_address_order(void **state)
{
	struct lab *lab = lab_open("slab");
	void *block[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		block[i] = lab_malloc(lab, 3 << 20);
	for (int i = 0; i < 3; i++) {
		lab->allocator->free(lab->thread, block[i]);
		lab_check_walk(lab, 2);
		assert_ptr_equal(lab->allocator->malloc(lab->thread, 3 << 20),
		                 block[i]);
		lab_check_walk(lab, 3);
	}
	lab_close(lab);
}

/* ---- no memory ------------------------------------------------------------ */

static const struct allocator *slab_allocator_of(void)
{
	struct lab *lab = lab_open("slab");
	const struct allocator *slab = lab->allocator;

	lab_close(lab);
	return slab;
}

static void refuses_absurd_sizes(void **state)
{
	struct lab *lab = lab_open("slab");
	const struct allocator *slab = lab->allocator;
	static const size_t sizes[] = {PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1,
	                               SIZE_MAX, SIZE_MAX - 4095};
	char sentence[512];
	void *a = lab_malloc(lab, 100000);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		errno = 0;
		assert_null(slab->malloc(lab->thread, sizes[i]));
		assert_null(slab->zero_malloc(lab->thread, sizes[i]));
		assert_null(slab->aligned_malloc(lab->thread, 64, sizes[i]));
		assert_null(slab->realloc(lab->thread, a, sizes[i]));
		assert_int_equal(errno, ENOMEM);
		slab->explain(lab->heap, &(struct request){.size = sizes[i]},
		              sentence, sizeof sentence);
		lab_check(lab);
		lab_check_walk(lab, 1);
	}
	lab_close(lab);
}

/* A mixture that reserves, commits and gives back; false once it failed. */
static bool run_to_the_end(struct lab *lab)
{
	static const size_t sizes[] = {16, 2048, 100, 9000, 3 << 20, 700000};
	const struct allocator *slab = lab->allocator;

	for (int round = 0; round < 3; round++) {
		void *block[6];
		for (int i = 0; i < 6; i++) {
			errno = 0;
			block[i] = slab->malloc(lab->thread, sizes[i]);
			lab_check(lab);
			if (block[i] != NULL)
				continue;
			assert_int_equal(errno, ENOMEM);
			return false;
		}
		void *aligned = slab->aligned_malloc(lab->thread, 512, 10);
		void *grown = slab->realloc(lab->thread, block[3], 90000);
		lab_check(lab);
		if (aligned == NULL || grown == NULL)
			return false;
		for (int i = 0; i < 6; i++)
			slab->free(lab->thread, i == 3 ? grown : block[i]);
		slab->trim(lab->heap);
		lab_check_walk(lab, round + 1);
	}
	return true;
}

static void survives_every_refusal(void **state)
{
	const struct allocator *slab = slab_allocator_of();
	struct page_source_options options = {.kind = PAGE_SOURCE_ARENA};
	int refused = 0;

	(void)state;
	for (int fail_on = 0; fail_on < 2; fail_on++) {
		bool ended = false;
		for (uint64_t at = 1; !ended; at++) {
			options.fail_at = at;
			options.fail_on = fail_on;
			struct lab *lab = lab_open_on(slab, "", &options);
			if (lab == NULL)
				continue;
			run_to_the_end(lab);
			lab_check(lab);
			lab_check_walk(lab, -1);
			ended = lab->pages.refused == 0;
			refused += !ended;
			lab_close(lab);
		}
	}
	assert_true(refused > 20);
}

/* At the limit nearly all the time: every way out of a refusal is taken. */
static void lives_at_its_limit(void **state)
{
	static const char *const settings[] = {"", "keep=8,empty=2",
	                                       "spacing=quarter,keep=20"};
	const struct allocator *slab = slab_allocator_of();
	struct page_source_options options = {.kind = PAGE_SOURCE_ARENA};
	uint64_t refused = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		for (size_t limit = 64 << 10; limit <= 576 << 10; limit *= 3) {
			options.limit_bytes = limit;
			srand((unsigned)limit);
			struct lab *lab =
				lab_open_on(slab, settings[i], &options);
			run_randomly(lab, 1500);
			refused += lab->pages.refused;
			lab_close(lab);
		}
	assert_true(refused > 500);
}

/* The second arena gets its page map, and then no memory for the block. */
static void leaves_nothing_of_a_refused_arena(void **state)
{
	const struct page_source_options options = {.kind = PAGE_SOURCE_ARENA,
	                                            .limit_bytes = 3 << 20};
	struct lab *lab = lab_open_on(slab_allocator_of(), "", &options);

	(void)state;
	assert_non_null(lab_malloc(lab, 2 << 20));
	size_t held = lab->pages.committed_bytes;
	size_t reserved = lab->pages.reserved_bytes;
	assert_null(lab_malloc(lab, 2 << 20));
	assert_int_equal(lab->pages.committed_bytes, held);
	assert_int_equal(lab->pages.reserved_bytes, reserved);
	lab_close(lab);
}

/* Allocates 63 slabs of one block, whose descriptors fill a slab of theirs. */
static size_t held_after_63_slabs(struct lab *lab)
{
	for (int i = 0; i < 63; i++)
		assert_non_null(lab_malloc(lab, 4096));
	return lab->pages.committed_bytes;
}

/* The 64th finds a page for itself, and none for its descriptor. */
static void leaves_nothing_of_half_a_slab(void **state)
{
	const struct allocator *slab = slab_allocator_of();
	struct page_source_options options = {.kind = PAGE_SOURCE_ARENA};
	struct lab *lab = lab_open_on(slab, "", &options);

	(void)state;
	options.limit_bytes = held_after_63_slabs(lab) + PAGE_BYTES;
	lab_close(lab);
	lab = lab_open_on(slab, "", &options);
	size_t held = held_after_63_slabs(lab);
	assert_null(lab_malloc(lab, 4096));
	assert_int_equal(lab->pages.committed_bytes, held);
	lab_close(lab);
}

/* Fills the heap with blocks of `size`; returns how many, the last one NULL. */
static int fill_heap(struct lab *lab, void **block, int most, size_t size)
{
	int count = 0;

	while (count < most && (block[count] = lab->allocator->malloc(
					lab->thread, size)) != NULL)
		count++;
	assert_true(count < most);
	return count;
}

static void shrinks_without_memory(void **state)
{
	const struct allocator *slab = slab_allocator_of();
	const struct page_source_options options = {.kind = PAGE_SOURCE_ARENA,
	                                            .limit_bytes = 128 << 10};
	struct lab *lab = lab_open_on(slab, "", &options);
	void *block[100];

	(void)state;
	assert_true(fill_heap(lab, block, 100, 4000) > 10);
	assert_null(slab->malloc(lab->thread, 20));
	assert_ptr_equal(slab->realloc(lab->thread, block[0], 20), block[0]);
	assert_null(slab->realloc(lab->thread, block[0], 5000));
	lab_check(lab);
	lab_close(lab);
}

/* Under a hard limit empty slabs and free pages must not be in the way. */
static void reaps_before_it_fails(void **state)
{
	const struct allocator *slab = slab_allocator_of();
	const struct page_source_options options = {.kind = PAGE_SOURCE_ARENA,
	                                            .limit_bytes = 128 << 10};
	struct lab *lab = lab_open_on(slab, "empty=1000", &options);
	struct kmem_cache *cache = kmalloc_cache(lab->heap, 4000);
	void *block[100];

	(void)state;
	for (size_t other = 64; other <= 10000; other += 9936) {
		int count = fill_heap(lab, block, 100, 4000);
		for (int i = 0; i < count; i++)
			lab_free(lab, block[i]);
		assert_int_equal(info_of(cache).empty, count);
		void *extra = lab->allocator->malloc(lab->thread, other);
		assert_non_null(extra);
		assert_int_equal(info_of(cache).empty, 0);
		lab_free(lab, extra);
		lab_check_walk(lab, 0);
	}
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_its_invariants),
		cmocka_unit_test(takes_the_tail_before_a_new_arena),
		cmocka_unit_test(keeps_arenas_in_address_order),
		cmocka_unit_test(refuses_absurd_sizes),
		cmocka_unit_test(survives_every_refusal),
		cmocka_unit_test(lives_at_its_limit),
		cmocka_unit_test(leaves_nothing_of_a_refused_arena),
		cmocka_unit_test(leaves_nothing_of_half_a_slab),
		cmocka_unit_test(shrinks_without_memory),
		cmocka_unit_test(reaps_before_it_fails),
	};
	return cmocka_run_group_tests_name("slab faults", tests, NULL, NULL);
}
