/*
 * theory.c - the adversaries.
 */
#include "theory.h"

#include <string.h>

static void learn_overhead(struct theory *theory, const char *allocator)
{
	struct lab *lab = lab_open(allocator);
	char *first = lab_malloc(lab, 1024 - 64);
	char *second = lab_malloc(lab, 1024 - 64);

	theory->overhead = (size_t)(second - first) -
	                   lab->allocator->usable_size(lab->heap, first);
	lab_close(lab);
}

void theory_open(struct theory *theory, const char *allocator, size_t unit)
{
	memset(theory, 0, sizeof *theory);
	theory->unit = unit;
	theory->random = 1;
	learn_overhead(theory, allocator);
	theory->lab = lab_open(allocator);
}

void theory_close(struct theory *theory)
{
	for (size_t i = 0; i < theory->blocks; i++)
		if (theory->block[i].memory != NULL)
			theory_free(theory, i);
	lab_check_walk(theory->lab, 0);
	lab_close(theory->lab);
}

size_t theory_address(const struct theory *theory, const void *memory)
{
	size_t bytes = (size_t)((const char *)memory - theory->origin);

	assert_true((const char *)memory >= theory->origin);
	assert_int_equal(bytes % theory->unit, 0);
	return bytes / theory->unit;
}

void theory_alloc(struct theory *theory, size_t i, size_t units)
{
	struct lab *lab = theory->lab;
	void *memory = lab->allocator->malloc(
		lab->thread, units * theory->unit - theory->overhead);

	assert_true(i < THEORY_BLOCKS && theory->block[i].memory == NULL);
	assert_non_null(memory);
	if (theory->origin == NULL)
		theory->origin = memory;
	theory->block[i] = (struct theory_block){memory, units};
	if (i >= theory->blocks)
		theory->blocks = i + 1;
	theory->live += units;
	size_t end = theory_address(theory, memory) + units;
	if (end > theory->high)
		theory->high = end;
}

void theory_free(struct theory *theory, size_t i)
{
	struct lab *lab = theory->lab;

	lab->allocator->free(lab->thread, theory->block[i].memory);
	theory->live -= theory->block[i].units;
	theory->block[i] = (struct theory_block){NULL, 0};
}

/* xorshift64*: small, and the same everywhere. */
uint64_t theory_draw(struct theory *theory, uint64_t below)
{
	uint64_t x = theory->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	theory->random = x;
	return (x * 0x2545F4914F6CDD1D >> 32) * below >> 32;
}

/* Appends blocks of `units` while that keeps no more than `most` live. */
static void fill(struct theory *theory, size_t most, size_t units)
{
	while (theory->live + units <= most)
		theory_alloc(theory, theory->blocks, units);
}

/* Closes the gaps that freed blocks left in block[]. */
static void compact(struct theory *theory)
{
	size_t kept = 0;

	for (size_t i = 0; i < theory->blocks; i++) {
		struct theory_block block = theory->block[i];
		theory->block[i] = (struct theory_block){NULL, 0};
		if (block.memory != NULL)
			theory->block[kept++] = block;
	}
	theory->blocks = kept;
}

/* ---- E1 ----------------------------------------------------------------- */

/* Whether a block lies over an address that is `offset` mod `period`. */
static bool covers(const struct theory *theory, size_t i, size_t offset,
                   size_t period)
{
	size_t start = theory_address(theory, theory->block[i].memory);
	size_t reach = (offset + period - start % period) % period;

	return reach < theory->block[i].units;
}

/* What the blocks over those addresses spoil for blocks of `period`. */
static size_t spoiled(const struct theory *theory, size_t offset, size_t period)
{
	size_t units = 0;

	for (size_t i = 0; i < theory->blocks; i++)
		if (covers(theory, i, offset, period))
			units += period - theory->block[i].units;
	return units;
}

size_t theory_robson(struct theory *theory, size_t most, unsigned log2_ratio)
{
	size_t offset = 0;

	fill(theory, most, 1);
	for (size_t period = 2; period <= (size_t)1 << log2_ratio;
	     period *= 2) {
		if (spoiled(theory, offset + period / 2, period) >
		    spoiled(theory, offset, period))
			offset += period / 2;
		for (size_t i = 0; i < theory->blocks; i++)
			if (!covers(theory, i, offset, period))
				theory_free(theory, i);
		compact(theory);
		fill(theory, most, period);
	}
	return theory->high;
}

/* ---- E2 ----------------------------------------------------------------- */

size_t theory_robson_blind(struct theory *theory, size_t most,
                           unsigned log2_ratio)
{
	size_t end[64]; /* of each cycle's blocks in block[] */

	for (unsigned i = 0; i <= log2_ratio; i++) {
		fill(theory, most, (size_t)1 << i);
		end[i] = theory->blocks;
		if (i == log2_ratio)
			break;
		for (unsigned j = 0; j <= i; j++) {
			size_t start = j == 0 ? 0 : end[j - 1];
			size_t step = (size_t)1 << (i - j + 1);
			for (size_t k = start; k < end[j]; k++)
				if ((k - start + 1) % step != 0 &&
				    theory->block[k].memory != NULL)
					theory_free(theory, k);
		}
	}
	return theory->high;
}

/* ---- E5 ----------------------------------------------------------------- */

size_t theory_rover(struct theory *theory, size_t rounds, size_t size)
{
	for (size_t i = 0; i < rounds; i++) {
		theory_alloc(theory, 0, size - 1);
		theory_alloc(theory, i + 1, 1);
		theory_free(theory, 0);
	}
	return theory->high;
}
