/*
 * size_classes.h - the sizes that small requests are rounded to.
 *
 * Class 0 is no class: a block of whole pages.  Classes 1, 2, ... have growing
 * sizes, of 8 bytes and then of multiples of 16, up to 256 KiB.
 */
#ifndef ALLOCATORS_TCMALLOC_SIZE_CLASSES_H
#define ALLOCATORS_TCMALLOC_SIZE_CLASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TCM_PAGE_LOG2 =
		13, /* pages of 8 KiB [Ghemawat]                       */
	TCM_PAGE_BYTES = 1 << TCM_PAGE_LOG2,
	TCM_SMALL_MAX = 256
	                << 10,    /* larger requests get pages                */
	TCM_LOOKUP_MAX = 1 << 10, /* up to here the fast path finds the class */
	TCM_CLASSES_MAX = 209,    /* 208 lists, and class 0                   */
	TCM_LOOKUP_SMALL =
		TCM_LOOKUP_MAX / 8 + 1, /* entries, a word each      */
	TCM_LOOKUP_LARGE = TCM_SMALL_MAX / 128 + 1,
	TCM_BATCH_MIN = 2,
	TCM_BATCH_MAX = 512,
};

/* How the sizes are spaced; the values of a knob. */
enum tcm_spacing {
	TCM_SPACING_EIGHTH, /* steps of an eighth, some of them made one       */
	TCM_SPACING_208, /* the 208 lists: five steps, 8 bytes to 8 KiB     */
};

struct tcm_class {
	uint32_t bytes;   /* of an object                                     */
	uint32_t scale;   /* used * scale >> 16 is the fullness, 0..7         */
	uint16_t pages;   /* of a span                                        */
	uint16_t objects; /* in a span                                        */
	uint16_t batch;   /* moved at a time between the tiers, at most       */
};

struct tcm_classes {
	unsigned count;                     /* class 0 included            */
	uint8_t of_small[TCM_LOOKUP_SMALL]; /* [(size + 7) / 8]            */
	uint8_t of_large[TCM_LOOKUP_LARGE]; /* [(size + 127) / 128]        */
	struct tcm_class table[TCM_CLASSES_MAX];
};

/* Up to the end of the last class; what follows need not be in memory. */
static inline size_t tcm_classes_bytes(const struct tcm_classes *classes)
{
	return offsetof(struct tcm_classes, table) +
	       classes->count * sizeof(struct tcm_class);
}

/*
 * Fills in the classes.  `aligned`: without those whose objects would not all
 * be aligned to 16 bytes (8 for objects of 8); a heap needs that, the table of
 * the 208 lists as published does not.
 */
void tcm_classes_make(struct tcm_classes *classes, enum tcm_spacing spacing,
                      unsigned batch_max, bool aligned);

/* The class of a request of at most TCM_SMALL_MAX bytes. */
static inline unsigned tcm_class_of(const struct tcm_classes *classes,
                                    size_t size)
{
	return size <= TCM_LOOKUP_MAX ? classes->of_small[(size + 7) / 8]
	                              : classes->of_large[(size + 127) / 128];
}

#endif
