/*
 * test_step.c - the stepper with allocators that are broken on purpose: what
 * was asked is on the board, then the verdict; and a strip's window.
 */
#include <stdlib.h>
#include <string.h>

#include "allocators/registry.h"
#include "broken.h"
#include "harness/step/step.h"
#include "harness/step/strip.h"
#include "lab.h"

/* What the stepper printed; freed by the caller. */
struct told {
	char *text;
	struct verdict verdict;
};

static struct told tell(const struct allocator *allocator, const char *script,
                        uint64_t first, uint64_t count)
{
	struct trace trace = {0};
	struct trace_error error;
	struct knob_values values;
	struct told told;
	size_t bytes;
	FILE *out = open_memstream(&told.text, &bytes);

	assert_non_null(out);
	assert_true(trace_read_text("test", script, strlen(script), &trace,
	                            &error));
	knob_defaults(allocator->knobs, &values);
	const struct step_options options = {
		.allocator = allocator,
		.values = &values,
		.label = allocator->name,
		.workload = "test",
		.trace = &trace,
		.first = first,
		.count = count,
		.seconds = 2,
		.memory_bytes = (size_t)64 << 20,
	};
	assert_true(step_run(&options, out, &told.verdict));
	assert_int_equal(fclose(out), 0);
	trace_destroy(&trace);
	return told;
}

static void require(const struct told *told, const char *sentence)
{
	if (strstr(told->text, sentence) == NULL)
		fail_msg("\"%s\" is not in:\n%s", sentence, told->text);
}

/* ---- broken allocators -------------------------------------------------- */

/* Eight blocks, a to h; the 7th malloc goes wrong. */
static const char eight[] = "a=40 b=40 c=40 d=40 e=40 f=40 g=40 h=40 "
			    "-a -b -c -d -e -f -g -h";

/* The last event told, the status, a part of the sentence. */
static void expect(enum broken kind, enum verdict_kind verdict, uint64_t event,
                   const char *last, const char *sentence)
{
	struct told told = tell(broken_allocator(kind), eight, 1, 0);
	char status[64];

	assert_string_equal(verdict_word(told.verdict.kind),
	                    verdict_word(verdict));
	assert_int_equal(told.verdict.event, event);
	snprintf(status, sizeof status, "\n%s at event %lu\n",
	         verdict_word(verdict), event);
	require(&told, last);
	require(&told, status);
	require(&told, sentence);
	assert_null(strstr(told.text, "more events"));
	free(told.text);
}

static void a_crash_is_told(void **state)
{
	(void)state;
	expect(BROKEN_CRASH, VERDICT_CRASH, 7,
	       "7: g=malloc(40)\n  why   the next 48 bytes",
	       "killed by signal");
}

static void a_hang_is_told(void **state)
{
	(void)state;
	expect(BROKEN_HANG, VERDICT_HANG, 7,
	       "7: g=malloc(40)\n  why   the next 48 bytes",
	       "not finished after 2 s");
}

static void an_overlap_is_told(void **state)
{
	(void)state;
	expect(BROKEN_OVERLAP, VERDICT_OVERLAP, 7, "7: g=malloc(40)\n",
	       "history: malloc(40)");
}

static void a_lost_byte_is_told(void **state)
{
	(void)state;
	expect(BROKEN_CONTENT, VERDICT_LOST_BYTES, 14, "14: free(f)\n",
	       "byte 3 of the 40-byte block");
}

static void a_refusal_is_told(void **state)
{
	(void)state;
	expect(BROKEN_ABORT, VERDICT_STOPPED, 7, "7: g=malloc(40)\n",
	       "it does not like number 7");
}

static void a_wrong_walk_is_told(void **state)
{
	(void)state;
	expect(BROKEN_WALK, VERDICT_BROKEN_HEAP, 1, "1: a=malloc(40)\n",
	       "the walk covers");
}

static void a_leak_is_told_at_the_end(void **state)
{
	(void)state;
	expect(BROKEN_LEAK, VERDICT_LEAK, 16, "16: free(h)\n",
	       "4096 bytes are still held");
}

/* Before the first event that is told, too. */
static void a_crash_on_the_way_is_told(void **state)
{
	struct told told = tell(broken_allocator(BROKEN_CRASH), eight, 10, 1);

	(void)state;
	assert_int_equal(told.verdict.kind, VERDICT_CRASH);
	require(&told, "... 9 events before\n");
	require(&told, "\ncrash at event 7\n");
	assert_null(strstr(told.text, "10: "));
	free(told.text);
}

/* The addresses in a verdict are as short as those on the board. */
static void a_verdict_has_short_addresses(void **state)
{
	struct told told = tell(broken_allocator(BROKEN_OVERLAP), eight, 1, 0);

	(void)state;
	assert_null(strstr(told.text, "0x7e9"));
	require(&told, "overlaps the live block");
	free(told.text);
}

/* ---- explain and outcome ------------------------------------------------ */

