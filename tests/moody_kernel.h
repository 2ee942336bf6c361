/*
 * moody_kernel.h - kernel calls for a page source that are refused when a test
 * wants it, as at max_map_count or after mlockall().
 */
#ifndef TESTS_MOODY_KERNEL_H
#define TESTS_MOODY_KERNEL_H

#include "allocators/common/page_kernel.h"

/*
 * Every n-th call of a kind is refused, 1 being all of them, 0 none; and every
 * mmap of more than mmap_most bytes.
 */
struct moods {
	unsigned mmap, munmap, mprotect, madvise, mremap;
	size_t mmap_most;
	unsigned long refused; /* calls so far */
};

extern struct moods moody;
extern const struct page_kernel MOODY_KERNEL;

/* Nothing is refused any more. */
void moody_calm(void);

#endif
