/*
 * known.c - calls of an allocator, each held against the contract.
 */
#include "known.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "allocators/common/bits.h"

/* ---- patterns ----------------------------------------------------------- */

enum {
	PATTERN_WHOLE = 64 << 10, /* larger blocks: both ends, a word a page */
	PATTERN_END = 4096,
};

static uint64_t pattern_word(uint64_t seed, size_t offset)
{
	return (seed + offset) * 0x9e3779b97f4a7c15;
}

static void fill_range(unsigned char *start, size_t from, size_t to,
                       uint64_t seed)
{
	size_t i = from;

	for (; i + 8 <= to; i += 8) {
		uint64_t word = pattern_word(seed, i);
		memcpy(start + i, &word, 8);
	}
	uint64_t word = pattern_word(seed, i);
	if (i < to)
		memcpy(start + i, &word, to - i);
}

/* The first offset in [from, to) that does not hold its pattern, or `to`. */
static size_t first_wrong(const unsigned char *start, size_t from, size_t to,
                          uint64_t seed)
{
	size_t i = from;

	for (; i + 8 <= to; i += 8) {
		uint64_t word = pattern_word(seed, i);
		if (memcmp(start + i, &word, 8) != 0)
			return i;
	}
	uint64_t word = pattern_word(seed, i);
	return i == to || memcmp(start + i, &word, to - i) == 0 ? to : i;
}

static void fill(unsigned char *start, size_t bytes, uint64_t seed)
{
	if (bytes <= PATTERN_WHOLE) {
		fill_range(start, 0, bytes, seed);
		return;
	}
	size_t tail = round_down(bytes - PATTERN_END, 8);
	fill_range(start, 0, PATTERN_END, seed);
	for (size_t i = PATTERN_END; i + 8 <= tail; i += PAGE_BYTES)
		fill_range(start, i, i + 8, seed);
	fill_range(start, tail, bytes, seed);
}

static void require_range(const struct known_block *block, size_t from,
                          size_t to)
{
	size_t wrong = first_wrong(block->start, from, to, block->seed);

	if (wrong < to)
		fail_msg("the block of %zu bytes at %p lost its contents at "
		         "byte %zu",
		         block->size, (void *)block->start, wrong);
}

/* `bytes` may be less than was filled: the front of a block. */
static void require_pattern(const struct known_block *block, size_t bytes,
                            size_t filled)
{
	if (filled <= PATTERN_WHOLE) {
		require_range(block, 0, bytes);
		return;
	}
	size_t tail = round_down(filled - PATTERN_END, 8);
	require_range(block, 0, bytes < PATTERN_END ? bytes : PATTERN_END);
	for (size_t i = PATTERN_END; i + 8 <= tail && i + 8 <= bytes;
	     i += PAGE_BYTES)
		require_range(block, i, i + 8);
	if (bytes > tail)
		require_range(block, tail, bytes);
}

/* ---- calls -------------------------------------------------------------- */

static size_t usable_bytes(const struct known *known, const void *start)
{
	return known->lab->allocator->usable_size(known->lab->heap, start);
}

static void require_block(const struct known_block *block,
                          const struct known *known)
{
	size_t usable = usable_bytes(known, block->start);

	if (usable < block->size)
		fail_msg("usable_size is %zu for %zu bytes at %p", usable,
		         block->size, (void *)block->start);
	require_pattern(block, usable, usable);
}

void known_start(struct known *known, struct lab *lab)
{
	*known = (struct known){.lab = lab, .self = lab->thread};
}

void known_end(struct known *known)
{
	known_free_all(known);
	free(known->blocks);
}

struct known_block *known_last(struct known *known)
{
	assert_true(known->count > 0);
	return &known->blocks[known->count - 1];
}

static void leave_trail(struct known *known, const void *start)
{
	known->trail =
		(known->trail ^ (uint64_t)(uintptr_t)start) * 0x100000001b3;
}

/* Whether the call was answered with a block; if not, the answer is checked. */
static bool is_answered(struct known *known, const void *start, size_t size)
{
	int error = errno;

	leave_trail(known, start);
	if (start != NULL)
		return true;
	if (!known->may_refuse)
		fail_msg("%zu bytes were refused, errno %d", size, error);
	assert_int_equal(error, ENOMEM);
	known->refused++;
	return false;
}

/* Checks a block that was just handed out and fills it. */
static void adopt(struct known *known, struct known_block *block, void *start,
                  size_t size, size_t align)
{
	if (!is_aligned(start, align))
		fail_msg("%zu bytes at %p are not aligned to %zu", size, start,
		         align);
	size_t usable = usable_bytes(known, start);
	if (usable < size)
		fail_msg("usable_size is %zu for %zu bytes at %p", usable, size,
		         start);
	*block = (struct known_block){start, size, ++known->seeds << 32};
	fill(block->start, usable, block->seed);
}

static bool add(struct known *known, void *start, size_t size, size_t align)
{
	if (!is_answered(known, start, size))
		return false;
	if (known->count == known->capacity) {
		known->capacity = known->capacity * 2 + 64;
		known->blocks = realloc(
			known->blocks, known->capacity * sizeof *known->blocks);
		assert_non_null(known->blocks);
	}
	adopt(known, &known->blocks[known->count++], start, size, align);
	return true;
}

bool known_malloc(struct known *known, size_t size)
{
	size = lab_fit_size(known->lab, size);
	errno = 0;
	void *start = known->lab->allocator->malloc(known->self, size);
	return add(known, start, size, malloc_align(size));
}

