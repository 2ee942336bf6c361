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
	uint64_t covered[1 << (REGION_LOG2 - GRANULE_LOG2 - 6)];
	uint32_t starts[1 << (REGION_LOG2 - GRANULE_LOG2)]; /* slot + 1 */
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

static struct shadow_region *region_of(struct shadow *shadow, size_t granule)
{
	struct shadow_region **region = &shadow->regions[granule / GRANULES];

	if (*region == NULL)
		*region = map_table(sizeof **region);
	if (*region == NULL)
		shadow->out_of_memory = true;
	return *region;
}

/* The bits of one word that lie in [from, to), counted from the word's start. */
static uint64_t mask_of(size_t from, size_t to)
{
	uint64_t high =
		to >= WORD_BITS ? ~(uint64_t)0 : ((uint64_t)1 << to) - 1;
	return high & ~(((uint64_t)1 << from) - 1);
}

enum change { TEST, SET, CLEAR };

/* Goes over the bits of [first, end) word by word; false if TEST finds one. */
static bool each_word(struct shadow *shadow, size_t first, size_t end,
                      enum change change)
{
	while (first < end) {
		struct shadow_region *region = region_of(shadow, first);
		if (region == NULL)
			return false;
		size_t bit = first % WORD_BITS;
		size_t to = end - first + bit;
		uint64_t mask = mask_of(bit, to);
		uint64_t *word = &region->covered[first % GRANULES / WORD_BITS];
		if (change == TEST && (*word & mask) != 0)
			return false;
		if (change == SET)
			*word |= mask;
		else if (change == CLEAR)
			*word &= ~mask;
		first += WORD_BITS - bit;
	}
	return true;
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

	if (!shadow_reaches(start, bytes) ||
	    !each_word(shadow, first, end, TEST))
		return false;
	each_word(shadow, first, end, SET);
	region_of(shadow, first)->starts[first % GRANULES] = slot + 1;
	return true;
}

void shadow_uncover(struct shadow *shadow, const void *start, size_t bytes)
{
	size_t first = first_granule(start);

	each_word(shadow, first, end_granule(start, bytes), CLEAR);
	region_of(shadow, first)->starts[first % GRANULES] = 0;
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
