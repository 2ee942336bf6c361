/*
 * test_page_source.c - pages, their states and their exact counts, on both kinds
 * of source.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocators/common/bits.h"
#include "lab.h"

enum { MIB = 1 << 20 };

/* What the tests of one kind share: cmocka's initial state. */
static enum page_source_kind os = PAGE_SOURCE_OS, arena = PAGE_SOURCE_ARENA;

static struct page_source pages;

static void open_with(struct page_source_options options)
{
	page_source_close(&pages); /* in case a failed test left it open */
	assert_true(page_source_open(&pages, &options));
}

static void open_kind(void **state)
{
	enum page_source_kind *kind = *state;

	open_with((struct page_source_options){.kind = *kind});
}

static void require_bytes(size_t reserved, size_t committed, size_t peak)
{
	assert_int_equal(pages.reserved_bytes, reserved);
	assert_int_equal(pages.committed_bytes, committed);
	assert_int_equal(pages.peak_committed_bytes, peak);
}

static bool is_zero(const char *start, size_t bytes)
{
	return start[0] == 0 && memcmp(start, start + 1, bytes - 1) == 0;
}

/* ---- on both kinds ------------------------------------------------------ */

static void pages_pass_through_their_states(void **state)
{
	open_kind(state);
	char *start = page_source_reserve(&pages, 8 * PAGE_BYTES, PAGE_BYTES);
	assert_non_null(start);
	require_bytes(8 * PAGE_BYTES, 0, 0);
	assert_true(
		page_source_commit(&pages, start + PAGE_BYTES, 3 * PAGE_BYTES));
	require_bytes(8 * PAGE_BYTES, 3 * PAGE_BYTES, 3 * PAGE_BYTES);
	assert_true(is_zero(start + PAGE_BYTES, 3 * PAGE_BYTES));
	memset(start + PAGE_BYTES, 1, 3 * PAGE_BYTES);
	page_source_purge(&pages, start + 2 * PAGE_BYTES, PAGE_BYTES);
	require_bytes(8 * PAGE_BYTES, 2 * PAGE_BYTES, 3 * PAGE_BYTES);
	assert_int_equal(start[2 * PAGE_BYTES - 1], 1);
	assert_int_equal(start[3 * PAGE_BYTES], 1);
	assert_true(
		page_source_commit(&pages, start + 2 * PAGE_BYTES, PAGE_BYTES));
	assert_true(is_zero(start + 2 * PAGE_BYTES, PAGE_BYTES));
	page_source_purge(&pages, start + PAGE_BYTES, 3 * PAGE_BYTES);
	page_source_release(&pages, start, 2 * PAGE_BYTES);
	require_bytes(6 * PAGE_BYTES, 0, 3 * PAGE_BYTES);
	page_source_release(&pages, start + 2 * PAGE_BYTES, 6 * PAGE_BYTES);
	require_bytes(0, 0, 3 * PAGE_BYTES);
	page_source_close(&pages);
}

static void calls_are_counted(void **state)
{
	static const uint64_t expected[PAGE_CALLS] = {
		[PAGE_GROW] = 2,   [PAGE_SHRINK] = 1, [PAGE_RESERVE] = 2,
		[PAGE_COMMIT] = 3, [PAGE_PURGE] = 2,  [PAGE_RELEASE] = 2,
	};

	open_kind(state);
	assert_non_null(page_source_grow(&pages, PAGE_BYTES));
	assert_non_null(page_source_grow(&pages, PAGE_BYTES));
	page_source_shrink(&pages, 2 * PAGE_BYTES);
	char *start = page_source_map(&pages, PAGE_BYTES, PAGE_BYTES);
	page_source_unmap(&pages, start, PAGE_BYTES);
	start = page_source_reserve(&pages, 2 * PAGE_BYTES, PAGE_BYTES);
	assert_true(page_source_commit(&pages, start, PAGE_BYTES));
	assert_true(page_source_commit(&pages, start + PAGE_BYTES, PAGE_BYTES));
	page_source_purge(&pages, start, 2 * PAGE_BYTES);
	page_source_release(&pages, start, 2 * PAGE_BYTES);
	assert_memory_equal(pages.calls, expected, sizeof expected);
	assert_int_equal(pages.refused, 0);
	require_bytes(0, 0, 2 * PAGE_BYTES);
	page_source_close(&pages);
}

