/*
 * test_verdicts.c - the harness against allocators that are broken on purpose:
 * each mistake becomes the right status, with the event and the block, and the
 * other rows of the run are not touched by it.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broken.h"
#include "harness/run/run.h"
#include "lab.h"

/* Twenty blocks of 40 bytes, then all freed; the 7th malloc is event 7. */
static void make_workload(struct workload *workload, const char *call)
{
	char text[2048] = "";
	struct trace_error error;

	for (int i = 0; i < 20; i++)
		sprintf(text + strlen(text), "b%d=%s(40) ", i, call);
	for (int i = 0; i < 20; i++)
		sprintf(text + strlen(text), "free(b%d) ", i);
	strcpy(workload->name, "twenty");
	assert_true(trace_read_text("twenty", text, strlen(text),
	                            &workload->trace, &error));
}

struct outcome {
	struct verdict verdict;
	struct verdict neighbour; /* of bump itself, in the same run */
	bool timed;               /* the speed pass ran              */
};

static struct outcome run_broken(enum broken kind, const char *call,
                                 unsigned reps)
{
	char folder[] = "/tmp/test_verdicts.XXXXXX";
	struct run_options options = {
		.reps = reps,
		/* All but one end at once, however busy the machine is. */
		.seconds = kind == BROKEN_HANG ? 2 : 30,
		.budget_seconds = 10,
		.memory_bytes = (size_t)64 << 20,
		.touch = TOUCH_FIRST,
		.folder = mkdtemp(folder),
	};
	struct workload workload = {0};
	struct subject *subjects = calloc(2, sizeof *subjects);
	struct trace_error error;
	struct outcome outcome;

	assert_non_null(subjects);
	make_workload(&workload, call);
	assert_true(subject_parse("bump", &subjects[0], &error));
	subjects[1] = subjects[0];
	strcpy(subjects[0].label, "broken");
	subjects[0].allocator = broken_allocator(kind);
	struct run run = {
		.options = &options,
		.workload = &workload,
		.subjects = subjects,
		.count = 2,
	};
	assert_true(run_all(&run, &error));
	outcome = (struct outcome){subjects[0].verdict, subjects[1].verdict,
	                           subjects[0].reps > 0};
	for (int i = 0; i < run.count; i++)
		run_remove_parts(&run, i);
	assert_int_equal(rmdir(folder), 0);
	workload_close(&workload);
	free(subjects);
	return outcome;
}

/* Requires the status, the event and a part of the sentence. */
static void expect(enum broken kind, const char *call,
                   enum verdict_kind verdict, uint64_t event,
                   const char *sentence)
{
	struct outcome outcome = run_broken(kind, call, 1);

	if (outcome.verdict.kind != verdict)
		print_error("%s\n", outcome.verdict.sentence);
	assert_string_equal(verdict_word(outcome.verdict.kind),
	                    verdict_word(verdict));
	assert_int_equal(outcome.verdict.event, event);
	if (strstr(outcome.verdict.sentence, sentence) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", outcome.verdict.sentence,
		         sentence);
	assert_int_equal(outcome.neighbour.kind, VERDICT_OK);
	assert_false(outcome.timed);
}

static void a_crash_is_a_row(void **state)
{
	(void)state;
	expect(BROKEN_CRASH, "malloc", VERDICT_CRASH, 7,
	       "malloc(40) at event 7");
}

static void a_hang_is_a_row(void **state)
{
	(void)state;
	expect(BROKEN_HANG, "malloc", VERDICT_HANG, 7, "malloc(40) at event 7");
}

/* As some supervisors start programs: then the kernel buries our children. */
static void an_ignored_sigchld_hides_no_end(void **state)
{
	(void)state;
	signal(SIGCHLD, SIG_IGN);
	expect(BROKEN_CRASH, "malloc", VERDICT_CRASH, BROKEN_AT, "signal 11");
	assert_ptr_equal(signal(SIGCHLD, SIG_DFL), SIG_DFL);
}

static void an_overlap_names_the_other_block(void **state)
{
	(void)state;
	expect(BROKEN_OVERLAP, "malloc", VERDICT_OVERLAP, 7,
	       "history: malloc(40) at event 6");
}

static void lost_bytes_name_the_byte(void **state)
{
	(void)state;
	expect(BROKEN_CONTENT, "malloc", VERDICT_LOST_BYTES, 26,
	       "byte 3 of the 40-byte block");
}

static void lost_bytes_tell_the_history(void **state)
{
	(void)state;
	expect(BROKEN_CONTENT, "malloc", VERDICT_LOST_BYTES, 26,
	       "malloc(40) at event 6, free at event 26");
}

static void a_wrong_alignment_is_seen(void **state)
{
	(void)state;
	expect(BROKEN_ALIGNMENT, "malloc", VERDICT_MISALIGNED, 7,
	       "not a multiple of 16");
}

static void a_short_block_is_seen(void **state)
{
	(void)state;
	expect(BROKEN_SIZE, "malloc", VERDICT_SHORT_BLOCK, 7,
	       "says 1 bytes for a request of 40");
}

static void a_leak_is_seen_after_the_end(void **state)
{
	(void)state;
	expect(BROKEN_LEAK, "malloc", VERDICT_LEAK, 40,
	       "4096 bytes are still held");
}

static void calloc_must_clear(void **state)
{
	(void)state;
	expect(BROKEN_ZERO, "calloc", VERDICT_LOST_BYTES, 1,
	       "is 0x5a and should be 0x00");
}

static void the_allocators_own_words_are_kept(void **state)
{
	(void)state;
	expect(BROKEN_ABORT, "malloc", VERDICT_STOPPED, 7,
	       "it does not like number 7");
}

static void a_walk_that_misses_bytes_is_seen(void **state)
{
	struct outcome outcome = run_broken(BROKEN_WALK, "malloc", 0);

	(void)state;
	assert_int_equal(outcome.verdict.kind, VERDICT_BROKEN_HEAP);
	assert_non_null(strstr(outcome.verdict.sentence, "the walk covers"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crash_is_a_row),
		cmocka_unit_test(a_hang_is_a_row),
		cmocka_unit_test(an_ignored_sigchld_hides_no_end),
		cmocka_unit_test(an_overlap_names_the_other_block),
		cmocka_unit_test(lost_bytes_name_the_byte),
		cmocka_unit_test(lost_bytes_tell_the_history),
		cmocka_unit_test(a_wrong_alignment_is_seen),
		cmocka_unit_test(a_short_block_is_seen),
		cmocka_unit_test(a_leak_is_seen_after_the_end),
		cmocka_unit_test(calloc_must_clear),
		cmocka_unit_test(the_allocators_own_words_are_kept),
		cmocka_unit_test(a_walk_that_misses_bytes_is_seen),
	};
	return cmocka_run_group_tests_name("verdicts", tests, NULL, NULL);
}
