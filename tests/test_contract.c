/*
 * test_contract.c - every property of the contract, at every knob setting.
 *
 *     build/checked/tests/test_contract                        all
 *     TEST_FILTER='buddy*' build/checked/tests/test_contract   those that match
 *     CONTRACT=quick ...                                       without the
 *                                                              derived settings
 *     make check ALLOCATORS=./mine.c                           a plug-in alone
 *
 * Under ThreadSanitizer, which has nothing to say of one thread alone, only the
 * properties with threads are tried.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocators/common/misuse.h"
#include "contract.h"

/* ---- to which settings a property applies ------------------------------- */

static bool any(const struct setting *setting)
{
	(void)setting;
	return true;
}

static bool has_pages(const struct setting *setting)
{
	return !setting->allocator->ignores_page_source;
}

/* Not a pool of objects of one size: then there is more to be refused. */
static bool serves_all(const struct setting *setting)
{
	return setting->allocator->serves == NULL;
}

static bool can_run_out(const struct setting *setting)
{
	return has_pages(setting) && serves_all(setting);
}

static bool has_walk(const struct setting *setting)
{
	return setting->allocator->walk != NULL;
}

static bool explains(const struct setting *setting)
{
	return setting->allocator->explain != NULL;
}

static bool has_lists(const struct setting *setting)
{
	return setting->allocator->free_lists != NULL;
}

/* A process for every mistake: not for the derived settings. */
static bool diagnoses(const struct setting *setting)
{
	return CHECKED && has_pages(setting) && !setting->derived;
}

static bool diagnoses_all(const struct setting *setting)
{
	return diagnoses(setting) && serves_all(setting);
}

/* Eight threads take their time: not for the derived settings. */
static bool has_threads(const struct setting *setting)
{
	return setting->allocator->has_locks && !setting->derived;
}

/* To be tried under TSan. */
static bool has_race(property *run)
{
	return run == threads_of_private_work ||
	       run == threads_free_for_each_other ||
	       run == threads_come_and_go ||
	       run == counts_and_trim_beside_threads ||
	       run == a_thread_forks_beside_others;
}

static bool has_handles(const struct setting *setting)
{
	return setting->allocator->has_locks && has_pages(setting) &&
	       !never_reuses(setting);
}

static bool has_usage(const struct setting *setting)
{
	return setting->allocator->usage != NULL;
}

static bool can_fork(const struct setting *setting)
{
	return setting->allocator->fork_prepare != NULL && !setting->derived;
}

static bool is_default(const struct setting *setting)
{
	return setting->knobs[0] == '\0' && setting->allocator->knobs[0].name;
}

static const struct {
	const char *name;
	property *run;
	bool (*applies)(const struct setting *setting);
} properties[] = {
	{"every size to 4100 is a block of its own", every_size_to_4100, any},
	{"sizes to 8 MiB are blocks of their own", sizes_to_8_mib, any},
	{"zero bytes are a block of their own", zero_bytes_is_a_block, any},
	{"every alignment to 1 MiB is kept", every_alignment, any},
	{"zero_malloc clears used memory", zero_malloc_on_dirty_memory, any},
	{"usable bytes in a hole are the caller's", usable_bytes_after_holes,
         any},
	{"realloc keeps the contents", realloc_keeps_contents, any},
	{"realloc of NULL is malloc", realloc_of_null, any},
	{"a refused realloc leaves the block", realloc_refused, can_run_out},
	{"impossible sizes are refused, the heap intact", impossible_sizes,
         serves_all},
	{"a full source is refused, the heap intact", out_of_memory,
         can_run_out},
	{"free of NULL does nothing", free_null, any},
	{"free keeps errno", free_keeps_errno, any},
	{"destroy takes live blocks along", destroy_with_live_blocks,
         has_pages},
	{"two handles share one heap", two_handles, any},
	{"two heaps do not meet", two_heaps, any},
	{"an empty heap can be trimmed", trim_empty_heap, any},
	{"a visitor can stop the walk", walk_can_stop, has_walk},
	{"explain changes nothing", explain_changes_nothing, explains},
	{"free lists hold free blocks, once", free_lists_are_free, has_lists},
	{"random calls, verified after each", random_calls, any},
	{"random calls in a big heap", random_calls_big_heap, any},
	{"random knobs", random_knobs, is_default},
	{"the same calls make the same heap", same_calls_same_heap, has_pages},
	{"one refused page call is survived", one_refusal, has_pages},
	{"refused page calls from one on are survived", refusals_from_one_on,
         has_pages},
	{"threads of private work keep their blocks", threads_of_private_work,
         has_threads},
	{"threads free each other's blocks", threads_free_for_each_other,
         has_threads},
	{"threads come and go", threads_come_and_go, has_threads},
	{"trim, stats and usage run beside threads",
         counts_and_trim_beside_threads, has_threads},
	{"usage is the sum of the walk", usage_is_the_walk, has_usage},
	{"a detached handle leaves no cache", detach_flushes, has_usage},
	{"a hundred handles leave nothing behind", lives_leave_nothing_behind,
         has_handles},
	{"a lone thread forks", a_lone_thread_forks, can_fork},
	{"a thread forks beside others", a_thread_forks_beside_others,
         can_fork},
	{"a double free is diagnosed", double_free, diagnoses},
	{"a foreign pointer is diagnosed", foreign_pointer, diagnoses},
	{"an interior pointer is diagnosed", interior_pointer, diagnoses_all},
};

enum { PROPERTIES = sizeof properties / sizeof properties[0] };

/* One cmocka test. */
struct contract_case {
	const struct setting *setting;
	property *run;
	char name[400];
};

static void run_case(void **state)
{
	const struct contract_case *this = *state;

	this->run(this->setting);
}

static void make_test(struct CMUnitTest *test, struct contract_case *this,
                      const struct setting *setting, size_t which)
{
	this->setting = setting;
	this->run = properties[which].run;
	snprintf(this->name, sizeof this->name, "%s: %s", setting->name,
	         properties[which].name);
	*test = (struct CMUnitTest){.name = this->name,
	                            .test_func = run_case,
	                            .teardown_func = contract_say_knobs,
	                            .initial_state = this};
}

/* Fills `tests` and `cases`; returns how many. */
static size_t list_tests(const struct setting *settings, size_t count,
                         struct CMUnitTest *tests, struct contract_case *cases)
{
	size_t listed = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < PROPERTIES; j++) {
			if (!properties[j].applies(&settings[i]) ||
			    (UNDER_TSAN && !has_race(properties[j].run)))
				continue;
			make_test(&tests[listed], &cases[listed], &settings[i],
			          j);
			listed++;
		}
	}
	return listed;
}

int main(void)
{
	size_t count;
	const struct setting *settings = settings_collect(&count);
	struct CMUnitTest *tests = calloc(count * PROPERTIES, sizeof *tests);
	struct contract_case *cases = calloc(count * PROPERTIES, sizeof *cases);

	if (tests == NULL || cases == NULL)
		return 1;
	size_t listed = list_tests(settings, count, tests, cases);
	int failed =
		_cmocka_run_group_tests("contract", tests, listed, NULL, NULL);
	free(cases);
	free(tests);
	return failed != 0;
}
