/*
 * test_ptmalloc_threads.c - eight real threads on ptmalloc: arenas of their own,
 * one for all, and the older rule of moving on.
 *
 * The battery has the general properties; here are those that only this design
 * has: how many arenas there are, and whose locks are taken.
 */

#include "account.h"
#include "allocators/ptmalloc/ptmalloc.h"
#include "crew.h"

static struct lab *work(const char *setting, unsigned gifts_percent)
{
	const struct crew_plan plan = {.threads = CREW_MAX,
	                               .calls = 4000,
	                               .live = 80,
	                               .size_max = 3000,
	                               .gifts_percent = gifts_percent,
	                               .attach_every = 500};
	struct lab *lab = lab_open(setting);
	struct crew *crew = crew_start(lab, &plan);

	crew_work(crew);
	crew_verify(crew);
	crew_work(crew);
	crew_verify(crew);
	crew_end(crew);
	return lab;
}

/* The crew's eight and the lab's own; threads that come again make no more. */
static void arenas_are_as_many_as_threads(void **state)
{
	struct lab *lab = work("ptmalloc", 50);

	(void)state;
	assert_in_range(pt_of(lab->heap)->list.arenas, 2, CREW_MAX + 1);
	lab_close(lab);
}

static void one_arena_serves_all(void **state)
{
	struct lab *lab = work("ptmalloc:arenas=1", 50);

	(void)state;
	assert_int_equal(pt_of(lab->heap)->list.arenas, 1);
	assert_int_equal(lab->pages.calls[PAGE_COMMIT],
	                 lab->pages.calls[PAGE_RESERVE]); /* mapped chunks */
	lab_close(lab);
}

/* Attached to any of them, and never more than there may be. */
static void threads_move_on_within_the_limit(void **state)
{
	struct lab *lab = work("ptmalloc:arenas=3,arena=try-lock,tcache=0", 50);

	(void)state;
	assert_in_range(pt_of(lab->heap)->list.arenas, 1, 3);
	lab_close(lab);
}

/* A cache saves locks: most calls take none at all. */
static void caches_save_locks(void **state)
{
	struct lab *with = work("ptmalloc:arenas=4,fast_max=0", 0);
	uint64_t few = account_acquired(with, "arena");

	(void)state;
	lab_close(with);
	struct lab *without = work("ptmalloc:arenas=4,fast_max=0,tcache=0", 0);
	uint64_t many = account_acquired(without, "arena");
	lab_close(without);
	assert_true(many > 2 * CREW_MAX * 4000);
	assert_true(few < many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arenas_are_as_many_as_threads),
		cmocka_unit_test(one_arena_serves_all),
		cmocka_unit_test(threads_move_on_within_the_limit),
		cmocka_unit_test(caches_save_locks),
	};
	return cmocka_run_group_tests_name("ptmalloc threads", tests, NULL,
	                                   NULL);
}
