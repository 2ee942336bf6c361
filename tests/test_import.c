/*
 * test_import.c - foreign traces: each dialect, each oddity that is kept, and
 * each that is refused, with its message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traces.h"

/* --- the dialects ------------------------------------------------------- */

static void all_dialects_say_the_same(void **state)
{
	static const struct {
		const char *text, *form, *source;
	} dialects[] = {
		{"20000\n2\n4\n1\na 0 512\na 1 128\nr 0 640\nf 1\n",
	         "CS:APP .rep",
	         "imported from a .rep file (classic; suggested heap 20000, "
	         "weight 1)"},
		{"2 2 4 0\na 0 512\na 1 128\nr 0 640\nf 1\n", "CS:APP .rep",
	         "imported from a .rep file (F10; weight 2, ignore ranges 0)"},
		{"1\r\n2\r\n4\r\n5000000000\r\na 0 512\r\na 1 128\r\nr 0 "
	         "640\r\nf 1\r\n",
	         "CS:APP .rep",
	         "imported from a .rep file (2016; weight 1, peak bytes "
	         "5000000000)"},
		{"2 4\na 0 512\na 1 128\nr 0 640\nf 1", "CS:APP .rep",
	         "imported from a .rep file (xv6)"},
		{"2 4 a 0 512 a 1 128 r\n0\n640 f 1", "CS:APP .rep",
	         "imported from a .rep file (xv6)"},
		{"# free a block\n\na 0 512\na 1 128 # the second\n\nr 0 "
	         "640\nf 1\n# end",
	         "CS107 .script", "imported from a .script file (CS107)"},
	};
	struct trace ours = trace_of("a=512 b=128 a:640 -b");

	(void)state;
	for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++) {
		struct trace trace = trace_of(dialects[i].text);
		assert_true(trace.checksum == ours.checksum);
		assert_string_equal(trace.form, dialects[i].form);
		assert_string_equal(trace.source, dialects[i].source);
		trace_destroy(&trace);
	}
	trace_destroy(&ours);
}

static void an_ostep_list_counts_allocations(void **state)
{
	static const char *const lists[] = {"+10,-0,+20,+30,-2",
	                                    "\n+10,-0,+20,+30,-2\r\n"};
	struct trace ours = trace_of("0=10 -0 1=20 2=30 -2");

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct trace trace = trace_of(lists[i]);
		assert_true(trace.checksum == ours.checksum);
		assert_string_equal(trace.form, "OSTEP list");
		trace_destroy(&trace);
	}
	struct trace one = trace_of("+10");
	assert_int_equal(one.events, 1);
	trace_destroy(&one);
	trace_destroy(&ours);
}

/* --- oddities that are kept --------------------------------------------- */

static void expect_same(const char *foreign, const char *ours)
{
	struct trace one = trace_of(foreign), two = trace_of(ours);

	if (one.checksum != two.checksum)
		fail_msg("\"%s\" is not \"%s\"", foreign, ours);
	trace_destroy(&one);
	trace_destroy(&two);
}

static void oddities_of_real_files_are_kept(void **state)
{
	(void)state;
	/* f -1 is free(NULL) */
	expect_same("1 2 a 0 8 f -1", "a=8 -NULL");
	/* r on an id never seen is malloc, r to 0 is free */
	expect_same("1 3 r 0 8 r 0 9 r 0 0", "a=8 a:9 -a");
	/* ids are used again after a free */
	expect_same("1 4 a 0 8 f 0 a 0 9 f 0", "a=8 -a a=9 -a");
	/* blocks are never freed, ids never used */
	expect_same("9 1 a 7 8", "a=8");
	/* the largest size */
	expect_same("1 1 a 0 4294967295", "a=4294967295");
}

/* What a reader writes to stderr; `text` has room for 512 bytes. */
static void stderr_while_reading(const char *trace_text, char *text)
{
	char path[] = "/tmp/alloclab-test-XXXXXX";
	int file = mkstemp(path), saved = dup(STDERR_FILENO);

	assert_true(file >= 0 && saved >= 0);
	unlink(path);
	fflush(stderr);
	dup2(file, STDERR_FILENO);
	struct trace trace = trace_of(trace_text);
	trace_destroy(&trace);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	ssize_t got = pread(file, text, 511, 0);
	assert_true(got >= 0);
	text[got] = '\0';
	close(file);
}

static void more_operations_than_said_are_left_out(void **state)
{
	char text[512];

	(void)state;
	stderr_while_reading("2 2\na 0 8\nf 0\na 1 9\nnonsense", text);
	assert_string_equal(text, "t:4: warning: the header says 2 operations; "
	                          "what follows from here is left out\n");
	expect_same("2 2\na 0 8\nf 0\n", "a=8 -a");
	stderr_while_reading("2 2\na 0 8\nf 0\n\n", text);
	assert_string_equal(text, "");
}

