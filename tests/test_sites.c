/*
 * test_sites.c - call sites: stacks kept once, through both forms, and what is
 * refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forge.h"
#include "harness/trace/symbolise.h"
#include "harness/trace/site_table.h"
#include "traces.h"

static void a_stack_is_kept_once(void **state)
{
	struct trace_sites *sites = sites_new();

	(void)state;
	assert_non_null(sites);
	assert_int_equal(sites_module(sites, "/bin/x"), 0);
	assert_int_equal(sites_module(sites, ""), 1);
	assert_int_equal(sites_module(sites, "/bin/x"), 0);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(sites_frame(sites, 0, 0), 0);
		assert_int_equal(sites_frame(sites, 1, 0), 1);
		assert_int_equal(sites_frame(sites, 1, SITE_OFFSET_MAX), 2);
		assert_int_equal(sites_site(sites, 0, 0), 1);
		assert_int_equal(sites_site(sites, 1, 1), 2);
		assert_int_equal(sites_site(sites, 1, 0), 3);
	}
	assert_int_equal(sites->module_count, 2);
	assert_int_equal(sites->frame_count, 3);
	assert_int_equal(sites->site_count, 4);
	sites_free(sites);
}

/* Growth happens at powers of two; addresses come close together. */
static void many_sites_are_told_apart(void **state)
{
	enum { MANY = 20000 };
	struct trace_sites *sites = sites_new();

	(void)state;
	assert_non_null(sites);
	sites_module(sites, "m");
	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal(sites_frame(sites, 0, 4 * i), i);
		assert_int_equal(sites_site(sites, i, i / 2), i + 1);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal(sites->frames[i].offset, 4 * i);
		assert_int_equal(sites->sites[i + 1].frame, i);
		assert_int_equal(sites->sites[i + 1].caller, i / 2);
	}
	sites_free(sites);
}

static void sites_stay_with_their_events(void **state)
{
	static const char text[] = "alloclab-text 2\n"
				   "# source: by hand\n"
				   "module(/bin/x%20y)\n"
				   "frame(0,11c8,main%20%28a.c:1%29%0aouter)\n"
				   "frame(0,12)\n"
				   "site(0)\n"
				   "site(1,1)\n"
				   "^2 a=malloc(100)\n"
				   "^1 b=calloc(40)\n"
				   "free(a)\n"
				   "^1 b=realloc(9)\n"
				   "c=malloc(3)\n";
	struct trace trace = trace_of(text);
	static const uint32_t wanted[] = {2, 1, 0, 1, 0};

	(void)state;
	assert_memory_equal(trace.site_of, wanted, sizeof wanted);
	assert_string_equal(trace.sites->modules[0], "/bin/x y");
	assert_string_equal(trace.sites->frames[0].text, "main (a.c:1)\nouter");
	char *again = written_text(&trace);
	assert_string_equal(again, text);
	free(again);
	struct trace binary = written_and_read(&trace, trace_write_binary);
	assert_same_trace(&trace, &binary);
	trace_destroy(&binary);
	trace_destroy(&trace);
}

/* Nothing refers to the table: the file is one of version 1. */
static void an_unused_table_is_dropped(void **state)
{
	struct trace trace = trace_of("module(m) frame(0,1) site(0) a=1");
	char *text = written_text(&trace);

	(void)state;
	assert_null(trace.sites);
	assert_null(trace.site_of);
	assert_string_equal(text, "alloclab-text 1\na=malloc(1)\n");
	free(text);
	trace_destroy(&trace);
}

/* The checksum stands for the replay: the same with and without sites. */
static void sites_do_not_change_the_checksum(void **state)
{
	struct trace with =
		trace_of("module(m) frame(0,1) site(0) ^1 a=1 ^1 a:9 -a");
	struct trace without = trace_of("a=1 a:9 -a");

	(void)state;
	assert_true(with.checksum == without.checksum);
	trace_destroy(&with);
	trace_destroy(&without);
}