static void growth_is_adjacent(void **state)
{
	char *end = NULL;
	size_t total = 0;

	open_kind(state);
	for (size_t n = 1; n <= 64; n *= 2) {
		char *start = page_source_grow(&pages, n * PAGE_BYTES);
		assert_non_null(start);
		assert_true(end == NULL || start == end);
		assert_true(is_zero(start, n * PAGE_BYTES));
		memset(start, 7, n * PAGE_BYTES);
		end = start + n * PAGE_BYTES;
		total += n * PAGE_BYTES;
		require_bytes(total, total, total);
	}
	page_source_shrink(&pages, 100 * PAGE_BYTES);
	require_bytes(27 * PAGE_BYTES, 27 * PAGE_BYTES, total);
	char *again = page_source_grow(&pages, PAGE_BYTES);
	assert_ptr_equal(again, end - 100 * PAGE_BYTES);
	assert_true(is_zero(again, PAGE_BYTES));
	assert_int_equal(again[-1], 7);
	page_source_shrink(&pages, 28 * PAGE_BYTES);
	require_bytes(0, 0, total);
	page_source_close(&pages);
}

static void reservations_are_aligned_and_apart(void **state)
{
	enum { COUNT = 15 };
	char *starts[COUNT];
	size_t align = PAGE_BYTES, total = 0;

	open_kind(state);
	for (int i = 0; i < COUNT; i++, align *= 2) {
		size_t bytes = (size_t)(i % 3 + 1) * PAGE_BYTES;
		starts[i] = page_source_map(&pages, bytes, align);
		assert_non_null(starts[i]);
		assert_true(is_aligned(starts[i], align));
		memset(starts[i], i, bytes);
		total += bytes;
		require_bytes(total, total, total);
	}
	for (int i = 0; i < COUNT; i++) {
		size_t bytes = (size_t)(i % 3 + 1) * PAGE_BYTES;
		for (size_t j = 0; j < bytes; j++)
			assert_int_equal(starts[i][j], i);
		page_source_unmap(&pages, starts[i], bytes);
	}
	require_bytes(0, 0, total);
	page_source_close(&pages);
}

/* The n-th call that may be refused is; with fail_on the later ones, too. */
static void the_nth_request_is_refused(void **state)
{
	enum page_source_kind *kind = *state;

	for (int fail_on = 0; fail_on < 2; fail_on++) {
		open_with((struct page_source_options){
			.kind = *kind, .fail_at = 3, .fail_on = fail_on});
		char *start = page_source_map(&pages, PAGE_BYTES, PAGE_BYTES);
		assert_non_null(start);
		page_source_purge(&pages, start, PAGE_BYTES); /* not counted */
		errno = 0;
		assert_false(page_source_commit(&pages, start, PAGE_BYTES));
		assert_int_equal(errno, ENOMEM);
		assert_int_equal(page_source_commit(&pages, start, PAGE_BYTES),
		                 !fail_on);
		assert_int_equal(page_source_grow(&pages, PAGE_BYTES) != NULL,
		                 !fail_on);
		assert_int_equal(pages.refused, fail_on ? 3 : 1);
		assert_int_equal(pages.calls[PAGE_COMMIT], 3);
		assert_int_equal(pages.committed_bytes,
		                 fail_on ? 0 : 2 * PAGE_BYTES);
		page_source_close(&pages);
	}
}

static void a_map_that_fails_half_way_holds_nothing(void **state)
{
	enum page_source_kind *kind = *state;

	open_with((struct page_source_options){.kind = *kind, .fail_at = 2});
	errno = 0;
	assert_null(page_source_map(&pages, PAGE_BYTES, PAGE_BYTES));
	assert_int_equal(errno, ENOMEM);
	require_bytes(0, 0, 0);
	assert_int_equal(pages.calls[PAGE_RELEASE], 1);
	page_source_close(&pages);
}

