/*
 * test_page_refusals.c - the kernel says no: a source whose kernel calls refuse
 * what the test wants refused, as at max_map_count or after mlockall().
 */
#include <errno.h>
#include <string.h>

#include "allocators/common/bits.h"
#include "allocators/common/page_kernel.h"
#include "lab.h"

enum { MIB = 1 << 20 };

/* ---- a kernel that refuses ---------------------------------------------- */

/* What is refused now; and mmap of more than this. */
static bool no_munmap, no_madvise, no_mprotect, no_mmap, no_mremap;
static size_t mmap_most = SIZE_MAX;

static int deny(int error)
{
	errno = error;
	return -1;
}

static void *maybe_mmap(void *wish, size_t bytes, int protection, int flags,
                        int file, off_t offset)
{
	if (!no_mmap && bytes <= mmap_most)
		return mmap(wish, bytes, protection, flags, file, offset);
	errno = ENOMEM;
	return MAP_FAILED;
}

static int maybe_munmap(void *start, size_t bytes)
{
	return no_munmap ? deny(ENOMEM) : munmap(start, bytes);
}

static int maybe_mprotect(void *start, size_t bytes, int protection)
{
	return no_mprotect ? deny(ENOMEM) : mprotect(start, bytes, protection);
}

static int maybe_madvise(void *start, size_t bytes, int advice)
{
	return no_madvise ? deny(EINVAL) : madvise(start, bytes, advice);
}

static void *maybe_mremap(void *start, size_t old_bytes, size_t new_bytes,
                          int flags, ...)
{
	va_list rest;

	if (no_mremap) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	va_start(rest, flags);
	void *to = va_arg(rest, void *);
	va_end(rest);
	return mremap(start, old_bytes, new_bytes, flags, to);
}

static const struct page_kernel moody = {
	.mmap = maybe_mmap,
	.munmap = maybe_munmap,
	.mprotect = maybe_mprotect,
	.madvise = maybe_madvise,
	.mremap = maybe_mremap,
};

static struct page_source pages;

static int open_source(void **state)
{
	const struct page_source_options options = {.kind = PAGE_SOURCE_OS,
	                                            .kernel = &moody};

	(void)state;
	no_munmap = no_madvise = no_mprotect = no_mmap = no_mremap = false;
	mmap_most = SIZE_MAX;
	return page_source_open(&pages, &options) ? 0 : -1;
}

static int close_source(void **state)
{
	(void)state;
	page_source_close(&pages);
	return 0;
}

static bool is_zero(const char *start, size_t bytes)
{
	return start[0] == 0 && memcmp(start, start + 1, bytes - 1) == 0;
}

/* ---- madvise ------------------------------------------------------------ */

static void purged_pages_are_zero_though_locked(void **state)
{
	(void)state;
	char *start = page_source_map(&pages, MIB, PAGE_BYTES);
	memset(start, 7, MIB);
	no_madvise = true;
	page_source_purge(&pages, start, MIB);
	assert_int_equal(pages.committed_bytes, 0);
	assert_true(page_source_commit(&pages, start, MIB));
	assert_true(is_zero(start, MIB));
	page_source_unmap(&pages, start, MIB);

	start = page_source_grow(&pages, MIB);
	memset(start, 7, MIB);
	page_source_shrink(&pages, MIB);
	assert_ptr_equal(page_source_grow(&pages, MIB), start);
	assert_true(is_zero(start, MIB));
}

/* ---- munmap ------------------------------------------------------------- */

/* Whether [start, start + bytes) is what the source hands out next. */
static bool used_again(const char *start, size_t bytes)
{
	char *again = page_source_map(&pages, bytes, PAGE_BYTES);

	return again == start;
}

