/*
 * lab.h - what allocator tests share: a heap on a page source in one call, and
 * the heap as a string.
 *
 *     struct lab *lab = lab_open("first-fit:order=lifo");
 *     void *a = lab_malloc(lab, 8);
 *     assert_string_equal(lab_heap_string(lab), "|a 16|. 4048|");
 *     lab_close(lab);         <- frees all, requires committed == 0
 */
#ifndef TESTS_LAB_H
#define TESTS_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "allocators/allocator.h"
#include "allocators/common/heap_stats.h"
#include "allocators/common/knob.h"
#include "allocators/common/page_source.h"

enum { LAB_NAMES = 26 };

struct lab {
	const struct allocator *allocator;
	struct knob_values values;
	struct page_source pages;
	char single_thread; /* 1 until lab_share() */
	struct heap *heap;
	struct thread_heap *thread;
	void *named
		[LAB_NAMES]; /* blocks a, b, c... in the order of lab_malloc */
	int names;
	char text[4096];
};

/*
 * The allocator that "name" or "name:knob=value,..." means, or NULL; "locked
 * name" is that one behind a lock (locked/locked.h).
 */
const struct allocator *lab_find(const char *allocator);

/*
 * Opens a heap of such a name on an arena source; fails the test where that does
 * not work.
 */
struct lab *lab_open(const char *allocator);

/* The same with options for the source; NULL where create() returns NULL. */
struct lab *lab_open_on(const struct allocator *allocator, const char *knobs,
                        const struct page_source_options *options);

/*
 * A request that the heap serves: `size` and `align` where it serves all, else
 * something smaller made of them (allocator.h, serves).  A test that goes
 * through this, as lab_malloc() does, runs for a pool of one size too.
 */
size_t lab_fit_size(struct lab *lab, size_t size);
size_t lab_fit_align(struct lab *lab, size_t align, size_t size);

/* From now on, more than one OS thread may use the heap. */
void lab_share(struct lab *lab);

/* Runs check(), detaches, destroys, requires committed_bytes == 0. */
void lab_close(struct lab *lab);

/* malloc, and the block gets the next free letter in lab_heap_string(). */
void *lab_malloc(struct lab *lab, size_t size);
void *lab_aligned(struct lab *lab, size_t align, size_t size);
void lab_free(struct lab *lab, void *block);

/* What the allocator says that a block has room for. */
size_t lab_usable(struct lab *lab, const void *block);

/* Fails the test with check()'s sentence if an invariant is broken. */
void lab_check(struct lab *lab);

/*
 * Fails the test unless the walk covers, in address order and without overlap,
 * exactly as many bytes as the source says are committed, all of them in
 * committed pages.  `live` is the expected number of live blocks, or -1.
 */
void lab_check_walk(struct lab *lab, long live);

/*
 * The blocks in address order: "|a 16|. 48|b 32|": a letter and the usable
 * bytes for a live block ("?" if it was not made by lab_malloc), "." and the
 * bytes of a free block, metadata and slack left out.
 */
const char *lab_heap_string(struct lab *lab);

/* Current counters. */
struct heap_stats lab_stats(struct lab *lab);

/*
 * Runs `act` in a child process and requires that it is killed by SIGABRT
 * with a message on stderr that contains `sentence`.
 */
void lab_expect_misuse(void (*act)(void *ctx), void *ctx, const char *sentence);

#endif