/* "block at 0x1c0" of the sentence is where the block then is. */
static void the_reason_agrees_with_the_outcome(void **state)
{
	static const char *const names[] = {"first-fit", "next-fit", "best-fit",
	                                    "worst-fit"};
	static const char script[] =
		"a=80 b=16 c=48 d=16 e=192 f=16 -a -c -e g=40 h=48 i=300 "
		"j=aligned(64,40) b:70 k=5000 -f f=10 -k l=7000 l:9000";

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct told told = tell(allocator_find(names[i]), script, 1, 0);
		int compared = 0;
		unsigned long why, done;
		for (const char *at = told.text;
		     (at = strstr(at, "block at ")) != NULL; at++) {
			const char *is = strstr(at, "  done  ");
			assert_int_equal(sscanf(at, "block at %lx", &why), 1);
			assert_non_null(is);
			if (sscanf(is, "  done  %*s is at %lx", &done) != 1 &&
			    sscanf(is, "  done  %*s stays at %lx", &done) != 1)
				assert_int_equal(
					sscanf(is,
				               "  done  %*s moves from %*x "
				               "to %lx",
				               &done),
					1);
			assert_int_equal(why, done);
			compared++;
		}
		assert_int_equal(compared, 15);
		free(told.text);
	}
}

/* ---- strips ------------------------------------------------------------- */

/* Draws cells of 100 bytes: 'l' live, 'f' free, 's' slack. */
static char *draw(const char *kinds, size_t focus)
{
	static char heap[64 * 1024];
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	const struct board board = {.out = out, .origin = heap};
	struct strip strip = {.focus = heap + 100 * focus,
	                      .without_addresses = true};

	assert_non_null(out);
	for (size_t i = 0; kinds[i] != '\0'; i++) {
		struct extent extent = {heap + 100 * i, 100,
		                        kinds[i] == 'l'   ? EXTENT_LIVE
		                        : kinds[i] == 'f' ? EXTENT_FREE
		                                          : EXTENT_SLACK,
		                        "hole"};
		strip_add(&strip, &extent, kinds[i] == 'l' ? "b" : NULL);
	}
	strip_draw(&strip, &board, "heap");
	strip_free(&strip);
	fclose(out);
	return text;
}

static void expect_strip(const char *kinds, size_t focus, const char *drawn)
{
	char *text = draw(kinds, focus);

	assert_string_equal(text, drawn);
	free(text);
}

static void long_runs_are_one_cell(void **state)
{
	(void)state;
	expect_strip("lfffl", 99,
	             "  heap  |b 100        |. 100        |. 100        "
	             "|. 100        |b 100         |\n");
	expect_strip("lffffl", 99,
	             "  heap  |b 100            |. 100 *4              "
	             "           |b 100             |\n");
	/* The block that the event is about keeps a cell of its own. */
	expect_strip("lfffffsl", 1,
	             "  heap  |b 100    |. 100    |. 100 *4               "
	             "    |/ 100    |b 100       |\n");
}

/* 300 live blocks do not fit: three lines around the focus. */
static void a_long_strip_is_cut_around_the_focus(void **state)
{
	char kinds[301];
	static const size_t focuses[] = {0, 150, 299};

	(void)state;
	memset(kinds, 'l', 300);
	kinds[300] = '\0';
	for (size_t i = 0; i < 3; i++) {
		char *text = draw(kinds, focuses[i]);
		size_t lines = 0, blocks = 0, before = 0, after = 0;
		for (const char *at = text; *at != '\0'; at++) {
			lines += *at == '\n';
			blocks += strncmp(at, "|b 100", 6) == 0;
		}
		const char *more = strstr(text, "... ");
		if (focuses[i] > 0) {
			assert_int_equal(sscanf(more, "... %zu", &before), 1);
			more = strstr(more + 1, "... ");
		}
		if (focuses[i] < 299)
			assert_int_equal(sscanf(more, "... %zu", &after), 1);
		assert_int_equal(before + blocks + after, 300);
		assert_in_range(lines, 3, 5);
		/* Both sides alike, as far as there is one. */
		assert_true(focuses[i] != 150 || (before > 130 && after > 130));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crash_is_told),
		cmocka_unit_test(a_hang_is_told),
		cmocka_unit_test(an_overlap_is_told),
		cmocka_unit_test(a_lost_byte_is_told),
		cmocka_unit_test(a_refusal_is_told),
		cmocka_unit_test(a_wrong_walk_is_told),
		cmocka_unit_test(a_leak_is_told_at_the_end),
		cmocka_unit_test(a_crash_on_the_way_is_told),
		cmocka_unit_test(a_verdict_has_short_addresses),
		cmocka_unit_test(the_reason_agrees_with_the_outcome),
		cmocka_unit_test(long_runs_are_one_cell),
		cmocka_unit_test(a_long_strip_is_cut_around_the_focus),
	};
	return cmocka_run_group_tests_name("step", tests, NULL, NULL);
}
