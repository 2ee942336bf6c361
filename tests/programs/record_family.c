/*
 * record_family.c - each function of the malloc family once, each with a size
 * of its own, before main and in it; exits with the number of the line where
 * something was not as without a recorder.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *early;

/* Runs before main, and before the constructors of preloaded libraries may. */
__attribute__((constructor(101))) static void allocate_early(void)
{
	early = malloc(7001);
}

static void require(int claim, int line)
{
	if (!claim)
		_exit(line - 20);
}
#define REQUIRE(claim) require((claim), __LINE__)

/* The compiler knows what calloc refuses: keep sizes from it. */
static volatile size_t half = SIZE_MAX / 2 + 2;

static int is_aligned(const void *block, uintptr_t align)
{
	return block != NULL && (uintptr_t)block % align == 0;
}

static void allocate_aligned(void)
{
	void *block = NULL;

	REQUIRE(posix_memalign(&block, 64, 7003) == 0 && is_aligned(block, 64));
	free(block);
	REQUIRE(posix_memalign(&block, 3, 7003) == EINVAL);
	block = aligned_alloc(4096, 8192);
	REQUIRE(is_aligned(block, 4096));
	free(block);
	block = memalign(256, 7004);
	REQUIRE(is_aligned(block, 256));
	free(block);
	block = valloc(7005);
	REQUIRE(is_aligned(block, 4096));
	free(block);
	block = pvalloc(7006);
	REQUIRE(is_aligned(block, 4096) && malloc_usable_size(block) >= 8192);
	free(block);
	block = memalign(4 << 20, 7007); /* more than a trace can say */
	REQUIRE(is_aligned(block, 4 << 20));
	free(block);
}

/* A failed reallocarray leaves the block alone; gcc would not believe it. */
__attribute__((noinline)) static int is_refused(void *block, size_t count,
                                                size_t size)
{
	errno = 0;
	return reallocarray(block, count, size) == NULL && errno == ENOMEM;
}

static void resize(void)
{
	char *block = realloc(NULL, 7010);

	REQUIRE(block != NULL);
	memset(block, 'x', 7010);
	block = reallocarray(block, 7011, 3);
	REQUIRE(block != NULL && block[7009] == 'x');
	REQUIRE(is_refused(block, half, 2));
	REQUIRE(is_refused(block, PTRDIFF_MAX, 1));
	block = realloc(block, 7012);
	REQUIRE(block != NULL && block[7009] == 'x');
	REQUIRE(realloc(block, 0) == NULL);
}

int main(void)
{
	REQUIRE(early != NULL);
	free(early);
	char *zeros = calloc(7, 1003);
	REQUIRE(zeros != NULL && zeros[0] == 0 && zeros[7020] == 0);
	errno = 77;
	free(zeros);
	free(NULL);
	REQUIRE(errno == 77);
	errno = 0;
	REQUIRE(calloc(half, 2) == NULL && errno == ENOMEM);
	errno = 0;
	REQUIRE(malloc(half) == NULL && errno == ENOMEM);
	void *empty = malloc(0);
	REQUIRE(empty != NULL);
	free(empty);
	allocate_aligned();
	resize();
	return 0;
}