static void a_range_that_stays_mapped_is_used_again(void **state)
{
	(void)state;
	char *start = page_source_map(&pages, 8 * MIB, PAGE_BYTES);
	memset(start, 7, 8 * MIB);
	no_munmap = true;
	errno = 1234;
	page_source_unmap(&pages, start + MIB, MIB);
	assert_int_equal(errno, 1234);
	assert_int_equal(pages.kept_bytes, MIB);
	assert_int_equal(pages.reserved_bytes, 7 * MIB);
	assert_int_equal(pages.committed_bytes, 7 * MIB);
	no_mmap = true; /* there are too many mappings: for mmap, too */
	assert_true(used_again(start + MIB, MIB / 2));
	assert_true(is_zero(start + MIB, MIB / 2));
	assert_int_equal(start[MIB - 1], 7);
	assert_int_equal(start[2 * MIB], 7);
	assert_int_equal(pages.kept_bytes, MIB / 2);
	assert_null(page_source_map(&pages, MIB, PAGE_BYTES));
	no_munmap = no_mmap = false;
	page_source_unmap(&pages, start, 3 * MIB / 2);
	assert_int_equal(pages.kept_bytes, 0);
	page_source_unmap(&pages, start + 2 * MIB, 6 * MIB);
	assert_int_equal(pages.reserved_bytes, 0);
}

static void neighbours_are_tried_together(void **state)
{
	(void)state;
	char *start = page_source_reserve(&pages, 5 * MIB, PAGE_BYTES);
	no_munmap = true;
	page_source_release(&pages, start + MIB, MIB);
	page_source_release(&pages, start + 3 * MIB, MIB);
	assert_int_equal(pages.kept_bytes, 2 * MIB);
	assert_int_equal(pages.kept_count, 2);
	page_source_release(&pages, start + 2 * MIB, MIB);
	assert_int_equal(pages.kept_bytes, 3 * MIB);
	assert_int_equal(pages.kept_count, 1);
	no_munmap = false;
	page_source_release(&pages, start, MIB);
	assert_int_equal(pages.kept_bytes, 0);
	page_source_release(&pages, start + 4 * MIB, MIB);
	assert_int_equal(pages.reserved_bytes, 0);
}

/* More ranges than the table holds: addresses are lost, nothing else. */
static void a_full_table_is_survived(void **state)
{
	enum { RANGES = 3 * PAGE_KEPT_MAX };

	(void)state;
	char *start = page_source_map(&pages, RANGES * MIB, PAGE_BYTES);
	memset(start, 7, RANGES * (size_t)MIB);
	no_munmap = true;
	for (size_t i = 1; i < RANGES; i += 2)
		page_source_unmap(&pages, start + i * MIB, MIB);
	assert_int_equal(pages.kept_bytes, (size_t)RANGES / 2 * MIB);
	assert_int_equal(pages.kept_count, PAGE_KEPT_MAX);
	for (size_t i = 0; i < RANGES; i += 2)
		assert_int_equal(start[i * MIB], 7);
	no_munmap = false;
	for (size_t i = 0; i < RANGES; i += 2)
		page_source_unmap(&pages, start + i * MIB, MIB);
	assert_int_equal(pages.kept_count, 0);
	assert_int_equal(pages.committed_bytes, 0);
}

/* ---- mprotect, mremap and mmap ------------------------------------------ */

static void a_refused_commit_changes_nothing(void **state)
{
	(void)state;
	char *start = page_source_reserve(&pages, MIB, PAGE_BYTES);
	assert_non_null(page_source_grow(&pages, MIB));
	no_mprotect = true;
	assert_false(page_source_commit(&pages, start, MIB));
	assert_int_equal(errno, ENOMEM);
	assert_null(page_source_grow(&pages, 2 * MIB));
	assert_null(page_source_map(&pages, MIB, PAGE_BYTES));
	assert_int_equal(pages.committed_bytes, MIB);
	assert_int_equal(pages.reserved_bytes, 2 * MIB);
	no_mprotect = false;
	assert_true(page_source_commit(&pages, start, MIB));
	assert_true(is_zero(start, MIB));
	page_source_unmap(&pages, start, MIB);
}

static void a_refused_move_changes_nothing(void **state)
{
	(void)state;
	char *start = page_source_map(&pages, MIB, MIB);
	start[MIB - 1] = 7;
	no_mremap = true;
	assert_null(page_source_resize(&pages, start, MIB, 4 * MIB, MIB));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(pages.committed_bytes, MIB);
	assert_int_equal(pages.reserved_bytes, MIB);
	assert_int_equal(start[MIB - 1], 7);
	page_source_unmap(&pages, start, MIB);
}