/* --- what is refused ---------------------------------------------------- */

static void cut_rep_files_are_refused(void **state)
{
	static const struct refusal refusals[] = {
		{"2 4\na 0 8\na 1 8\nr 0 9\n",
	         "t:5: the file ends after 3 operations; its header says 4"},
		{"2 2\na 0 8\na 1", "t:3: \"a 1\" has no size"},
		{"2 2\na 0 8\nf", "t:3: the file ends here: the operation has "
	                          "no id"},
		{"2 2\n", "t:2: the file ends here: no operation follows the "
	                  "header"},
		{"200\n",
	         "t:2: the file ends here: a number alone is neither a "
	         ".rep file nor an OSTEP list (+SIZE,-INDEX)"},
		{"", "t:1: there is nothing in it"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

static void rep_headers_of_no_dialect_are_refused(void **state)
{
	static const struct refusal refusals[] = {
		{"1 2 3\na 0 8",
	         "t:1: a header of 3 numbers; the dialects known "
	         "here have two or four"},
		{"7\na 0 8", "t:1: a header of 1 number; the dialects known "
	                     "here have two or four"},
		{"1 2 3 4 5\na 0 8",
	         "t:1: \"5\": a fifth number in the header; "
	         "the dialects known here have two or "
	         "four"},
		{"2 -4\na 0 8", "t:1: \"-4\": not a number that a header can "
	                        "have"},
		{"2 4 # dialect\na 0 8",
	         "t:1: \"#\": not a number that a header can have"},
		{"99999999999999999999 4 a 0 8",
	         "t:1: \"99999999999999999999\": not a number that a header "
	         "can have"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

static void wrong_ids_of_rep_files_are_refused(void **state)
{
	static const struct refusal refusals[] = {
		{"2 1\na 2 8", "t:2: id 2 is out of range: the header says 2 "
	                       "ids, counted from 0"},
		{"2 1\nf 7", "t:2: id 7 is out of range: the header says 2 "
	                     "ids, counted from 0"},
		{"2 1\na -1 8", "t:2: \"-1\": not an id (after \"a\")"},
		{"2 1\nf -2", "t:2: \"-2\": not an id (after \"f\")"},
		{"2 1\nr x 8", "t:2: \"x\": not an id (after \"r\")"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

static void wrong_sizes_of_rep_files_are_refused(void **state)
{
	static const struct refusal refusals[] = {
		{"2 2\na 0\nf 0\n", "t:2: \"a 0\" has no size"},
		{"2 2\na 0\na 1 8\n", "t:2: \"a 0\" has no size"},
		{"2 1\na 0 -5", "t:2: \"-5\": a negative size"},
		{"2 1\na 0 0", "t:2: \"a 0 0\": a size of 0"},
		{"2 1\na 0 12x", "t:2: \"12x\": not a size"},
		{"2 1\na 0 0x10", "t:2: \"0x10\": not a size"},
		{"2 1\na 0 4294967296",
	         "t:2: id 0 asks for \"4294967296\" bytes: 4 GiB and more are "
	         "refused in this format"},
		{"2 1\na 0 99999999999999999999",
	         "t:2: id 0 asks for \"99999999999999999999\" bytes: 4 GiB and "
	         "more are refused in this format"},
		{"2 2\na 0 8\nr 0 4294967296",
	         "t:3: id 0 asks for \"4294967296\" bytes: 4 GiB and more are "
	         "refused in this format"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

static void wrong_operations_of_rep_files_are_refused(void **state)
{
	static const struct refusal refusals[] = {
		{"2 2\na 0 8\nq 0", "t:3: \"q\": not an operation (a, r or f)"},
		{"2 2\na 0 8\nalloc 0",
	         "t:3: \"alloc\": not an operation (a, r or f)"},
		{"2 2\na 0 8\n# comment",
	         "t:3: \"#\": not an operation (a, r or f)"},
		{"2 2\na 0 8 9\nf 0",
	         "t:2: \"9\": not an operation (a, r or f)"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

static void unsound_rep_files_are_refused(void **state)
{
	static const struct refusal refusals[] = {
		{"2 3\na 0 8\nf 0\nf 0",
	         "t:4: double free of id 0 (freed at line 3)"},
		{"2 1\nf 0", "t:2: free of id 0, which was never allocated"},
		{"2 2\na 0 8\na 0 9",
	         "t:3: id 0 is live already (allocated at line 2)"},
		{"2 3\na 0 8\nf 0\nr 0 9",
	         "t:4: realloc of id 0 (freed at line 3)"},
		{"2 3\na 0 8\nf 0\nr 0 0",
	         "t:4: double free of id 0 (freed at line 3)"},
		{"2 1\nr 0 0", "t:2: free of id 0, which was never allocated"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

static void malformed_scripts_are_refused(void **state)
{
	static const struct refusal refusals[] = {
		{"# x\na 0 8\nf 0\nf 0",
	         "t:4: double free of id 0 (freed at line 3)"},
		{"a 0 8\nf 1 # no", "t:2: free of id 1, which was never "
	                            "allocated"},
		{"a 0 0", "t:1: \"a 0 0\": a size of 0"},
		{"a 0 8\nx", "t:2: \"x\": not an operation (a, r or f)"},
		{"a 0 8\n1 2 3", "t:2: \"1\": not an operation (a, r or f)"},
		{"a 99999999999 8",
	         "t:1: id 99999999999 is above 4294967293, the most here"},
		{"# only this", "t:1: there is nothing in it"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

static void malformed_ostep_lists_are_refused(void **state)
{
	static const struct refusal refusals[] = {
		{"10", "t:1: the file ends here: a number alone is neither a "
	               ".rep file nor an OSTEP list (+SIZE,-INDEX)"},
		{"10,20", "t:1: column 1: \"10\": neither +SIZE nor -INDEX"},
		{"+10,20", "t:1: column 5: \"20\": neither +SIZE nor -INDEX"},
		{"+0", "t:1: column 1: \"+0\": a size of 0"},
		{"+-5", "t:1: column 1: \"+-5\": a negative size"},
		{"+10,-1",
	         "t:1: column 5: free of allocation 1, which was never "
	         "allocated"},
		{"-0,+10",
	         "t:1: column 1: free of allocation 0, which was never "
	         "allocated"},
		{"+10,-0,-0",
	         "t:1: column 8: double free of allocation 0 (freed "
	         "at column 5)"},
		{"+10,,-0", "t:1: column 5: \"\": nothing between two commas"},
		{"+10,-0,", "t:1: column 8: \"\": nothing between two commas"},
		{"+10,-x", "t:1: column 5: \"-x\": not - and the index of an "
	                   "allocation"},
		{"+1x,-0", "t:1: column 1: \"+1x\": not + and a size"},
		{"+10, -0",
	         "t:1: column 6: an OSTEP list is one line without blanks"},
		{"+10,-0\n+3",
	         "t:2: column 1: an OSTEP list is one line without blanks"},
		{"+4294967296,-0",
	         "t:1: column 1: \"+4294967296\": 4 GiB and more are refused "
	         "in this format"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

/* In files, what begins like nothing known is not taken for inline text. */
static void unknown_files_are_refused(void **state)
{
	static const struct refusal refusals[] = {
		{"a=100 -a", "1: no trace that is known here: neither the text "
	                     "form (its first line is \"alloclab-text 1\") "
	                     "nor the binary one, a CS:APP .rep, a CS107 "
	                     ".script, an OSTEP list, or a log of heaptrack "
	                     "--raw, ltrace, mtrace, logalloc, memory_replay"},
		{"\x7f"
	         "ELF",
	         " byte 0: no trace that is known here: neither "
	         "the text form (its first line is "
	         "\"alloclab-text 1\") nor the binary one, a "
	         "CS:APP .rep, a CS107 .script, an OSTEP list, "
	         "or a log of heaptrack --raw, ltrace, mtrace, "
	         "logalloc, memory_replay"},
	};
	char path[] = "/tmp/alloclab-test-XXXXXX";
	struct trace_error error;
	struct trace trace;

	(void)state;
	close(mkstemp(path));
	for (size_t i = 0; i < 2; i++) {
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		fputs(refusals[i].text, file);
		fclose(file);
		assert_false(trace_read_file(path, &trace, &error));
		assert_memory_equal(error.text, path, strlen(path));
		assert_string_equal(error.text + strlen(path) + 1,
		                    refusals[i].message);
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_dialects_say_the_same),
		cmocka_unit_test(an_ostep_list_counts_allocations),
		cmocka_unit_test(oddities_of_real_files_are_kept),
		cmocka_unit_test(more_operations_than_said_are_left_out),
		cmocka_unit_test(cut_rep_files_are_refused),
		cmocka_unit_test(rep_headers_of_no_dialect_are_refused),
		cmocka_unit_test(wrong_ids_of_rep_files_are_refused),
		cmocka_unit_test(wrong_sizes_of_rep_files_are_refused),
		cmocka_unit_test(wrong_operations_of_rep_files_are_refused),
		cmocka_unit_test(unsound_rep_files_are_refused),
		cmocka_unit_test(malformed_scripts_are_refused),
		cmocka_unit_test(malformed_ostep_lists_are_refused),
		cmocka_unit_test(unknown_files_are_refused),
	};
	return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