static void the_limit_is_exact(void **state)
{
	enum page_source_kind *kind = *state;

	open_with((struct page_source_options){.kind = *kind,
	                                       .limit_bytes = 4 * PAGE_BYTES});
	char *start = page_source_reserve(&pages, MIB, PAGE_BYTES);
	assert_non_null(start); /* address space is not limited */
	assert_false(page_source_commit(&pages, start, 5 * PAGE_BYTES));
	assert_true(page_source_commit(&pages, start, 3 * PAGE_BYTES));
	assert_null(page_source_grow(&pages, 2 * PAGE_BYTES));
	assert_non_null(page_source_grow(&pages, PAGE_BYTES));
	errno = 0;
	assert_null(page_source_map(&pages, PAGE_BYTES, PAGE_BYTES));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(pages.refused, 3);
	page_source_purge(&pages, start, PAGE_BYTES);
	assert_non_null(page_source_grow(&pages, PAGE_BYTES));
	require_bytes(MIB + 2 * PAGE_BYTES, 4 * PAGE_BYTES, 4 * PAGE_BYTES);
	page_source_close(&pages);
}

static void what_cannot_be_had_is_refused(void **state)
{
	size_t vast = (size_t)1 << 62;

	open_kind(state);
	errno = 0;
	assert_null(page_source_grow(&pages, vast));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(page_source_reserve(&pages, vast, PAGE_BYTES));
	assert_int_equal(errno, ENOMEM);
	assert_null(page_source_reserve(&pages, PAGE_BYTES, vast * 2));
	assert_null(page_source_map(&pages, vast, MIB));
	assert_null(page_source_reserve(&pages, -(size_t)PAGE_BYTES, MIB));
	assert_int_equal(pages.refused, 5);
	require_bytes(0, 0, 0);
	assert_non_null(page_source_grow(&pages, PAGE_BYTES));
	page_source_close(&pages);
}

static void giving_back_keeps_errno(void **state)
{
	open_kind(state);
	char *start = page_source_map(&pages, PAGE_BYTES, PAGE_BYTES);
	assert_non_null(page_source_grow(&pages, PAGE_BYTES));
	errno = 1234;
	page_source_shrink(&pages, PAGE_BYTES);
	page_source_unmap(&pages, start, PAGE_BYTES);
	assert_int_equal(errno, 1234);
	page_source_close(&pages);
}

/* ---- touching what is not committed ------------------------------------- */

/* How a child ends that reads one byte: 0, or the signal that stopped it. */
static int signal_of_reading(const char *address)
{
	int status;

	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL); /* neither cmocka's nor ASan's */
		signal(SIGBUS, SIG_DFL);
		(void)*(const volatile char *)address;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

/* Purged pages of an OS source read as zero: it keeps their mapping. */
static void only_committed_pages_can_be_touched(void **state)
{
	int purged = *(enum page_source_kind *)*state == PAGE_SOURCE_OS
	                     ? 0
	                     : SIGSEGV;

	open_kind(state);
	char *start = page_source_reserve(&pages, 3 * PAGE_BYTES, PAGE_BYTES);
	assert_int_equal(signal_of_reading(start), SIGSEGV);
	assert_true(page_source_commit(&pages, start, 2 * PAGE_BYTES));
	assert_int_equal(signal_of_reading(start + PAGE_BYTES), 0);
	assert_int_equal(signal_of_reading(start + 2 * PAGE_BYTES), SIGSEGV);
	page_source_purge(&pages, start, PAGE_BYTES);
	assert_int_equal(signal_of_reading(start), purged);
	assert_int_equal(signal_of_reading(start + PAGE_BYTES), 0);
	char *region = page_source_grow(&pages, 2 * PAGE_BYTES);
	assert_int_equal(signal_of_reading(region + PAGE_BYTES), 0);
	assert_int_equal(signal_of_reading(region + 2 * PAGE_BYTES), purged);
	page_source_shrink(&pages, PAGE_BYTES);
	assert_int_equal(signal_of_reading(region + PAGE_BYTES), purged);
	page_source_purge(&pages, start + PAGE_BYTES, PAGE_BYTES);
	page_source_release(&pages, start, 3 * PAGE_BYTES);
	page_source_close(&pages);
}

