/*
 * page_kernel.h - the five kernel calls behind page sources, and what each does
 * when the kernel says no.
 *
 * Any of them may be refused in a program that is otherwise well:
 *
 *     mmap      limited address space (RLIMIT_AS), max_map_count mappings, or,
 *               after mlockall(MCL_FUTURE), too much locked memory
 *     mprotect  max_map_count: it would split a mapping; or strict overcommit
 *     munmap    max_map_count: it would leave a hole in the middle of one
 *     madvise   locked memory (mlockall) cannot be dropped
 *     mremap    any of these
 *
 * A page source makes no other call, so a program that forbids itself kernel
 * calls (seccomp) has to allow these, and futex if it has threads (lock.h).
 */
#ifndef ALLOCATORS_COMMON_PAGE_KERNEL_H
#define ALLOCATORS_COMMON_PAGE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

struct page_source;

/* Tests put functions here that refuse (page_source_options.kernel). */
struct page_kernel {
	void *(*mmap)(void *wish, size_t bytes, int protection, int flags,
	              int file, off_t offset);
	int (*munmap)(void *start, size_t bytes);
	int (*mprotect)(void *start, size_t bytes, int protection);
	int (*madvise)(void *start, size_t bytes, int advice);
	void *(*mremap)(void *start, size_t old_bytes, size_t new_bytes,
	                int flags, ...);
};

/*
 * Reserves address space, PROT_NONE and so without any cost in memory, at `wish`
 * or, if that is NULL, anywhere; NULL if the kernel refuses or that place is
 * taken.
 */
char *page_kernel_reserve(const struct page_source *source, char *wish,
                          size_t bytes);

/* False, and the pages are as before or not to be touched, if refused. */
bool page_kernel_make_writable(const struct page_source *source, void *start,
                               size_t bytes);

/*
 * Drops the contents of writable pages: they are zero afterwards.  Locked ones
 * the kernel does not drop; they are cleared, and stay resident.
 */
void page_kernel_drop(const struct page_source *source, void *start,
                      size_t bytes);

/* Lengthens a mapping; flags and `to` as for mremap.  NULL if refused. */
char *page_kernel_resize(const struct page_source *source, char *start,
                         size_t old_bytes, size_t new_bytes, int flags,
                         char *to);

#endif
