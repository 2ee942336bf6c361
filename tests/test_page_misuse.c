/*
 * test_page_misuse.c - wrong calls of a page source, diagnosed on the arena by
 * the checked build.
 */
#include "allocators/common/misuse.h"
#include "lab.h"

static struct page_source pages;
static char *mapped;

static void commit_twice(void *ctx)
{
	(void)ctx;
	page_source_commit(&pages, mapped, PAGE_BYTES);
}

static void purge_twice(void *ctx)
{
	(void)ctx;
	page_source_purge(&pages, mapped + PAGE_BYTES, PAGE_BYTES);
	page_source_purge(&pages, mapped, 2 * PAGE_BYTES);
}

static void release_committed(void *ctx)
{
	(void)ctx;
	page_source_release(&pages, mapped, 2 * PAGE_BYTES);
}

static void release_twice(void *ctx)
{
	(void)ctx;
	page_source_unmap(&pages, mapped, 2 * PAGE_BYTES);
	page_source_release(&pages, mapped, 2 * PAGE_BYTES);
}

static void commit_unreserved(void *ctx)
{
	(void)ctx;
	page_source_commit(&pages, mapped + 2 * PAGE_BYTES, PAGE_BYTES);
}

static void purge_the_region(void *ctx)
{
	(void)ctx;
	page_source_purge(&pages, PAGE_ARENA_BASE, PAGE_BYTES);
}

static void misuse_is_diagnosed(void **state)
{
	const struct page_source_options arena = {.kind = PAGE_SOURCE_ARENA};

	(void)state;
	if (!CHECKED)
		skip();
	assert_true(page_source_open(&pages, &arena));
	assert_non_null(page_source_grow(&pages, PAGE_BYTES));
	mapped = page_source_map(&pages, 2 * PAGE_BYTES, PAGE_BYTES);
	lab_expect_misuse(commit_twice, NULL, "the page is committed already");
	lab_expect_misuse(purge_twice, NULL, "the page is not committed");
	lab_expect_misuse(release_committed, NULL,
	                  "the page is committed already");
	lab_expect_misuse(release_twice, NULL, "bytes here are not reserved");
	lab_expect_misuse(commit_unreserved, NULL,
	                  "the 4096 bytes here are not reserved");
	lab_expect_misuse(purge_the_region, NULL,
	                  "the 4096 bytes here are not reserved");
	page_source_close(&pages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(misuse_is_diagnosed),
	};
	return cmocka_run_group_tests_name("page misuse", tests, NULL, NULL);
}