/* ---- resize ------------------------------------------------------------- */

static void a_range_grows_in_place(void **state)
{
	open_kind(state);
	char *start = page_source_map(&pages, 8 * PAGE_BYTES, PAGE_BYTES);
	assert_non_null(start);
	memset(start, 7, PAGE_BYTES);
	assert_ptr_equal(page_source_resize(&pages, start, 8 * PAGE_BYTES,
	                                    PAGE_BYTES, 0),
	                 start);
	require_bytes(PAGE_BYTES, PAGE_BYTES, 8 * PAGE_BYTES);
	assert_ptr_equal(page_source_resize(&pages, start, PAGE_BYTES,
	                                    6 * PAGE_BYTES, 0),
	                 start);
	require_bytes(6 * PAGE_BYTES, 6 * PAGE_BYTES, 8 * PAGE_BYTES);
	assert_int_equal(start[PAGE_BYTES - 1], 7);
	assert_true(is_zero(start + PAGE_BYTES, 5 * PAGE_BYTES));
	assert_int_equal(pages.calls[PAGE_RESIZE], 1);
	page_source_unmap(&pages, start, 6 * PAGE_BYTES);
	require_bytes(0, 0, 8 * PAGE_BYTES);
	page_source_close(&pages);
}

static void a_range_moves_with_its_pages(void **state)
{
	enum { ALIGN = 16 * PAGE_BYTES };

	open_kind(state);
	/* The same pages: shrinking one leaves room, filled by the other. */
	char *start = page_source_map(&pages, 4 * PAGE_BYTES, ALIGN);
	char *wall = NULL;
	memset(start, 7, 4 * PAGE_BYTES);
	while (wall != start + 4 * PAGE_BYTES && pages.calls[PAGE_COMMIT] < 99)
		wall = page_source_map(&pages, PAGE_BYTES, PAGE_BYTES);
	size_t before = pages.committed_bytes;
	char *moved = page_source_resize(&pages, start, 4 * PAGE_BYTES,
	                                 40 * PAGE_BYTES, ALIGN);
	assert_non_null(moved);
	assert_true(is_aligned(moved, ALIGN));
	for (int i = 0; i < 4 * PAGE_BYTES; i++)
		assert_int_equal(moved[i], 7);
	assert_true(is_zero(moved + 4 * PAGE_BYTES, 36 * PAGE_BYTES));
	before += 36 * PAGE_BYTES;
	require_bytes(before, before, before);
	if (moved != start)
		assert_int_equal(signal_of_reading(start), SIGSEGV);
	page_source_unmap(&pages, moved, 40 * PAGE_BYTES);
	page_source_close(&pages);
}

static void a_refused_resize_changes_nothing(void **state)
{
	enum page_source_kind *kind = *state;

	open_with((struct page_source_options){.kind = *kind,
	                                       .limit_bytes = 8 * PAGE_BYTES});
	char *start = page_source_map(&pages, 4 * PAGE_BYTES, PAGE_BYTES);
	memset(start, 7, 4 * PAGE_BYTES);
	errno = 0;
	assert_null(page_source_resize(&pages, start, 4 * PAGE_BYTES,
	                               9 * PAGE_BYTES, PAGE_BYTES));
	assert_int_equal(errno, ENOMEM);
	require_bytes(4 * PAGE_BYTES, 4 * PAGE_BYTES, 4 * PAGE_BYTES);
	assert_int_equal(pages.refused, 1);
	assert_int_equal(start[4 * PAGE_BYTES - 1], 7);
	page_source_unmap(&pages, start, 4 * PAGE_BYTES);
	page_source_close(&pages);
}

static void the_clock_is_the_harness_s(void **state)
{
	open_kind(state);
	assert_int_equal(page_source_now(&pages), 0);
	page_source_set_now(&pages, 12345);
	assert_int_equal(page_source_now(&pages), 12345);
	open_with((struct page_source_options){.has_real_clock = true});
	uint64_t now = page_source_now(&pages);
	assert_true(now > 0);
	page_source_set_now(&pages, 1);
	assert_true(page_source_now(&pages) >= now);
	page_source_close(&pages);
}

