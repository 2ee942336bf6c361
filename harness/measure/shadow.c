/*
 * shadow.c - bits for bytes.
 */
#include "shadow.h"

#include <sys/mman.h>

enum {
	GRANULE_LOG2 = 3,
	REGION_LOG2 = 30,
	ADDRESS_LOG2 = 47, /* of user space on x86-64 and arm64 */
	WORD_BITS = 64,
};

static const size_t REGIONS = (size_t)1 << (ADDRESS_LOG2 - REGION_LOG2);
static const size_t GRANULES = (size_t)1 << (REGION_LOG2 - GRANULE_LOG2);

struct shadow_region {
	_Atomic uint64_t covered[1 << (REGION_LOG2 - GRANULE_LOG2 - 6)];
	_Atomic uint32_t starts[1 << (REGION_LOG2 - GRANULE_LOG2)]; /* slot+1 */
};

/* Zero memory that takes nothing until it is touched, and no one's limit. */
static void *map_table(size_t bytes)
{
	void *table = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return table == MAP_FAILED ? NULL : table;
}

bool shadow_open(struct shadow *shadow)
{
	*shadow =
		(struct shadow){.regions = map_table(REGIONS * sizeof(void *))};
	return shadow->regions != NULL;
}

void shadow_close(struct shadow *shadow)
{
	for (size_t i = 0; shadow->regions != NULL && i < REGIONS; i++)
		if (shadow->regions[i] != NULL)
			munmap(shadow->regions[i],
			       sizeof(struct shadow_region));
	if (shadow->regions != NULL)
		munmap(shadow->regions, REGIONS * sizeof(void *));
	shadow->regions = NULL;
}

/* The region's table; made by whoever comes first. */
static struct shadow_region *region_of(struct shadow *shadow, size_t granule)
{
	_Atomic(struct shadow_region *) *at =
		&shadow->regions[granule / GRANULES];
	struct shadow_region *region = atomic_load(at), *there = NULL;

	if (region != NULL)
		return region;
	region = map_table(sizeof *region);
	if (region == NULL) {
		shadow->out_of_memory = true;
		return NULL;
	}
	if (atomic_compare_exchange_strong(at, &there, region))
		return region;
	munmap(region, sizeof *region);
	return there;
}

/* The bits of one word that lie in [from, to), counted from the word's start. */
static uint64_t mask_of(size_t from, size_t to)
{
	uint64_t high =
		to >= WORD_BITS ? ~(uint64_t)0 : ((uint64_t)1 << to) - 1;
	return high & ~(((uint64_t)1 << from) - 1);
}

/* A stretch of granules that lies within one word. */
struct piece {
	_Atomic uint64_t *word; /* NULL: no memory for its region */
	uint64_t mask;
	size_t granules;
};

static struct piece piece_at(struct shadow *shadow, size_t first, size_t end)
{
	struct shadow_region *region = region_of(shadow, first);
	size_t bit = first % WORD_BITS;

	if (region == NULL)
		return (struct piece){0};
	return (struct piece){
		.word = &region->covered[first % GRANULES / WORD_BITS],
		.mask = mask_of(bit, end - first + bit),
		.granules = end - first < WORD_BITS - bit ? end - first
	                                                  : WORD_BITS - bit,
	};
}

static void clear_bits(struct shadow *shadow, size_t first, size_t end)
{
	while (first < end) {
		struct piece piece = piece_at(shadow, first, end);
		if (piece.word == NULL)
			return;
		atomic_fetch_and_explicit(piece.word, ~piece.mask,
		                          memory_order_relaxed);
		first += piece.granules;
	}
}

/* Sets the bits of [first, end); none, and false, if one was set before. */
static bool set_bits(struct shadow *shadow, size_t first, size_t end)
{
	size_t at = first;
	struct piece piece;
	uint64_t before = 0;

	for (; at < end; at += piece.granules) {
		piece = piece_at(shadow, at, end);
		if (piece.word == NULL)
			break;
		before = atomic_fetch_or_explicit(piece.word, piece.mask,
		                                  memory_order_relaxed);
		if ((before & piece.mask) == 0)
			continue;
		/* Take back what was not set before us. */
		atomic_fetch_and_explicit(piece.word, before | ~piece.mask,
		                          memory_order_relaxed);
		break;
	}
	if (at >= end)
		return true;
	clear_bits(shadow, first, at);
	return false;
}

static size_t first_granule(const void *start)
{
	return (uintptr_t)start >> GRANULE_LOG2;
}

/* Behind the last granule that the block touches; one at least. */
static size_t end_granule(const void *start, size_t bytes)
{
	return (((uintptr_t)start + (bytes > 0 ? bytes : 1) - 1) >>
	        GRANULE_LOG2) +
	       1;
}

bool shadow_reaches(const void *start, size_t bytes)
{
	const uintptr_t end = (uintptr_t)1 << ADDRESS_LOG2;

	return (uintptr_t)start < end && bytes <= end - (uintptr_t)start;
}

bool shadow_cover(struct shadow *shadow, const void *start, size_t bytes,
                  uint32_t slot)
{
	size_t first = first_granule(start), end = end_granule(start, bytes);

	if (!shadow_reaches(start, bytes) || !set_bits(shadow, first, end))
		return false;
	atomic_store_explicit(
		&region_of(shadow, first)->starts[first % GRANULES], slot + 1,
		memory_order_relaxed);
	return true;
}

void shadow_uncover(struct shadow *shadow, const void *start, size_t bytes)
{
	size_t first = first_granule(start);

	atomic_store_explicit(
		&region_of(shadow, first)->starts[first % GRANULES], 0,
		memory_order_relaxed);
	clear_bits(shadow, first, end_granule(start, bytes));
}

uint32_t shadow_owner(const struct shadow *shadow, const void *start)
{
	size_t granule = first_granule(start);
	const struct shadow_region *region =
		shadow_reaches(start, 1) ? shadow->regions[granule / GRANULES]
					 : NULL;

	/* 0 - 1 wraps round to SHADOW_NONE. */
	return region == NULL ? SHADOW_NONE
	                      : region->starts[granule % GRANULES] - 1;
}
