/*
 * broken.h - allocators that are wrong in one way each: bump, with one
 * function replaced.  The harness must catch every one of them.
 */
#ifndef TESTS_BROKEN_H
#define TESTS_BROKEN_H

#include "allocators/allocator.h"

/* Each misbehaves at its BROKEN_AT-th malloc unless it says otherwise. */
enum { BROKEN_AT = 7 };

enum broken {
	BROKEN_CRASH,     /* writes to address 8                             */
	BROKEN_HANG,      /* never returns                                   */
	BROKEN_OVERLAP,   /* returns the block before, 16 bytes further      */
	BROKEN_CONTENT,   /* changes byte 3 of the block before              */
	BROKEN_ALIGNMENT, /* 8 bytes further than it should                  */
	BROKEN_SIZE,      /* the 7th usable_size is 1                        */
	BROKEN_LEAK,      /* destroy forgets a page                          */
	BROKEN_ZERO,      /* zero_malloc does not clear, from the first on   */
	BROKEN_ABORT,     /* calls misuse()                                  */
	BROKEN_WALK,      /* the walk leaves out its first extent            */
	BROKEN_KINDS,
};

/* bump with that mistake.  Run it in a child: the mistake happens once. */
const struct allocator *broken_allocator(enum broken kind);

#endif