static void refused_texts_are_told_why(void **state)
{
	static const struct refusal refusals[] = {
		{"module(m) module(m) a=1",
	         "t:1: column 11: \"module(m)\": the same stands above "
	         "already"},
		{"module(%zz) a=1",
	         "t:1: \"module(%zz)\": write module(PATH), %NN for blanks "
	         "and the like, at most 4095 bytes"},
		{"module(m",
	         "t:1: \"module(m\": the ) is missing (no blanks inside)"},
		{"frame(0,1) a=1",
	         "t:1: \"frame(0,1)\": there is no such module above"},
		{"module(m)\nframe(0) a=1",
	         "t:2: \"frame(0)\": write frame(MODULE,HEX) or "
	         "frame(MODULE,HEX,TEXT), HEX below 2^47"},
		{"module(m)\nframe(0,800000000000) a=1",
	         "t:2: \"frame(0,800000000000)\": write frame(MODULE,HEX) or "
	         "frame(MODULE,HEX,TEXT), HEX below 2^47"},
		{"module(m)\nframe(0,0X1) a=1",
	         "t:2: \"frame(0,0X1)\": write frame(MODULE,HEX) or "
	         "frame(MODULE,HEX,TEXT), HEX below 2^47"},
		{"module(m)\nframe(0,1,) a=1",
	         "t:2: \"frame(0,1,)\": the text of a frame has 1 to 4000 "
	         "bytes, %NN for blanks and the like"},
		{"module(m)\nframe(0,1,a,b) a=1",
	         "t:2: \"frame(0,1,a,b)\": three arguments at most"},
		{"site(0) a=1",
	         "t:1: \"site(0)\": there is no such frame above"},
		{"module(m) frame(0,1)\nsite(0,1) a=1",
	         "t:2: \"site(0,1)\": there is no such caller above"},
		{"module(m) frame(0,1)\nsite(0,x) a=1",
	         "t:2: \"site(0,x)\": write site(FRAME) or "
	         "site(FRAME,CALLER)"},
		{"^1 a=1", "t:1: \"^1\": there is no such site above"},
		{"^0 a=1", "t:1: \"^0\": a site is ^ and a number above 0"},
		{"module(m) frame(0,1) site(0)\n^1 ^1 a=1",
	         "t:2: column 4: \"^1\": the site before it has no event "
	         "yet"},
		{"module(m) frame(0,1) site(0) a=1\n^1 -a",
	         "t:2: column 4: \"-a\": only what allocates or resizes has a "
	         "site"},
		{"module(m) frame(0,1) site(0) a=1\n^1",
	         "t:2: \"^1\": no event follows this site"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

/* --- the table in the binary form --------------------------------------- */

static void a_table_comes_back(void **state)
{
	struct trace trace = random_trace(5, 500);
	struct trace_sites *again = sites_new();
	const char *reason;
	size_t bytes, bytes_again;

	(void)state;
	uint8_t *table = site_table_encode(trace.sites, &bytes);
	assert_true(site_table_decode(again, table, bytes, &reason));
	uint8_t *table_again = site_table_encode(again, &bytes_again);
	assert_int_equal(bytes, bytes_again);
	assert_memory_equal(table, table_again, bytes);
	free(table);
	free(table_again);
	sites_free(again);
	trace_destroy(&trace);
}

static void every_truncated_table_is_refused(void **state)
{
	struct trace trace = random_trace(5, 200);
	const char *reason;
	size_t bytes;

	(void)state;
	uint8_t *table = site_table_encode(trace.sites, &bytes);
	for (size_t i = 0; i < bytes; i++) {
		struct trace_sites *sites = sites_new();
		uint8_t *copy = malloc(i + 1); /* ASan sees behind i + 1 */
		memcpy(copy, table, i);
		assert_false(site_table_decode(sites, copy, i, &reason));
		assert_string_equal(reason,
		                    "the table of sites ends too early");
		sites_free(sites);
		free(copy);
	}
	free(table);
	trace_destroy(&trace);
}

struct table_lie {
	const uint8_t *table;
	size_t bytes;
	const char *reason;
};

#define TABLE(text) (const uint8_t *)(text), sizeof(text) - 1

/* One module "m", frames, sites. */
static void lying_tables_are_refused(void **state)
{
	static const struct table_lie lies[] = {
		{TABLE("\0\1\0\0\0\0"),
	         "the table of sites has a number that is too large"},
		{TABLE("\1\1m\1\1\0\0\0"),
	         "the table of sites has a number that is too large"},
		{TABLE("\2\1m\1m\0\0"),
	         "the table of sites has something twice"},
		{TABLE("\1\1m\2\0\5\0\0\5\0\0"),
	         "the table of sites has something twice"},
		{TABLE("\1\1m\1\0\5\0\2\0\1\0\2"),
	         "the table of sites has something twice"},
		{TABLE("\1\1m\1\0\5\0\1\0\0"),
	         "a site in the table is its own caller"},
		{TABLE("\1\1m\1\0\5\0\1\0\2"),
	         "the table of sites has a number that is too large"},
		{TABLE("\1\1m\1\0\5\0\1\1\1"),
	         "the table of sites has a number that is too large"},
		{TABLE("\1\1\0\0\0"),
	         "the table of sites has a text with a zero in it"},
		{TABLE("\1\1m\0\0\0"),
	         "bytes are left behind the table of sites"},
		{TABLE("\x81\0\1m\0\0"),
	         "the table of sites has a number of more than 63 bits, or one "
	         "with zeros ahead"},
		{TABLE("\1\1m\1\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0\0"),
	         "the table of sites has a number of more than 63 bits, or one "
	         "with zeros ahead"},
		{TABLE("\1\1m\1\0\x80\x80\x80\x80\x80\x80\x20\0\0"),
	         "the table of sites has a number that is too large"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct trace_sites *sites = sites_new();
		const char *reason = "accepted";
		site_table_decode(sites, lies[i].table, lies[i].bytes, &reason);
		assert_string_equal(reason, lies[i].reason);
		sites_free(sites);
	}
}

/* One malloc(8), one site, and a file around them. */
static void sites_of_a_file_are_checked(void **state)
{
	static const uint8_t table[] = "\1\1m\1\0\5\0\1\0\1";
	struct forgery forgery = {
		.streams = {(const uint8_t *)"\0", (const uint8_t *)"\x08",
	                    (const uint8_t *)"\0", NULL, NULL,
	                    (const uint8_t *)"\1\1"},
		.bytes = {1, 1, 1, 0, 0, 1},
		.events = 1,
		.slots = 1,
		.threads = 1,
		.sites = table,
		.sites_bytes = sizeof table - 1,
	};
	static const struct {
		const char *stream;
		size_t bytes;
		const char *message;
	} lies[] = {
		{"\2", 1, "event 0: a site that is not in the table"},
		{"", 0, "event 0: the stream ends too early"},
		{"\1\1", 2, "event 0: bytes left behind the last event"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct trace_error error = {"accepted"};
		struct trace trace;
		size_t bytes;
		forgery.streams[STREAM_SITES] = (const uint8_t *)lies[i].stream;
		forgery.bytes[STREAM_SITES] = lies[i].bytes;
		uint8_t *file = forge(&forgery, &bytes);
		assert_false(trace_read_text("t", (const char *)file, bytes,
		                             &trace, &error));
		assert_non_null(strstr(error.text, lies[i].message));
		free(file);
	}
}

/* --- names -------------------------------------------------------------- */

/* Where the call of this function returns to. */
__attribute__((noinline)) static const char *caller_of_this(void)
{
	return __builtin_return_address(0);
}

/* A frame in this very program, and one that no file has. */
static void frames_get_function_and_line(void **state)
{
	struct trace_sites *sites = sites_new();
	const char *here = caller_of_this();
	int line = __LINE__ - 1;
	char path[4096], wanted[256];
	Dl_info info;

	(void)state;
	assert_true(dladdr(here, &info) != 0);
	assert_non_null(realpath("/proc/self/exe", path));
	uint32_t module = sites_module(sites, path);
	uint32_t known = sites_frame(
		sites, module, (uint64_t)(here - (const char *)info.dli_fbase));
	uint32_t beyond = sites_frame(sites, module, SITE_OFFSET_MAX);
	uint32_t lost =
		sites_frame(sites, sites_module(sites, "/no/such/file"), 1);
	sites_set_text(sites, lost, "main+2c", 7);
	assert_int_equal(sites_symbolise(sites), 2);
	snprintf(wanted, sizeof wanted,
	         "frames_get_function_and_line (test_sites.c:%d)", line);
	assert_string_equal(sites->frames[known].text, wanted);
	assert_null(sites->frames[beyond].text);
	assert_string_equal(sites->frames[lost].text, "main+2c");
	sites_free(sites);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stack_is_kept_once),
		cmocka_unit_test(many_sites_are_told_apart),
		cmocka_unit_test(sites_stay_with_their_events),
		cmocka_unit_test(an_unused_table_is_dropped),
		cmocka_unit_test(sites_do_not_change_the_checksum),
		cmocka_unit_test(refused_texts_are_told_why),
		cmocka_unit_test(a_table_comes_back),
		cmocka_unit_test(every_truncated_table_is_refused),
		cmocka_unit_test(lying_tables_are_refused),
		cmocka_unit_test(sites_of_a_file_are_checked),
		cmocka_unit_test(frames_get_function_and_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
