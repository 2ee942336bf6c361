/*
 * test_contract.c - every property of the contract, at every knob setting.
 *
 *     build/checked/tests/test_contract            all
 *     build/checked/tests/test_contract 'buddy*'   tests that match
 *     CONTRACT=quick ...                           without the derived settings
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"

static const struct {
	const char *name;
	property *run;
} properties[] = {
	{"every size to 4100 is a block of its own", every_size_to_4100},
	{"sizes to 8 MiB are blocks of their own", sizes_to_8_mib},
	{"zero bytes are a block of their own", zero_bytes_is_a_block},
	{"every alignment to 1 MiB is kept", every_alignment},
	{"zero_malloc clears used memory", zero_malloc_on_dirty_memory},
	{"usable bytes in a hole are the caller's", usable_bytes_after_holes},
	{"realloc keeps the contents", realloc_keeps_contents},
	{"realloc of NULL is malloc", realloc_of_null},
	{"a refused realloc leaves the block", realloc_refused},
	{"impossible sizes are refused, the heap intact", impossible_sizes},
	{"a full source is refused, the heap intact", out_of_memory},
	{"free of NULL does nothing", free_null},
	{"free keeps errno", free_keeps_errno},
	{"destroy takes live blocks along", destroy_with_live_blocks},
	{"two handles share one heap", two_handles},
	{"two heaps do not meet", two_heaps},
	{"an empty heap can be trimmed", trim_empty_heap},
	{"a visitor can stop the walk", walk_can_stop},
	{"explain changes nothing", explain_changes_nothing},
	{"free lists hold free blocks, once", free_lists_are_free},
	{"random calls, verified after each", random_calls},
	{"random calls in a big heap", random_calls_big_heap},
	{"the same calls make the same heap", same_calls_same_heap},
	{"one refused page call is survived", one_refusal},
	{"refused page calls from one on are survived", refusals_from_one_on},
	{"a double free is diagnosed", double_free},
	{"a foreign pointer is diagnosed", foreign_pointer},
	{"an interior pointer is diagnosed", interior_pointer},
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

static struct CMUnitTest *list_tests(const struct setting *settings,
                                     size_t count)
{
	struct CMUnitTest *tests = calloc(count * PROPERTIES, sizeof *tests);
	struct contract_case *cases = calloc(count * PROPERTIES, sizeof *cases);

	if (tests == NULL || cases == NULL)
		abort();
	for (size_t i = 0; i < count * PROPERTIES; i++) {
		cases[i].setting = &settings[i / PROPERTIES];
		cases[i].run = properties[i % PROPERTIES].run;
		snprintf(cases[i].name, sizeof cases[i].name, "%s: %s",
		         cases[i].setting->name,
		         properties[i % PROPERTIES].name);
		tests[i] = (struct CMUnitTest){.name = cases[i].name,
		                               .test_func = run_case,
		                               .initial_state = &cases[i]};
	}
	return tests;
}

int main(int argc, char **argv)
{
	const char *extent = getenv("CONTRACT");
	size_t count, kept = 0;
	const struct setting *settings = settings_collect(&count);

	/* Chosen and derived settings are not sorted: keep what is wanted. */
	static struct setting wanted[1024];
	for (size_t i = 0; i < count && kept < 1024; i++)
		if (extent == NULL || !settings[i].derived)
			wanted[kept++] = settings[i];
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return _cmocka_run_group_tests("contract", list_tests(wanted, kept),
	                               kept * PROPERTIES, NULL, NULL);
}
