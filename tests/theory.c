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

	theory->overhead = (size_t)(second - first) - lab_usable(lab, first);
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

/* ---- E6 ----------------------------------------------------------------- */

size_t theory_s1(struct theory *theory)
{
	return 100 + theory_draw(theory, 1901);
}

/* 2^k with probability 2^-(k+1); the rest of it makes 32. */
size_t theory_s2(struct theory *theory)
{
	size_t units = 1;

	while (units < 32 && theory_draw(theory, 2) == 1)
		units *= 2;
	return units;
}

size_t theory_s3(struct theory *theory)
{
	static const size_t units[22] = {
		10, 12, 14,  16,  18,  20,  30,  40,   50,   60,   70,
		80, 90, 100, 150, 200, 250, 500, 1000, 2000, 3000, 4000};
	return units[theory_draw(theory, 22)];
}

size_t theory_any(struct theory *theory, uint64_t step)
{
	(void)step;
	return theory_draw(theory, THEORY_STEADY);
}

size_t theory_oldest(struct theory *theory, uint64_t step)
{
	(void)theory;
	return step % THEORY_STEADY;
}

/* Holes met by a walk, in halves. */
struct halves {
	uint64_t inner, ends;
	bool at_start;
};

static bool count_halves(void *ctx, const struct extent *extent)
{
	struct halves *halves = ctx;

	if (extent->kind == EXTENT_FREE) {
		bool is_hole = strcmp(extent->tier, "hole") == 0;
		if (is_hole && !halves->at_start)
			halves->inner++;
		else
			halves->ends++;
	}
	if (extent->kind == EXTENT_FREE || extent->kind == EXTENT_LIVE)
		halves->at_start = false;
	return true;
}

static double count_with_half_ends(struct theory *theory)
{
	struct halves halves = {0, 0, true};
	struct lab *lab = theory->lab;

	lab->allocator->walk(lab->heap, count_halves, &halves);
	return (double)halves.inner + (double)halves.ends / 2;
}

static bool count_hole(void *ctx, const struct extent *extent)
{
	*(uint64_t *)ctx += extent->kind == EXTENT_FREE &&
	                    strcmp(extent->tier, "hole") == 0;
	return true;
}

uint64_t theory_count_holes(struct theory *theory)
{
	uint64_t holes = 0;
	struct lab *lab = theory->lab;

	lab->allocator->walk(lab->heap, count_hole, &holes);
	return holes;
}

struct theory_steady theory_steady(struct theory *theory, theory_size *draw,
                                   theory_victim *victim, uint64_t steps)
{
	enum { SAMPLE = 100 };
	uint64_t half = steps / 2, exact_before = 0, samples = 0;
	double holes = 0;

	for (size_t i = 0; i < THEORY_STEADY; i++)
		theory_alloc(theory, i, draw(theory));
	for (uint64_t step = 0; step < steps; step++) {
		if (step == half)
			exact_before = lab_stats(theory->lab).exact_fits;
		size_t i = victim(theory, step);
		theory_free(theory, i);
		theory_alloc(theory, i, draw(theory));
		if (step >= half && step % SAMPLE == 0) {
			holes += count_with_half_ends(theory);
			samples++;
		}
	}
	uint64_t exact = lab_stats(theory->lab).exact_fits - exact_before;
	return (struct theory_steady){
		.holes = holes / (double)samples / THEORY_STEADY,
		.half_p = (1 - (double)exact / (double)(steps - half)) / 2,
	};
}