bool known_zero(struct known *known, size_t size)
{
	size = lab_fit_size(known->lab, size);
	errno = 0;
	unsigned char *start =
		known->lab->allocator->zero_malloc(known->self, size);

	if (start != NULL && size > 0 &&
	    (start[0] != 0 || memcmp(start, start + 1, size - 1) != 0))
		fail_msg("zero_malloc(%zu) at %p is not zero", size,
		         (void *)start);
	return add(known, start, size, malloc_align(size));
}

bool known_aligned(struct known *known, size_t align, size_t size)
{
	size = lab_fit_size(known->lab, size);
	align = lab_fit_align(known->lab, align, size);
	errno = 0;
	void *start =
		known->lab->allocator->aligned_malloc(known->self, align, size);
	return add(known, start, size,
	           align < malloc_align(size) ? malloc_align(size) : align);
}

bool known_realloc(struct known *known, size_t index, size_t size)
{
	struct known_block *block = &known->blocks[index];
	size_t filled = usable_bytes(known, block->start);

	size = lab_fit_size(known->lab, size);
	if (size == 0)
		size = 1;
	require_block(block, known);
	errno = 0;
	unsigned char *start =
		known->lab->allocator->realloc(known->self, block->start, size);
	if (!is_answered(known, start, size)) {
		require_block(block, known);
		return false;
	}
	block->start = start;
	require_pattern(block, size < block->size ? size : block->size, filled);
	adopt(known, block, start, size, malloc_align(size));
	return true;
}

void known_free(struct known *known, size_t index)
{
	require_block(&known->blocks[index], known);
	void *start = known->blocks[index].start;
	known->blocks[index] = known->blocks[--known->count];
	known->lab->allocator->free(known->self, start);
}

void known_free_all(struct known *known)
{
	while (known->count > 0)
		known_free(known, known->count - 1);
}

void known_verify(const struct known *known)
{
	for (size_t i = 0; i < known->count; i++)
		require_block(&known->blocks[i], known);
	lab_check(known->lab);
	lab_check_walk(known->lab, (long)known->count);
}

/* ---- pictures ----------------------------------------------------------- */

static bool add_extent(void *ctx, const struct extent *extent)
{
	struct picture *picture = ctx;

	if (picture->count == picture->capacity) {
		picture->capacity = picture->capacity * 2 + 64;
		picture->extents =
			realloc(picture->extents,
		                picture->capacity * sizeof *picture->extents);
		assert_non_null(picture->extents);
	}
	picture->extents[picture->count++] = *extent;
	return true;
}

void picture_take(struct picture *picture, struct lab *lab)
{
	*picture = (struct picture){
		.stats = lab_stats(lab),
		.committed_bytes = lab->pages.committed_bytes,
		.reserved_bytes = lab->pages.reserved_bytes,
	};
	if (lab->allocator->walk != NULL)
		lab->allocator->walk(lab->heap, add_extent, picture);
}

void picture_drop(struct picture *picture)
{
	free(picture->extents);
}

static void require_same_extent(const struct extent *a, const struct extent *b)
{
	if (a->start != b->start || a->bytes != b->bytes ||
	    a->kind != b->kind || strcmp(a->tier, b->tier) != 0)
		fail_msg("the walk changed: %zu bytes at %p (kind %u %s) "
		         "became %zu at %p (kind %u %s)",
		         a->bytes, a->start, a->kind, a->tier, b->bytes,
		         b->start, b->kind, b->tier);
}

static void require_same_walk(const struct picture *a, const struct picture *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		require_same_extent(&a->extents[i], &b->extents[i]);
	assert_int_equal(a->count, b->count);
}

/* Keeps the live extents only. */
static void keep_live(struct picture *picture)
{
	size_t kept = 0;

	for (size_t i = 0; i < picture->count; i++)
		if (picture->extents[i].kind == EXTENT_LIVE)
			picture->extents[kept++] = picture->extents[i];
	picture->count = kept;
}

/* Forgets in which tier free blocks are. */
static void blank_tiers(struct picture *picture)
{
	for (size_t i = 0; i < picture->count; i++)
		picture->extents[i].tier = "";
}

static bool is_same_stats(const struct heap_stats *a,
                          const struct heap_stats *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

void picture_require_same(const struct picture *before, struct lab *lab)
{
	struct picture now;

	picture_take(&now, lab);
	require_same_walk(before, &now);
	assert_int_equal(before->committed_bytes, now.committed_bytes);
	assert_int_equal(before->reserved_bytes, now.reserved_bytes);
	assert_true(is_same_stats(&before->stats, &now.stats));
	picture_drop(&now);
}

void picture_require_intact(const struct picture *before, struct lab *lab)
{
	struct picture was, now;

	picture_take(&now, lab);
	if (now.committed_bytes > before->committed_bytes)
		fail_msg("a refused call left %zu bytes more committed",
		         now.committed_bytes - before->committed_bytes);
	if (now.reserved_bytes > before->reserved_bytes)
		fail_msg("a refused call left %zu bytes more reserved",
		         now.reserved_bytes - before->reserved_bytes);
	was = (struct picture){0};
	for (size_t i = 0; i < before->count; i++)
		add_extent(&was, &before->extents[i]);
	if (before->stats.merges != now.stats.merges ||
	    before->stats.shrinks != now.stats.shrinks) {
		keep_live(&was);
		keep_live(&now);
	}
	blank_tiers(&was);
	blank_tiers(&now);
	require_same_walk(&was, &now);
	picture_drop(&was);
	picture_drop(&now);
}

/* ---- random numbers ----------------------------------------------------- */

uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

size_t random_between(uint64_t *state, size_t low, size_t high)
{
	return low + random_next(state) % (high - low + 1);
}
