/*
 * test_spec.c - bad specs: each gets its place and its reason, and makes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generated.h"
#include "harness/generate/generate.h"

/* A spec that is good up to its last section. */
#define PHASE "[workload]\n[phase a]\noperations = 9\nsize = 8\n"

static void expect(const char *spec, const char *message)
{
	expect_spec_error(spec, NULL, message);
}

static void lines_that_are_none(void **state)
{
	char text[400];

	(void)state;
	expect("", "FILE:1: the spec is empty");
	expect("; only a comment\n", "FILE:1: the spec is empty");
	expect("seed = 1\n", "FILE:1: a spec begins with [workload]");
	expect("[phase a]\n", "FILE:1: a spec begins with [workload]");
	expect("[workload]\nseed\n",
	       "FILE:2: this is neither [section] nor key = value nor a ; "
	       "comment");
	expect("[workload]\n\n[phase a\n",
	       "FILE:3: this is neither [section] nor key = value nor a ; "
	       "comment");
	snprintf(text, sizeof text, "[workload]\nshows = %0250d\n", 0);
	expect(text, "FILE:2: a line has at most 190 characters; continue it "
	             "on the next, indented");
	snprintf(text, sizeof text, "[workload]\n[phase %050d]\n", 0);
	expect(text, "FILE:2: a section's name is too long");
	snprintf(text, sizeof text, "[workload]\n%060d = 3\n", 0);
	expect(text, "FILE:2: a key's name is too long");
}

static void sections_out_of_place(void **state)
{
	(void)state;
	expect("[workload]\n[group a]\n",
	       "FILE:2: [group a] is neither [phase NAME] nor, within a phase, "
	       "[group NAME] (letters, digits, - and _)");
	expect("[workload]\n[phase a b]\n",
	       "FILE:2: [phase a b] is neither [phase NAME] nor, within a "
	       "phase, [group NAME] (letters, digits, - and _)");
	expect("[workload]\n[phase ]\n",
	       "FILE:2: [phase ] is neither [phase NAME] nor, within a phase, "
	       "[group NAME] (letters, digits, - and _)");
	expect("[workload]\n", "FILE:1: the spec has no [phase NAME]");
	expect("[workload]\n[phase a]\nsize = 8\n",
	       "FILE:2: [phase a] has no operations");
	expect("[workload]\n[phase a]\noperations = 8\n",
	       "FILE:2: [phase a] has no size");
	expect("[workload]\n[phase a]\noperations = 8\n[group g]\n",
	       "FILE:4: [group g] has no size");
	expect(PHASE "[group g]\nshare = 0\n",
	       "FILE:2: the shares of the groups of [phase a] add up to 0");
}

static void keys_that_are_wrong(void **state)
{
	(void)state;
	expect("[workload]\nsede = 3\n",
	       "FILE:2: unknown key \"sede\" (alloclab gen --keys lists all)");
	expect(PHASE "seed = 3\n", "FILE:5: seed does not belong into [phase]");
	expect("[workload]\nshare = 3\n",
	       "FILE:2: share does not belong into [workload]");
	expect(PHASE "[group g]\nthreads = 3\n",
	       "FILE:6: threads does not belong into [group]");
	expect(PHASE "size = 9\n",
	       "FILE:5: size is given twice (before at line 4)");
}

