/*
 * misuse.h - how an allocator answers a caller that breaks the rules.
 *
 * A double free or a wild pointer is the *caller's* bug.  The checked build
 * looks for it and stops with one sentence; the fast build does not look.  The
 * test is written as ordinary code, which the compiler drops when CHECKED is 0:
 *
 *     if (CHECKED && block_is_free(block))
 *         misuse("buddy", block, "double free: the block is on list %u", k);
 *
 * (A bug of *ours* is an assert, which the fast build drops too.)
 */
#ifndef ALLOCATORS_COMMON_MISUSE_H
#define ALLOCATORS_COMMON_MISUSE_H

#ifdef ALLOCLAB_CHECKED
enum { CHECKED = 1 };
#else
enum { CHECKED = 0 };
#endif

/*
 * Prints "<allocator>: <block>: <sentence>" on stderr and aborts.  Allocates
 * nothing.
 */
_Noreturn void misuse(const char *allocator, const void *block,
                      const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
