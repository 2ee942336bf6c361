/*
 * moody_kernel.c - kernel calls that are refused when a test wants it.
 */
#include "moody_kernel.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>

struct moods moody;

static struct {
	unsigned mmap, munmap, mprotect, madvise, mremap;
} calls;

void moody_calm(void)
{
	moody = (struct moods){.mmap_most = SIZE_MAX};
}

/* Whether this call, of a kind that was made `*count` times, is refused. */
static bool refuses(unsigned every, unsigned *count, int error)
{
	if (every == 0 || ++*count % every != 0)
		return false;
	moody.refused++;
	errno = error;
	return true;
}

static void *moody_mmap(void *wish, size_t bytes, int protection, int flags,
                        int file, off_t offset)
{
	if (refuses(bytes > moody.mmap_most ? 1 : moody.mmap, &calls.mmap,
	            ENOMEM))
		return MAP_FAILED;
	return mmap(wish, bytes, protection, flags, file, offset);
}

static int moody_munmap(void *start, size_t bytes)
{
	return refuses(moody.munmap, &calls.munmap, ENOMEM)
	               ? -1
	               : munmap(start, bytes);
}

static int moody_mprotect(void *start, size_t bytes, int protection)
{
	return refuses(moody.mprotect, &calls.mprotect, ENOMEM)
	               ? -1
	               : mprotect(start, bytes, protection);
}

static int moody_madvise(void *start, size_t bytes, int advice)
{
	return refuses(moody.madvise, &calls.madvise, EINVAL)
	               ? -1
	               : madvise(start, bytes, advice);
}

static void *moody_mremap(void *start, size_t old_bytes, size_t new_bytes,
                          int flags, ...)
{
	va_list rest;

	if (refuses(moody.mremap, &calls.mremap, ENOMEM))
		return MAP_FAILED;
	va_start(rest, flags);
	void *to = va_arg(rest, void *);
	va_end(rest);
	return mremap(start, old_bytes, new_bytes, flags, to);
}

const struct page_kernel MOODY_KERNEL = {
	.mmap = moody_mmap,
	.munmap = moody_munmap,
	.mprotect = moody_mprotect,
	.madvise = moody_madvise,
	.mremap = moody_mremap,
};
