/*
 * contract_sizes.c - every size and alignment gives a block of one's own.
 */
#include <stdlib.h>
#include <string.h>

#include "contract.h"

static int compare_starts(const void *a, const void *b)
{
	const struct known_block *left = a, *right = b;

	return left->start < right->start ? -1 : left->start > right->start;
}

/* No block may start before the one below it has ended. */
static void require_disjoint(struct known *known)
{
	const struct allocator *allocator = known->lab->allocator;
	struct known_block *blocks = known->blocks;

	qsort(blocks, known->count, sizeof *blocks, compare_starts);
	for (size_t i = 1; i < known->count; i++) {
		size_t usable = allocator->usable_size(known->lab->heap,
		                                       blocks[i - 1].start);
		if (blocks[i].start < blocks[i - 1].start + usable)
			fail_msg("%zu bytes at %p overlap %zu at %p",
			         blocks[i - 1].size,
			         (void *)blocks[i - 1].start, blocks[i].size,
			         (void *)blocks[i].start);
	}
}

void every_size_to_4100(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	size_t step = setting->derived ? 7 : 1;
	struct known known;

	known_start(&known, lab);
	for (size_t size = 0; size <= 4100; size += step)
		known_malloc(&known, size);
	require_disjoint(&known);
	known_verify(&known);
	for (size_t i = 0; i < known.count; i++)
		known_free(&known, i); /* every other block: holes */
	known_verify(&known);
	known_end(&known);
	lab_close(lab);
}

void sizes_to_8_mib(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct known known;

	known_start(&known, lab);
	for (size_t size = 4096; size <= 8 << 20; size *= 2) {
		known_malloc(&known, size - 1);
		known_malloc(&known, size);
		known_malloc(&known, size + 1);
		known_malloc(&known, size + size / 2 - 8);
	}
	require_disjoint(&known);
	known_verify(&known);
	for (size_t i = 0; i < known.count; i++)
		known_free(&known, i);
	known_verify(&known);
	known_malloc(&known, 3 << 20);
	known_end(&known);
	lab_close(lab);
}

void zero_bytes_is_a_block(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct known known;

	known_start(&known, lab);
	for (int i = 0; i < 100; i++) {
		known_malloc(&known, 0);
		known_zero(&known, 0);
		known_aligned(&known, 64, 0);
	}
	qsort(known.blocks, known.count, sizeof *known.blocks, compare_starts);
	for (size_t i = 1; i < known.count; i++)
		assert_ptr_not_equal(known.blocks[i].start,
		                     known.blocks[i - 1].start);
	known_verify(&known);
	known_end(&known);
	lab_close(lab);
}

void every_alignment(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct known known;

	known_start(&known, lab);
	for (size_t align = 1; align <= 1 << 20; align *= 2) {
		known_malloc(&known, 24); /* so that the next is not aligned */
		known_aligned(&known, align, 1);
		known_malloc(&known, 40);
		known_aligned(&known, align, 100);
		known_aligned(&known, align, align);
		known_aligned(&known, align, align + 1);
		known_aligned(&known, align, 5000);
	}
	require_disjoint(&known);
	known_verify(&known);
	for (size_t i = 0; i < known.count; i++)
		known_free(&known, i);
	known_verify(&known);
	known_end(&known);
	lab_close(lab);
}

/* Blocks full of ones are freed, and zero_malloc is to give those bytes. */
void zero_malloc_on_dirty_memory(const struct setting *setting)
{
	static const size_t sizes[] = {1,     8,     16,     24,    40,   100,
	                               500,   1000,  3000,   4096,  5000, 9000,
	                               20000, 65536, 100000, 300000};
	enum { SIZES = sizeof sizes / sizeof sizes[0] };
	struct lab *lab = contract_open(setting);
	struct known known;

	known_start(&known, lab);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < SIZES; i++) {
			known_malloc(&known, sizes[i]);
			known_malloc(&known, 16);
			struct known_block *dirty = known_last(&known) - 1;
			memset(dirty->start, 0xff, dirty->size);
			lab->allocator->free(lab->thread, dirty->start);
			*dirty = *known_last(&known);
			known.count--;
		}
		for (int i = 0; i < SIZES; i++)
			known_zero(&known, sizes[i] - (size_t)round % 2);
		known_verify(&known);
		known_free_all(&known);
	}
	known_end(&known);
	lab_close(lab);
}

/* Blocks placed in holes of other sizes, where a remainder must be dealt with. */
void usable_bytes_after_holes(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct known known;

	known_start(&known, lab);
	for (size_t hole = 1; hole <= 400; hole += setting->derived ? 21 : 7) {
		for (size_t size = hole / 2; size <= hole; size += 9) {
			known_malloc(&known, hole);
			known_malloc(&known, 16);
			known_free(&known, known.count - 2);
			known_malloc(&known, size);
		}
		known_verify(&known);
	}
	known_end(&known);
	lab_close(lab);
}
