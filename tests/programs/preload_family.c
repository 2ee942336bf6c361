/*
 * preload_family.c - malloc and all its kin as glibc documents them, asked of
 * whatever is preloaded.  Prints each claim that does not hold; exit status 1
 * if there is one.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failed;
static volatile size_t opaque; /* the compiler must not know sizes */

#define CLAIM(claim) check(claim, #claim, __LINE__)

static void check(int holds, const char *claim, int line)
{
	if (holds)
		return;
	printf("preload_family.c:%d: %s\n", line, claim);
	failed = 1;
}

static int is_aligned(const void *block, size_t align)
{
	return block != NULL && (uintptr_t)block % align == 0;
}

/* Writes all that may be written, and frees. */
static void use(void *block)
{
	memset(block, 0xa5, malloc_usable_size(block));
	free(block);
}

static size_t huge(void)
{
	return (size_t)PTRDIFF_MAX + 1 + opaque;
}

static int is_zero(const char *block, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (block[i] != 0)
			return 0;
	return 1;
}

static void try_sizes(void)
{
	for (size_t size = 0; size < 300000; size += 1 + size / 3) {
		char *block = malloc(size);
		CLAIM(is_aligned(block, size <= 8 ? 8 : 16));
		CLAIM(malloc_usable_size(block) >= size);
		use(block);
		block = calloc(1, size);
		CLAIM(block != NULL && is_zero(block, size));
		use(block);
	}
	void *one = malloc(opaque), *two = malloc(opaque);
	CLAIM(one != NULL && two != NULL && one != two);
	free(one);
	free(two);
	CLAIM(malloc_usable_size(NULL) == 0);
}

static void try_limits(void)
{
	void *block = NULL;

	errno = 0;
	CLAIM(malloc(huge()) == NULL && errno == ENOMEM);
	errno = 0;
	CLAIM(malloc(SIZE_MAX - opaque) == NULL && errno == ENOMEM);
	errno = 0;
	CLAIM(calloc(huge(), 2) == NULL && errno == ENOMEM);
	errno = 0;
	CLAIM(calloc(1, huge()) == NULL && errno == ENOMEM);
	errno = 0;
	CLAIM(realloc(NULL, huge()) == NULL && errno == ENOMEM);
	errno = 0;
	CLAIM(reallocarray(NULL, huge(), 4) == NULL && errno == ENOMEM);
	errno = 0;
	CLAIM(memalign(64, huge()) == NULL && errno == ENOMEM);
	errno = 0;
	CLAIM(aligned_alloc(4096, SIZE_MAX - opaque) == NULL &&
	      errno == ENOMEM);
	errno = 0;
	CLAIM(valloc(huge()) == NULL && errno == ENOMEM);
	errno = 0;
	CLAIM(pvalloc(SIZE_MAX - opaque) == NULL && errno == ENOMEM);
	CLAIM(posix_memalign(&block, 64, huge()) == ENOMEM && block == NULL);
}

static void try_realloc(void)
{
	char *block = realloc(NULL, 10 + opaque);

	memcpy(block, "nine char", 10);
	for (size_t size = 10; size < 500000; size += size / 2) {
		block = realloc(block, size);
		CLAIM(memcmp(block, "nine char", 10) == 0);
		memset(block + 10, 1, size - 10);
	}
	errno = 0;
	CLAIM(realloc(block, huge()) == NULL && errno == ENOMEM);
	CLAIM(memcmp(block, "nine char", 10) == 0);
	block = reallocarray(block, 5, 2 + opaque);
	CLAIM(memcmp(block, "nine char", 10) == 0);
	CLAIM(realloc(block, opaque) == NULL);
	block = realloc(NULL, opaque);
	CLAIM(block != NULL);
	free(block);
}

static void try_alignments(void)
{
	void *block;

	for (size_t align = 8; align <= (size_t)1 << 21; align *= 2) {
		for (size_t size = 0; size < 200000; size += 1 + 9 * size) {
			CLAIM(posix_memalign(&block, align, size) == 0);
			CLAIM(is_aligned(block, align));
			use(block);
			block = aligned_alloc(align, size);
			CLAIM(is_aligned(block, align));
			use(block);
			block = memalign(align - 1, size);
			CLAIM(is_aligned(block, align));
			use(block);
		}
	}
	/* Beyond what is promised: kept, or refused. */
	for (size_t align = (size_t)1 << 22; align != 0; align *= 2) {
		errno = 0;
		block = memalign(align, 100);
		CLAIM(block == NULL ? errno == ENOMEM || errno == EINVAL
		                    : is_aligned(block, align));
		free(block);
	}
	CLAIM(posix_memalign(&block, 24, 100) == EINVAL);
	CLAIM(posix_memalign(&block, 4, 100) == EINVAL);
	CLAIM(posix_memalign(&block, opaque, 100) == EINVAL);
	errno = 0;
	CLAIM(memalign(SIZE_MAX - opaque, 1) == NULL && errno == EINVAL);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	block = valloc(1);
	CLAIM(is_aligned(block, page));
	use(block);
	block = pvalloc(page + 1);
	CLAIM(is_aligned(block, page));
	CLAIM(malloc_usable_size(block) >= 2 * page);
	use(block);
}

static void try_errno(void)
{
	void *blocks[2] = {malloc(100 + opaque), malloc(5000000 + opaque)};

	for (int i = 0; i < 2; i++) {
		errno = 4242;
		free(blocks[i]);
		CLAIM(errno == 4242);
	}
	free(NULL);
	CLAIM(errno == 4242);
}

static void try_looking(void)
{
	char *block = malloc(3000000 + opaque);
	struct mallinfo2 info = mallinfo2();
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	memset(block, 1, 3000000);
	CLAIM(info.uordblks >= 3000000);
	CLAIM(info.arena + info.hblkhd >= info.uordblks);
	CLAIM(malloc_info(1, out) == EINVAL);
	CLAIM(malloc_info(0, out) == 0);
	fclose(out);
	CLAIM(strncmp(text, "<malloc version", 15) == 0);
	CLAIM(strstr(text, "</malloc>") != NULL);
	free(text);
	free(block);
	CLAIM(malloc_trim(0) >= 0);
	CLAIM(mallinfo2().uordblks + 3000000 <= info.uordblks + 100000);
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

int main(void)
{
	try_sizes();
	try_limits();
	try_realloc();
	try_alignments();
	try_errno();
	try_looking();
	return failed;
}
