/*
 * test_import_logs.c - logs of other tools become traces: each format's calls,
 * what is left out and counted, and what is refused with its line.
 *
 * The logs are written for these tests, after what the tools print.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traces.h"

/* A log, and the text form of what it becomes. */
struct import {
	const char *log;
	const char *form;
	const char *text;  /* without its first two lines */
	const char *notes; /* NULL: nothing to say */
};

/* What stands behind the line of the source. */
static const char *body_of(const char *text)
{
	const char *source = strstr(text, "# source: ");

	return strchr(source, '\n') + 1;
}

static void expect_import(const struct import *import)
{
	struct trace trace = trace_of(import->log);
	char *text = written_text(&trace);

	assert_string_equal(trace.form, import->form);
	assert_string_equal(body_of(text), import->text);
	if (import->notes == NULL)
		assert_null(trace.notes);
	else
		assert_string_equal(trace.notes, import->notes);
	free(text);
	trace_destroy(&trace);
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- logalloc ----------------------------------------------------------- */

static void logalloc_calls(void **state)
{
	static const struct import imports[] = {
		{"70 70 malloc(42)=#1\n"
	         "70 70 calloc(4,8)=#2\r\n"
	         "70 71 realloc(#1,50)=#3\n"
	         "70 70 posix_memalign(64,100)=#4\n"
	         "70 71 memalign(32,1)=#5\n"
	         "70 71 aligned_alloc(16,2)=#6\n"
	         "70 71 valloc(7)=#7\n"
	         "\n"
	         "70 70 jemalloc_stats()\n"
	         "70 70 free(#0)\n"
	         "70 70 free(#3)\n"
	         "70 70 malloc(5)=#1\n",
	         "logalloc log",
	         "a=malloc(42)\n"
	         "b=calloc(32)\n"
	         "start(1)\n"
	         "@1 a=realloc(50)\n"
	         "@0 c=aligned(64,100)\n"
	         "@1 d=aligned(32,1)\n"
	         "e=aligned(16,2)\n"
	         "f=aligned(4096,7)\n"
	         "@0 free(NULL)\n"
	         "free(a)\n"
	         "a=malloc(5)\n",
	         NULL},
		{"1 1 malloc(42)=0x7f10\n"
	         "2 2 malloc(9)=0x7f10\n"
	         "1 1 realloc(0x7f10,0)=0x0\n"
	         "2 3 free(0x7f10)\n",
	         "logalloc log", "a=malloc(42)\nfree(a)\n",
	         "2 calls of other processes than the first: left out\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(imports); i++)
		expect_import(&imports[i]);
}

static void logalloc_refusals(void **state)
{
	static const struct refusal refusals[] = {
		{"1 1 malloc(42)=#1\n1 1 malloc(x)=#2\n",
	         "t:2: \"malloc(x)=#2\": not a call as logalloc writes it"},
		{"1 1 malloc(42)=#1\n1 1 malloc(42)\n",
	         "t:2: \"malloc(42)\": not a call as logalloc writes it"},
		{"1 1 malloc(42)=#1\n1 1 free(#1)#\n",
	         "t:2: \"free(#1)#\": not a call as logalloc writes it"},
		{"1 1 malloc(42)=#1\nhello\n",
	         "t:2: \"hello\": not a line of logalloc (PID TID "
	         "function(arguments)=result)"},
		{"1 1 malloc(42)=#1\n\n1 1 calloc(4294967296,4294967296)=#2\n",
	         "t:3: calloc of more than 2^64 bytes"},
		{"1 1 memalign(3,8)=#1\n",
	         "t:1: the alignment is no power of two"},
		{"1 1 malloc(99999999999999999)=#1\n",
	         "t:1: size 99999999999999999 is above 2^46, the most here"},
		{"1 1 jemalloc_stats()\n", "t: no allocator is called in it"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

/* --- memory_replay ------------------------------------------------------ */

static void replay_calls(void **state)
{
	static const struct import imports[] = {
		{"10: malloc 0x100 20\n"
	         "10: calloc 0x200 4 8\n"
	         "11: realloc 0x300 0x100 30\n"
	         "11: realloc 0x400 0x0 9\n"
	         "11: memalign 0x500 64 100\n"
	         "11: thread_done 0x0\n"
	         "12: free 0x0\n"
	         "10: free 0x300\n",
	         "memory_replay text",
	         "a=malloc(20)\n"
	         "b=calloc(32)\n"
	         "start(1)\n"
	         "@1 a=realloc(30)\n"
	         "c=malloc(9)\n"
	         "d=aligned(64,100)\n"
	         "exit(1)\n"
	         "start(1)\n"
	         "free(NULL)\n"
	         "@0 free(a)\n",
	         NULL},
		{"10: malloc 0x100 20 5000 5100\n"
	         "10: malloc 0x200 30 5200 5300\n"
	         "10: free 0x100 5150 5400\n",
	         "memory_replay text",
	         "+0 a=malloc(20)\n+200 b=malloc(30)\n+0 free(a)\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(imports); i++)
		expect_import(&imports[i]);
}

static void replay_refusals(void **state)
{
	static const struct refusal refusals[] = {
		{"1: malloc 0x100 20\n1: malloc 0x200\n",
	         "t:2: \"malloc\": not as many numbers behind it as it takes "
	         "(and two times)"},
		{"1: malloc 0x100 20 30\n",
	         "t:1: \"malloc\": not as many numbers behind it as it takes "
	         "(and two times)"},
		{"1: malloc 0x100 2x\n", "t:1: \"2x\": not a number"},
		{"1: free 0x100 1 2 3 4 5 6\n", "t:1: \"6\": too many numbers"},
		{"1: malloc 0x100 20\n1: strdup 0x100 20\n",
	         "t:2: \"strdup\": not a call that memory_replay knows"},
		{"1: malloc 0x100 20\n1 free 0x100\n",
	         "t:2: \"1 free 0x100\": not a line of memory_replay (TID: "
	         "function address ...)"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

/* --- mtrace ------------------------------------------------------------- */

static void mtrace_calls(void **state)
{
	static const struct import imports[] = {
		{"= Start\n"
	         "@ ./x:(main+2c)[0x11b2] + 0x100 0xa\n"
	         "@ ./x (1):[0x11c5] < 0x100\n"
	         "@ ./x (1):[0x11c5] > 0x200 0x3e8\n"
	         "@ ./x:(main+2c)[0x11b2] + 0x100 0\n"
	         "@ ./x:[0x11e0] ! 0x200 0x7fffffffffffffff\n"
	         "+ 0x300 0x1\n"
	         "@ ./x:[0x11f0] - 0x200\n"
	         "= End\n",
	         "mtrace log",
	         "module(./x)\n"
	         "module(./x%20%281%29)\n"
	         "frame(0,11b2,main+2c)\n"
	         "frame(1,11c5)\n"
	         "site(0)\n"
	         "site(1)\n"
	         "^1 a=malloc(10)\n"
	         "^2 a=realloc(1000)\n"
	         "^1 b=malloc(0)\n"
	         "c=malloc(1)\n"
	         "free(a)\n",
	         "1 call that failed: left out\n"},
		{"= Start\n+ 0x10 0x1\n+ (nil) 0x2\n- (nil)\n< 0x10\n",
	         "mtrace log", "a=malloc(1)\nfree(NULL)\n",
	         "1 call that failed: left out\n"
	         "1 call without its end: left out\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(imports); i++)
		expect_import(&imports[i]);
}

static void mtrace_refusals(void **state)
{
	static const struct refusal refusals[] = {
		{"= Start\n@ ./x:[0x1 + 0x100 0xa\n",
	         "t:2: \"./x:[0x1 + 0x100 0xa\": no caller as mtrace writes "
	         "it"},
		{"= Start\n+ 0x100\n",
	         "t:2: \"+ 0x100\": not an address and a size"},
		{"= Start\n- 100z\n", "t:2: \"- 100z\": not an address"},
		{"= Start\n+ 0x100 0x1\n> 0x200 0x2\n",
	         "t:3: \">\" without the \"<\" before it"},
		{"= Start\n+ 0x100 0x1\n< 0x100\n- 0x100\n",
	         "t:4: \"- 0x100\": a \">\" must follow the \"<\""},
		{"= Start\n* 0x100 0x1\n",
	         "t:2: \"* 0x100 0x1\": not a line of mtrace (+, -, <, > or "
	         "!)"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

/* --- ltrace ------------------------------------------------------------- */

static void ltrace_calls(void **state)
{
	static const struct import imports[] = {
		/* of one thread; other functions are no matter */
		{"x->malloc(10)                     = 0x100\n"
	         "x->puts(\") = 7\")                 = 3\n"
	         "x->calloc(3, 5)                   = 0x200\n"
	         "x->realloc(0x100, 100)            = 0x300\n"
	         "x->aligned_alloc(32, 64, 0x7f, 0) = 0x400\n"
	         "x->reallocarray(nil, 2, 6)        = 0x500\n"
	         "x->_Znwm(8, 2, 0, 2)              = 0x600\n"
	         "x->_ZnwmSt11align_val_t(4, 64, 1) = 0x700\n"
	         "x->posix_memalign(0x7f, 64, 77)   = 0\n"
	         "x->free(0x300)                    = <void>\n"
	         "x->free(0x999)                    = <void>\n"
	         "x->realloc(0x200, 0)              = 0\n"
	         "x->malloc(1000000)                = 0\n"
	         "x->malloc(7)                      = 0x500\n"
	         "x->_ZdlPvm(0x600, 8, 8)           = 0\n"
	         "+++ exited (status 0) +++\n",
	         "ltrace output",
	         "a=malloc(10)\n"
	         "b=calloc(15)\n"
	         "a=realloc(100)\n"
	         "c=aligned(32,64)\n"
	         "d=malloc(12)\n"
	         "e=malloc(8)\n"
	         "f=aligned(64,4)\n"
	         "free(a)\n"
	         "free(b)\n"
	         "free(d)\n"
	         "d=malloc(7)\n"
	         "free(e)\n",
	         "1 free of a block that was never seen: left out\n"
	         "1 block came back without its free: one was put in\n"
	         "1 call that failed: left out\n"
	         "1 call whose block the log does not show: left out\n"},
	};

	(void)state;
	expect_import(&imports[0]);
}

static void ltrace_calls_of_threads(void **state)
{
	static const struct import imports[] = {
		/* a free counts from its begin, an allocation from its end */
		{"[pid 7] x->malloc(10)                     = 0x100\n"
	         "[pid 8] x->malloc(20 <unfinished ...>\n"
	         "[pid 7] x->free(0x100 <unfinished ...>\n"
	         "[pid 8] <... malloc resumed> )            = 0x100\n"
	         "[pid 7] <... free resumed> )              = <void>\n"
	         "[pid 8] x->realloc(0x100, 30 <unfinished ...>\n"
	         "[pid 7] x->malloc(40)                     = 0x100\n"
	         "[pid 8] <... realloc resumed> )           = 0x200\n"
	         "[pid 8] +++ exited (status 0) +++\n"
	         "[pid 7] x->free(0x200 <no return ...>\n",
	         "ltrace output",
	         "a=malloc(10)\n"
	         "start(1)\n"
	         "free(a)\n"
	         "@1 a=malloc(20)\n"
	         "@0 b=malloc(40)\n"
	         "@1 a=realloc(30)\n"
	         "exit(1)\n"
	         "@0 free(a)\n",
	         NULL},
		/* a realloc that failed: the block is where it was */
		{"malloc(10)                   = 0x100\n"
	         "realloc(0x100, 99999)        = nil\n"
	         "realloc(0x900, 5)            = 0x200\n"
	         "free(0x100)                  = <void>\n",
	         "ltrace output", "a=malloc(10)\nb=malloc(5)\nfree(a)\n",
	         "1 realloc of a block that was never seen: taken as an "
	         "allocation\n"
	         "1 call that failed: left out\n"},
		/* -o, -f and -ttt; exec(); calls cut off */
		{"7 1700000000.000001 x->malloc(1)          = 0x100\n"
	         "8 1700000000.000002 x->malloc(2 <unfinished ...>\n"
	         "8 1700000000.000003 --- Called exec() ---\n"
	         "8 1700000000.000003 y->malloc(2)          = 0x300\n"
	         "7 1700000000.000004 malloc@libc.so.6(3)   = 0x200\n"
	         "9 1700000000.000005 <... malloc resumed> ) = 0x500\n",
	         "ltrace output",
	         "+0 a=malloc(1)\n+0 start(1)\n+3000 b=malloc(3)\n"
	         "+0 start(2)\n",
	         "2 calls without their ends: left out\n"
	         "1 call of another process than the first: left out\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(imports); i++)
		expect_import(&imports[i]);
}

static void ltrace_refusals(void **state)
{
	static const struct refusal refusals[] = {
		{"x->malloc(10) = 0x100\nhello\n",
	         "t:2: \"hello\": not a line of ltrace; with ltrace -o FILE "
	         "the program's own output stays out of it"},
		{"x->malloc(10) = 0x100\nx->malloc(10)\n",
	         "t:2: \"malloc\": a call without its result, and not "
	         "unfinished"},
		{"x->malloc(10) = 0x100\nx->malloc(\"a\") = 0x200\n",
	         "t:2: \"malloc\": not the arguments of a call, in numbers"},
		{"x->calloc(10) = 0x100\n",
	         "t:1: \"calloc\": not the arguments of a call, in numbers"},
		{"x->malloc(10 <unfinished ...>\n<... malloc resumed> )\n",
	         "t:2: \"malloc\": resumed, and no result"},
		{"x->aligned_alloc(3, 64) = 0x100\n",
	         "t:1: the alignment is no power of two"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

/* --- heaptrack ---------------------------------------------------------- */

static const char heaptrack_log[] = "v 10400 3\n"
				    "x 6 /bin/x\n"
				    "X ./x -c import this\nimport that\n\n"
				    "I 1000 5e298f\n"
				    "m 1 -\n"
				    "m 1 x 1000 0 850 1000 3a9\n"
				    "m 6 /lib/y 7f0000 0 2b28 3000 5685\n"
				    "t 7f3010 0\n"
				    "t 1020 1\n"
				    "t 2100 0\n"
				    "t 99999 3\n"
				    "+ a 2 100\n"
				    "c 5\n"
				    "+ 14 4 200\n"
				    "R 12\n"
				    "- 100\n"
				    "m 1 -\n"
				    "t 2100 0\n"
				    "c 7\n"
				    "+ 0 5 100\n"
				    "+ 1 0 300\n"
				    "- 999\n";

static void heaptrack_calls(void **state)
{
	static const struct import import = {
		heaptrack_log, "heaptrack raw data",
		"module(/bin/x)\n"
		"module(/lib/y)\n"
		"module()\n"
		"frame(1,3011)\n"
		"frame(0,21)\n"
		"frame(0,1101)\n"
		"frame(2,9999a)\n"
		"frame(2,2101)\n"
		"site(0)\n"
		"site(1,1)\n"
		"site(2)\n"
		"site(3,3)\n"
		"site(4)\n"
		"+0 ^2 a=malloc(10)\n"
		"+0 ^4 b=malloc(20)\n"
		"+0 free(a)\n"
		"+2000000 ^5 a=malloc(0)\n"
		"+0 c=malloc(1)\n",
		"1 free of a block that was never seen: left out\n"};

	(void)state;
	expect_import(&import);
}

static void heaptrack_refusals(void **state)
{
	static const struct refusal refusals[] = {
		{"v 10400 4\n",
	         "t:1: a format of heaptrack that is not 3, the one known "
	         "here"},
		{"v 10400 3\ns 4 main\n",
	         "t:2: this is heaptrack's interpreted form, which has no "
	         "addresses: use heaptrack --raw"},
		{"v 10400 3\n+ a 0\n",
	         "t:2: + and not a size, a stack, an address (the interpreted "
	         "form has no addresses: use heaptrack --raw)"},
		{"v 10400 3\n+ a 1 100\n", "t:2: there is no such stack above"},
		{"v 10400 3\nt 100 1\n", "t:2: there is no such stack above"},
		{"v 10400 3\nt 100\n", "t:2: t and not an address and a stack"},
		{"v 10400 3\n- x\n", "t:2: - and not an address"},
		{"v 10400 3\nm 9 /bin\n",
	         "t:2: m and no length and path behind it"},
		{"v 10400 3\nm 4 /bin\n", "t:2: a module without its base"},
		{"v 10400 3\nm 4 /bin 100 0\n",
	         "t:2: a segment without its size"},
		{"v 10400 3\nm 4 /bin 100 0 5 x\n", "t:2: not a segment"},
		{"v 10400 3\nx\n", "t:2: x and no length and path behind it"},
		{"v 10400 3\nc x\n", "t:2: c and not a time"},
		{"v 10400 3\nq\n", "t:2: not a line of heaptrack's raw form"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

/* --- told by the user --------------------------------------------------- */

static void a_format_can_be_forced(void **state)
{
	char path[] = "/tmp/alloclab-test-XXXXXX";
	struct trace_error error;
	struct trace trace;
	int fd = mkstemp(path);
	static const char log[] = "- 0x100\n+ 0x100 0x5\n";

	(void)state;
	assert_int_equal(write(fd, log, sizeof log - 1), sizeof log - 1);
	close(fd);
	assert_false(trace_read_file(path, &trace, &error));
	assert_true(trace_read_file_as(path, "mtrace", &trace, &error));
	assert_int_equal(trace.events, 1);
	trace_destroy(&trace);
	assert_false(trace_read_file_as(path, "heaptrack", &trace, &error));
	assert_non_null(strstr(error.text, ":1: heaptrack's files begin with "
	                                   "v and their version"));
	assert_false(trace_read_file_as(path, "inline", &trace, &error));
	assert_non_null(strstr(error.text, trace_format_names));
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logalloc_calls),
		cmocka_unit_test(logalloc_refusals),
		cmocka_unit_test(replay_calls),
		cmocka_unit_test(replay_refusals),
		cmocka_unit_test(mtrace_calls),
		cmocka_unit_test(mtrace_refusals),
		cmocka_unit_test(ltrace_calls),
		cmocka_unit_test(ltrace_calls_of_threads),
		cmocka_unit_test(ltrace_refusals),
		cmocka_unit_test(heaptrack_calls),
		cmocka_unit_test(heaptrack_refusals),
		cmocka_unit_test(a_format_can_be_forced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