static void values_out_of_range(void **state)
{
	(void)state;
	expect("[workload]\nseed = -3\n",
	       "FILE:2: seed cannot be \"-3\": it takes a whole number within "
	       "0..18446744073709551615");
	expect("[workload]\nrepeat = 0\n",
	       "FILE:2: repeat cannot be \"0\": it takes a whole number within "
	       "1..1000000");
	expect("[workload]\nkind = fancy\n",
	       "FILE:2: kind cannot be \"fancy\": it is one of phases, robson, "
	       "next-fit, buddy, private, larson, thread-churn, ring, "
	       "false-sharing");
	expect(PHASE "death = slow\n",
	       "FILE:5: death cannot be \"slow\": it is one of random, lifo, "
	       "fifo");
	expect(PHASE "keep = 1.5\n",
	       "FILE:5: keep cannot be \"1.5\": it takes a number within 0..1");
	expect(PHASE "correlation = -2\n",
	       "FILE:5: correlation cannot be \"-2\": it takes a number within "
	       "-1..1");
	expect(PHASE "grow_factor = 0.5\n",
	       "FILE:5: grow_factor cannot be \"0.5\": it takes a number "
	       "within 1..1024");
	expect(PHASE "thread = first\n",
	       "FILE:5: thread cannot be \"first\": it is any, or the number "
	       "of a thread");
	expect(PHASE "live = 3 to x\n",
	       "FILE:5: live cannot be \"x\": it takes a whole number within "
	       "0..2147483648");
	expect(PHASE "live_objects = 8:.5\n",
	       "FILE:5: live_objects: the last share of a cumulative table "
	       "must be 1, not 0.5");
	expect(PHASE "lifetime = uniform min=0 max=9\n",
	       "FILE:5: lifetime: values must lie within 1..70368744177664, "
	       "these reach 0");
	expect("[workload]\n[phase a]\noperations = 9\nsize = pareto a=1\n",
	       "FILE:4: size: there is no distribution \"pareto\" (constant, "
	       "uniform, exponential, lognormal, discrete, empirical)");
	/* A value over several lines is refused at its first. */
	expect(PHASE "lifetime = discrete 1:1\n   2:1 ; fine\n   x:1\n",
	       "FILE:5: lifetime: \"x\" is not a whole number");
}

static void settings_that_contradict(void **state)
{
	(void)state;
	expect(PHASE "burst = 4\nlive = 9\n",
	       "FILE:2: a burst is freed when it is complete: it goes with "
	       "neither lifetime nor live nor live_bytes (= none drops an "
	       "inherited one)");
	expect(PHASE "burst = 4\ngrow_share = 1/2\n",
	       "FILE:2: burst and grow_share do not go together");
	expect(PHASE "calloc_share = 60%\naligned_share = 60%\n",
	       "FILE:2: calloc_share and aligned_share add up to more than 1");
	expect(PHASE "align = uniform min=1 max=64\n",
	       "FILE:2: align is a number or discrete");
	expect(PHASE "align = discrete 16:1 48:1\n",
	       "FILE:2: alignments are powers of two");
	expect(PHASE "align = 12\n", "FILE:2: alignments are powers of two");
	expect(PHASE "grow_share = 1/2\ngrow_factor = 1\n",
	       "FILE:2: with grow_factor = 1 and grow_step = 0 no block grows");
	expect(PHASE "thread = 1\n",
	       "FILE:2: thread 1 is not there: threads = 1, numbered from 0");
	expect(PHASE "threads = 2\nfree_thread = 2\n",
	       "FILE:2: thread 2 is not there: threads = 2, numbered from 0");
	expect(PHASE "remote_share = 1/2\n",
	       "FILE:2: remote_share needs threads = 2 or more");
	expect(PHASE "correlation = 1/2\n",
	       "FILE:2: correlation needs a lifetime");
	expect(PHASE "live_objects = 8:1\nlifetime = 3\n",
	       "FILE:2: live_objects needs size = empirical and a lifetime");
}

static void live_objects_that_cannot_be(void **state)
{
	(void)state;
	expect("[workload]\n[phase a]\noperations = 9\nlifetime = 9\n"
	       "size = empirical 8:.5 16:1\nlive_objects = 8:.5 32:1\n",
	       "FILE:2: live_objects and size must have rows of the same "
	       "values");
	expect("[workload]\n[phase a]\noperations = 9\nlifetime = 9\n"
	       "size = empirical 8:.5 16:.5 32:1\n"
	       "live_objects = 8:.5 16:.7 32:1\n",
	       "FILE:2: live_objects has blocks of up to 16 bytes, which size "
	       "never makes");
}