static void the_region_grows_in_small_steps(void **state)
{
	(void)state;
	mmap_most = 2 * MIB;
	char *start = page_source_grow(&pages, PAGE_BYTES);
	assert_non_null(start);
	assert_true(pages.region_end - pages.region <= 2 * MIB);
	for (size_t i = 1; i < 64; i++) {
		assert_ptr_equal(page_source_grow(&pages, MIB),
		                 start + PAGE_BYTES + (i - 1) * MIB);
		start[i * MIB] = (char)i;
	}
	assert_null(page_source_grow(&pages, 4 * MIB));
	no_mmap = true;
	while (page_source_grow(&pages, PAGE_BYTES) != NULL)
		;
	assert_int_equal(start[63 * MIB], 63);
	page_source_shrink(&pages, 62 * MIB);
	assert_true(pages.region_end - pages.brk <= 2 * MIB);
	assert_int_equal(start[MIB], 1);
}

/* The region takes no more address space than a step beyond its end. */
static void the_region_is_no_vast_reservation(void **state)
{
	(void)state;
	assert_non_null(page_source_grow(&pages, 100 * MIB));
	assert_true(pages.region_end - pages.region < 256 * MIB);
	page_source_shrink(&pages, 99 * MIB);
	assert_true(pages.region_end - pages.region < 256 * MIB);
	char *start = pages.brk;
	assert_ptr_equal(page_source_grow(&pages, 300 * MIB), start);
	assert_true(is_zero(start, MIB));
}

/* What is left where all is not to be had. */
static void less_is_reserved_where_that_is_all(void **state)
{
	size_t bytes = 64 * MIB;

	(void)state;
	char *start = page_source_reserve_some(&pages, 0, &bytes, MIB, MIB);
	assert_non_null(start);
	assert_int_equal(bytes, 64 * MIB);
	page_source_release(&pages, start, bytes);
	mmap_most = 20 * MIB;
	start = page_source_reserve_some(&pages, PAGE_BYTES, &bytes, MIB, MIB);
	assert_non_null(start);
	assert_true(is_aligned(start, MIB));
	assert_int_equal(bytes, 8 * MIB); /* 16, and half of it left */
	assert_int_equal(pages.reserved_bytes, 8 * MIB + PAGE_BYTES);
	page_source_release(&pages, start - PAGE_BYTES, bytes + PAGE_BYTES);
	bytes = 64 * MIB;
	start = page_source_reserve_some(&pages, 0, &bytes, 12 * MIB,
	                                 PAGE_BYTES);
	assert_non_null(start);
	assert_int_equal(bytes, 16 * MIB); /* half would be too little */
	page_source_release(&pages, start, bytes);
	bytes = 64 * MIB;
	start = page_source_reserve_some(&pages, 0, &bytes, 20 * MIB,
	                                 PAGE_BYTES);
	assert_int_equal(bytes, 20 * MIB);
	page_source_release(&pages, start, bytes);
	bytes = 64 * MIB;
	assert_null(page_source_reserve_some(&pages, 0, &bytes, 21 * MIB,
	                                     PAGE_BYTES));
	assert_int_equal(pages.reserved_bytes, 0);
}

#define CASE(test)                                                             \
	cmocka_unit_test_setup_teardown(test, open_source, close_source)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(purged_pages_are_zero_though_locked),
		CASE(a_range_that_stays_mapped_is_used_again),
		CASE(neighbours_are_tried_together),
		CASE(a_full_table_is_survived),
		CASE(a_refused_commit_changes_nothing),
		CASE(a_refused_move_changes_nothing),
		CASE(the_region_grows_in_small_steps),
		CASE(the_region_is_no_vast_reservation),
		CASE(less_is_reserved_where_that_is_all),
	};
	return cmocka_run_group_tests_name("page refusals", tests, NULL, NULL);
}
