/*
 * test_library.c - libraries as rows, as far as one process can tell: words,
 * environments, memory mapped apart, traces that another process maps.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/clock/resident.h"
#include "harness/library/library.h"
#include "harness/mapped.h"
#include "harness/run/job.h"
#include "lab.h"

/* ---- words ---------------------------------------------------------------- */

static void words_for_libraries(void **state)
{
	(void)state;
	assert_true(library_is_word("lib:jemalloc"));
	assert_true(library_is_word("lib:./x.so[A=b]"));
	assert_true(library_is_word("system"));
	assert_true(library_is_word("system[A=b]"));
	assert_false(library_is_word("systems"));
	assert_false(library_is_word("system:order=lifo"));
	assert_false(library_is_word("slab"));
	assert_false(library_is_word("./lib.so"));
}

/* A mistake in the brackets is found before anything is started. */
static void brackets_are_read_first(void **state)
{
	static const struct {
		const char *word, *sentence;
	} cases[] = {
		{"lib:jemalloc[A=b", "[NAME=value]"},
		{"lib:jemalloc[A]", "[A] should be [NAME=value]"},
		{"lib:jemalloc[=b]", "[=b] should be [NAME=value]"},
		{"lib:jemalloc[A=b]x", "\"x\" is not"},
		{"system[A=1][B=2][C=3][D=4][E=5]", "more than 4 variables"},
		{"system[LD_PRELOAD=x]", "LD_PRELOAD"},
	};
	struct library library;
	struct trace_error error;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(library_open(cases[i].word, &library, &error),
		                 LIBRARY_UNUSABLE);
		if (strstr(error.text, cases[i].sentence) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", error.text,
			         cases[i].sentence);
	}
}

/* A test is no program that could be started anew: nothing is. */
static void without_the_program_there_is_none(void **state)
{
	struct subject *subjects;
	struct trace_error error;

	(void)state;
	assert_null(job_program);
	assert_int_equal(subjects_parse("lib:jemalloc", &subjects, &error), -1);
	assert_int_equal(subjects_parse("system", &subjects, &error), 1);
	assert_false(subjects[0].is_library);
	free(subjects);
}

/* ---- the environment ------------------------------------------------------- */

static const char *find_setting(char **environment, const char *name)
{
	const char *found = NULL;

	for (char **at = environment; *at != NULL; at++)
		if (strncmp(*at, name, strlen(name)) == 0) {
			assert_null(found); /* once */
			found = *at + strlen(name);
		}
	return found;
}

static void environment_is_ours_but_for_what_is_set(void **state)
{
	struct library library = {
		.preload = "libx.so.1",
		.variables = {"TEST_LIBRARY_A=new", "TEST_LIBRARY_C=3"},
		.variable_count = 2,
	};

	(void)state;
	setenv("LD_PRELOAD", "another.so", 1);
	setenv("TEST_LIBRARY_A", "old", 1);
	setenv("TEST_LIBRARY_AB", "kept", 1);
	char **environment = library_environment(&library);
	assert_non_null(environment);
	assert_string_equal(find_setting(environment, "LD_PRELOAD="),
	                    "libx.so.1");
	assert_string_equal(find_setting(environment, "TEST_LIBRARY_A="),
	                    "new");
	assert_string_equal(find_setting(environment, "TEST_LIBRARY_AB="),
	                    "kept");
	assert_string_equal(find_setting(environment, "TEST_LIBRARY_C="), "3");
	free(environment);
	unsetenv("LD_PRELOAD");
}

/* `system` has nothing preloaded, and what the user preloads stays. */
static void environment_of_the_c_library(void **state)
{
	struct library library = {.variables = {"TEST_LIBRARY_D=4"},
	                          .variable_count = 1};

	(void)state;
	setenv("LD_PRELOAD", "another.so", 1);
	char **environment = library_environment(&library);
	assert_non_null(environment);
	assert_string_equal(find_setting(environment, "LD_PRELOAD="),
	                    "another.so");
	assert_string_equal(find_setting(environment, "TEST_LIBRARY_D="), "4");
	free(environment);
	unsetenv("LD_PRELOAD");
}

static void facts_of_this_process(void **state)
{
	struct library_facts facts;

	(void)state;
	library_ask(&facts);
	assert_string_not_equal(facts.path, "");
	assert_string_equal(facts.missing, "");
	assert_true(facts.has_usable_size);
	assert_true(facts.has_memalign);
}

/* ---- memory mapped apart --------------------------------------------------- */

enum { TABLE_BYTES = 8 << 20 };

static void mapped_memory_is_not_anonymous(void **state)
{
	uint64_t before = resident_now().anonymous_bytes;
	char *table = mapped_new_touched(TABLE_BYTES);

	(void)state;
	assert_non_null(table);
	assert_int_equal((uintptr_t)table % 64, 0);
	memset(table, 1, TABLE_BYTES);
	assert_true(resident_now().anonymous_bytes < before + TABLE_BYTES / 2);
	mapped_free(table);
}

static void private_memory_is(void **state)
{
	uint64_t before = resident_now().anonymous_bytes;
	char *table = malloc(TABLE_BYTES);

	(void)state;
	assert_non_null(table);
	memset(table, 1, TABLE_BYTES);
	uint64_t after = resident_now().anonymous_bytes;
	assert_true(after >= before + TABLE_BYTES);
	assert_int_equal(table[TABLE_BYTES - 1], 1);
	free(table);
}

static void mapped_memory_grows(void **state)
{
	char *table = mapped_grow(NULL, 100);

	(void)state;
	assert_non_null(table);
	memset(table, 7, 100);
	table = mapped_grow(table, 100000);
	assert_non_null(table);
	for (int i = 0; i < 100; i++)
		assert_int_equal(table[i], 7);
	for (int i = 100; i < 100000; i++)
		assert_int_equal(table[i], 0);
	mapped_free(table);
	mapped_free(NULL);
}

/* ---- traces that are shared ------------------------------------------------ */

static void shared_trace_reads_the_same(void **state)
{
	static const char text[] = "a=100 b=calloc(20) -a c=3 -b";
	struct trace trace, other;
	struct trace_error error;

	(void)state;
	assert_true(
		trace_read_text("shared", text, strlen(text), &trace, &error));
	struct trace_op before[5];
	assert_int_equal(trace.events, 5);
	memcpy(before, trace.ops, sizeof before);
	assert_true(trace_share(&trace, &error));
	assert_memory_equal(trace.ops, before, sizeof before);
	assert_true(trace_adopt(&other, &trace, dup(trace.shared_memory)));
	assert_ptr_not_equal(other.ops, trace.ops);
	assert_memory_equal(other.ops, before, sizeof before);
	assert_int_equal(other.slots, trace.slots);
	assert_null(other.phases);
	trace_free_events(&other);
	trace_destroy(&trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_for_libraries),
		cmocka_unit_test(brackets_are_read_first),
		cmocka_unit_test(without_the_program_there_is_none),
		cmocka_unit_test(environment_is_ours_but_for_what_is_set),
		cmocka_unit_test(environment_of_the_c_library),
		cmocka_unit_test(facts_of_this_process),
		cmocka_unit_test(mapped_memory_is_not_anonymous),
		cmocka_unit_test(private_memory_is),
		cmocka_unit_test(mapped_memory_grows),
		cmocka_unit_test(shared_trace_reads_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