static void kinds_know_their_keys(void **state)
{
	(void)state;
	expect("[workload]\nkind = robson\noperations = 9\n",
	       "FILE:3: kind = robson has no operations");
	expect("[workload]\nkind = buddy\nunits = 9\n",
	       "FILE:3: kind = buddy has no units");
	expect("[workload]\nkind = next-fit\n[phase a]\n",
	       "FILE:3: kind = next-fit has no sections but [workload]");
	expect("[workload]\nunits = 9\n", "FILE:2: kind = phases has no units");
	expect("[workload]\nkind = robson\nheader_bytes = 64\n",
	       "FILE:1: header_bytes must be below unit_bytes");
	expect("[workload]\nkind = robson\nunits = 60\n",
	       "FILE:1: a block of 2^6 units is larger than all 60 units");
}

static void sets_are_blamed_by_name(void **state)
{
	static const char *const no_value[] = {"seed", NULL};
	static const char *const no_key[] = {"=3", NULL};
	static const char *const unknown[] = {"sede=3", NULL};
	static const char *const no_section[] = {"b.size=3", NULL};
	static const char *const bad[] = {"a.size=gauss", NULL};
	static const char *const misplaced[] = {"a.seed=3", NULL};

	(void)state;
	expect_spec_error(PHASE, no_value,
	                  "--set seed: this is not key=value or "
	                  "section.key=value");
	expect_spec_error(PHASE, no_key,
	                  "--set =3: this is not key=value or "
	                  "section.key=value");
	expect_spec_error(PHASE, unknown,
	                  "--set sede=3: unknown key \"sede\" (alloclab gen "
	                  "--keys lists all)");
	expect_spec_error(PHASE, no_section,
	                  "--set b.size=3: FILE has no section \"b\"");
	expect_spec_error(PHASE, bad,
	                  "--set a.size=gauss: size: there is no distribution "
	                  "\"gauss\" (constant, uniform, exponential, "
	                  "lognormal, discrete, empirical)");
	expect_spec_error(PHASE, misplaced,
	                  "--set a.seed=3: seed does not belong into [phase]");
}

static void sets_replace_and_add(void **state)
{
	static const char spec[] = "[workload]\n[phase a]\noperations = 2\n"
				   "size = 8\n[phase b]\noperations = 2\n"
				   "size = 9\n";
	static const char *const everywhere[] = {"size=7", "at_end=leave",
	                                         NULL};
	static const char *const one[] = {"b.size=7", "b.live=1",
	                                  "b.death=fifo", NULL};

	(void)state;
	struct generated *made = generate_text(spec, everywhere);
	assert_string_equal(generated_text(made), "a | 1:7 2:7 b | 3:7 4:7");
	generated_free(made);
	made = generate_text(spec, one);
	assert_string_equal(generated_text(made),
	                    "a | 1:8 2:8 b | -1 -2 3:7 -3 4:7 -4");
	generated_free(made);
}

static void files_that_are_not_there(void **state)
{
	struct trace_error error;
	struct trace trace;

	(void)state;
	assert_false(generate_from_spec("/nowhere/x.ini", &trace, &error));
	assert_string_equal(error.text,
	                    "/nowhere/x.ini: No such file or directory");
	assert_false(generate_from_spec("/tmp", &trace, &error));
	assert_string_equal(error.text, "/tmp: Is a directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_are_none),
		cmocka_unit_test(sections_out_of_place),
		cmocka_unit_test(keys_that_are_wrong),
		cmocka_unit_test(values_out_of_range),
		cmocka_unit_test(settings_that_contradict),
		cmocka_unit_test(live_objects_that_cannot_be),
		cmocka_unit_test(kinds_know_their_keys),
		cmocka_unit_test(sets_are_blamed_by_name),
		cmocka_unit_test(sets_replace_and_add),
		cmocka_unit_test(files_that_are_not_there),
	};
	return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