/* ---- the arena ---------------------------------------------------------- */

static void the_arena_gives_the_same_addresses(void **state)
{
	char *first[4], *second[4], **starts = first;

	for (int round = 0; round < 2; round++, starts = second) {
		open_kind(state);
		starts[0] = page_source_grow(&pages, PAGE_BYTES);
		starts[1] = page_source_map(&pages, 3 * PAGE_BYTES, PAGE_BYTES);
		starts[2] = page_source_map(&pages, PAGE_BYTES, MIB);
		starts[3] = page_source_map(&pages, PAGE_BYTES, PAGE_BYTES);
		page_source_close(&pages);
	}
	assert_ptr_equal(first[0], PAGE_ARENA_BASE);
	assert_memory_equal(first, second, sizeof first);
	/* First fit: the last one lies in the hole before the aligned one. */
	assert_ptr_equal(first[3], first[1] + 3 * PAGE_BYTES);
}

static void a_second_arena_is_refused(void **state)
{
	const struct page_source_options options = {.kind = PAGE_SOURCE_ARENA};
	struct page_source second;

	open_kind(state);
	errno = 0;
	assert_false(page_source_open(&second, &options));
	assert_int_equal(errno, EEXIST);
	page_source_close(&pages);
	assert_true(page_source_open(&second, &options));
	page_source_close(&second);
}

/* Releases in every order of four neighbours: one hole must come back. */
static void released_address_space_is_merged(void **state)
{
	open_kind(state);
	char *whole = page_source_reserve(&pages, 4 * MIB, PAGE_BYTES);
	char *fence = page_source_reserve(&pages, PAGE_BYTES, PAGE_BYTES);
	page_source_release(&pages, whole, 4 * MIB);
	for (unsigned order = 0; order < 256; order++) {
		unsigned released = 0;
		assert_ptr_equal(
			page_source_reserve(&pages, 4 * MIB, PAGE_BYTES),
			whole);
		for (int i = 0; i < 8; i += 2) {
			unsigned part = order >> i & 3;
			if (released & 1u << part)
				continue;
			released |= 1u << part;
			page_source_release(&pages, whole + part * MIB, MIB);
		}
		for (unsigned part = 0; part < 4; part++)
			if (!(released & 1u << part))
				page_source_release(&pages, whole + part * MIB,
				                    MIB);
	}
	page_source_release(&pages, fence, PAGE_BYTES);
	require_bytes(0, 0, 0);
	size_t upper_part = (size_t)192 << 30; /* all that is not the region */
	assert_ptr_equal(page_source_reserve(&pages, upper_part, PAGE_BYTES),
	                 whole);
	assert_null(page_source_reserve(&pages, PAGE_BYTES, PAGE_BYTES));
	page_source_close(&pages);
}

#define ON(kind, test)                                                         \
	{                                                                      \
#kind ": " #test, test, NULL, NULL, &kind                      \
	}
#define ON_BOTH(test) ON(os, test), ON(arena, test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(pages_pass_through_their_states),
		ON_BOTH(calls_are_counted),
		ON_BOTH(growth_is_adjacent),
		ON_BOTH(reservations_are_aligned_and_apart),
		ON_BOTH(the_nth_request_is_refused),
		ON_BOTH(a_map_that_fails_half_way_holds_nothing),
		ON_BOTH(the_limit_is_exact),
		ON_BOTH(what_cannot_be_had_is_refused),
		ON_BOTH(giving_back_keeps_errno),
		ON_BOTH(only_committed_pages_can_be_touched),
		ON_BOTH(a_range_grows_in_place),
		ON_BOTH(a_range_moves_with_its_pages),
		ON_BOTH(a_refused_resize_changes_nothing),
		ON_BOTH(the_clock_is_the_harness_s),
		ON(arena, the_arena_gives_the_same_addresses),
		ON(arena, a_second_arena_is_refused),
		ON(arena, released_address_space_is_merged),
	};
	return cmocka_run_group_tests_name("page source", tests, NULL, NULL);
}
