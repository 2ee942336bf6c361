/*
 * test_page_space.c - an OS source in a process that may have little address
 * space (RLIMIT_AS), as batch systems and course servers set it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocators/common/bits.h"
#include "lab.h"

enum { MIB = 1 << 20 };

static bool is_zero(const char *start, size_t bytes)
{
	return start[0] == 0 && memcmp(start, start + 1, bytes - 1) == 0;
}

/* Leaves this process `bytes` of address space more than it has now. */
static bool limit_address_space(size_t bytes)
{
	unsigned long used_pages;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file == NULL || fscanf(file, "%lu", &used_pages) != 1)
		return false;
	fclose(file);
	const struct rlimit limit = {
		.rlim_cur = used_pages * PAGE_BYTES + bytes,
		.rlim_max = RLIM_INFINITY,
	};
	return setrlimit(RLIMIT_AS, &limit) == 0;
}

/* In a child without cmocka: the number of the first claim that is false. */
static int live_in_little_space(void)
{
	const struct page_source_options options = {.kind = PAGE_SOURCE_OS};
	struct page_source source;

	if (!limit_address_space(64 * MIB))
		return 1;
	if (!page_source_open(&source, &options))
		return 2;
	char *start = page_source_grow(&source, MIB);
	if (start == NULL || !is_zero(start, MIB))
		return 3;
	if (page_source_grow(&source, MIB) != start + MIB)
		return 4;
	char *chunk = page_source_map(&source, MIB, MIB);
	if (chunk == NULL || !is_aligned(chunk, MIB))
		return 5;
	errno = 0;
	if (page_source_grow(&source, 512 * MIB) != NULL || errno != ENOMEM)
		return 6;
	errno = 0;
	if (page_source_reserve(&source, 512 * MIB, PAGE_BYTES) != NULL ||
	    errno != ENOMEM)
		return 7;
	if (source.committed_bytes != 3 * MIB)
		return 8;
	const struct page_source_options arena_options = {
		.kind = PAGE_SOURCE_ARENA};
	struct page_source second;
	errno = 0;
	if (page_source_open(&second, &arena_options) || errno != ENOMEM)
		return 9;
	page_source_unmap(&source, chunk, MIB);
	page_source_close(&source);
	return 0;
}

static void little_address_space_is_enough(void **state)
{
	int status;

	(void)state;
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(live_in_little_space());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(little_address_space_is_enough),
	};
	return cmocka_run_group_tests_name("page space", tests, NULL, NULL);
}
