/*
 * page_kernel.c - the kernel's calls, with their refusals made harmless.
 */
#include "page_kernel.h"

#include <string.h>

#include "page_source.h"

const struct page_kernel PAGE_KERNEL = {
	.mmap = mmap,
	.munmap = munmap,
	.mprotect = mprotect,
	.madvise = madvise,
	.mremap = mremap,
};

/*
 * Marks what is watched: /proc/self/smaps shows the advice as the flag "rr".  It
 * means no read-ahead, which anonymous memory has of swap only.
 */
static char *mark(const struct page_source *source, char *start, size_t bytes)
{
	if (source->options.before_loss != NULL)
		source->kernel->madvise(start, bytes, MADV_RANDOM);
	return start;
}

char *page_kernel_reserve(const struct page_source *source, char *wish,
                          size_t bytes)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
	            (wish == NULL ? 0 : MAP_FIXED_NOREPLACE);
	char *start =
		source->kernel->mmap(wish, bytes, PROT_NONE, flags, -1, 0);

	if (start == MAP_FAILED)
		return NULL;
	if (wish == NULL || start == wish)
		return mark(source, start, bytes);
	source->kernel->munmap(start, bytes); /* a kernel before 4.17 */
	return NULL;
}

bool page_kernel_make_writable(const struct page_source *source, void *start,
                               size_t bytes)
{
	if (source->kernel->mprotect(start, bytes, PROT_READ | PROT_WRITE) == 0)
		return true;
	/* The kernel may have got half of the way. */
	source->kernel->mprotect(start, bytes, PROT_NONE);
	return false;
}

void page_kernel_drop(const struct page_source *source, void *start,
                      size_t bytes)
{
	if (source->kernel->madvise(start, bytes, MADV_DONTNEED) != 0)
		memset(start, 0, bytes);
}

char *page_kernel_resize(const struct page_source *source, char *start,
                         size_t old_bytes, size_t new_bytes, int flags,
                         char *to)
{
	char *at =
		source->kernel->mremap(start, old_bytes, new_bytes, flags, to);

	return at == MAP_FAILED ? NULL : at;
}
