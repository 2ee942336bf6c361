/*
 * test_page_refusals.c - the kernel says no: a source whose kernel calls refuse
 * what the test wants refused, as at max_map_count or after mlockall().
 */
#include <errno.h>
#include <string.h>

#include "allocators/common/bits.h"
#include "lab.h"
#include "moody_kernel.h"

enum { MIB = 1 << 20 };

static struct page_source pages;

static int open_source(void **state)
{
	const struct page_source_options options = {.kind = PAGE_SOURCE_OS,
	                                            .kernel = &MOODY_KERNEL};

	(void)state;
	moody_calm();
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
	moody.madvise = 1;
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
	moody.munmap = 1;
	errno = 1234;
	page_source_unmap(&pages, start + MIB, MIB);
	assert_int_equal(errno, 1234);
	assert_int_equal(pages.kept_bytes, MIB);
	assert_int_equal(pages.reserved_bytes, 7 * MIB);
	assert_int_equal(pages.committed_bytes, 7 * MIB);
	moody.mmap = 1; /* there are too many mappings: for mmap, too */
	assert_true(used_again(start + MIB, MIB / 2));
	assert_true(is_zero(start + MIB, MIB / 2));
	assert_int_equal(start[MIB - 1], 7);
	assert_int_equal(start[2 * MIB], 7);
	assert_int_equal(pages.kept_bytes, MIB / 2);
	assert_null(page_source_map(&pages, MIB, PAGE_BYTES));
	moody_calm();
	page_source_unmap(&pages, start, 3 * MIB / 2);
	assert_int_equal(pages.kept_bytes, 0);
	page_source_unmap(&pages, start + 2 * MIB, 6 * MIB);
	assert_int_equal(pages.reserved_bytes, 0);
}

static void neighbours_are_tried_together(void **state)
{
	(void)state;
	char *start = page_source_reserve(&pages, 5 * MIB, PAGE_BYTES);
	moody.munmap = 1;
	page_source_release(&pages, start + MIB, MIB);
	page_source_release(&pages, start + 3 * MIB, MIB);
	assert_int_equal(pages.kept_bytes, 2 * MIB);
	assert_int_equal(pages.kept_count, 2);
	page_source_release(&pages, start + 2 * MIB, MIB);
	assert_int_equal(pages.kept_bytes, 3 * MIB);
	assert_int_equal(pages.kept_count, 1);
	moody.munmap = 0;
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
	moody.munmap = 1;
	for (size_t i = 1; i < RANGES; i += 2)
		page_source_unmap(&pages, start + i * MIB, MIB);
	assert_int_equal(pages.kept_bytes, (size_t)RANGES / 2 * MIB);
	assert_int_equal(pages.kept_count, PAGE_KEPT_MAX);
	for (size_t i = 0; i < RANGES; i += 2)
		assert_int_equal(start[i * MIB], 7);
	moody.munmap = 0;
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
	moody.mprotect = 1;
	assert_false(page_source_commit(&pages, start, MIB));
	assert_int_equal(errno, ENOMEM);
	assert_null(page_source_grow(&pages, 2 * MIB));
	assert_null(page_source_map(&pages, MIB, PAGE_BYTES));
	assert_int_equal(pages.committed_bytes, MIB);
	assert_int_equal(pages.reserved_bytes, 2 * MIB);
	moody.mprotect = 0;
	assert_true(page_source_commit(&pages, start, MIB));
	assert_true(is_zero(start, MIB));
	page_source_unmap(&pages, start, MIB);
}

static void a_refused_move_changes_nothing(void **state)
{
	(void)state;
	char *start = page_source_map(&pages, MIB, MIB);
	start[MIB - 1] = 7;
	moody.mremap = 1;
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
	moody.mmap_most = 2 * MIB;
	char *start = page_source_grow(&pages, PAGE_BYTES);
	assert_non_null(start);
	assert_true(pages.region_end - pages.region <= 2 * MIB);
	for (size_t i = 1; i < 64; i++) {
		assert_ptr_equal(page_source_grow(&pages, MIB),
		                 start + PAGE_BYTES + (i - 1) * MIB);
		start[i * MIB] = (char)i;
	}
	assert_null(page_source_grow(&pages, 4 * MIB));
	moody.mmap = 1;
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
	moody.mmap_most = 20 * MIB;
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
