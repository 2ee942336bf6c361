/*
 * test_record.c - programs that know what they allocate are recorded, and the
 * traces must say the same; whatever a program does, nothing of the recording
 * stays behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/record/address_map.h"
#include "harness/trace/trace.h"

enum { ARGS_MAX = 16, TEXT_BYTES = 16384 };

static char build[PATH_MAX]; /* the folder of alloclab           */
static char work[] = "/tmp/alloclab-test-record-XXXXXX";
static char temporary[64];    /* work/tmp, the TMPDIR of all runs */
static char text[TEXT_BYTES]; /* stderr of the last run           */
static rlim_t file_limit = RLIM_INFINITY;

/* --- running ------------------------------------------------------------ */

/* "build/tests/programs/NAME", in one of a few buffers. */
static char *program(const char *name)
{
	static char paths[4][PATH_MAX + 64];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/tests/programs/%s", build, name);
	return path;
}

/* "work/NAME" */
static char *in_work(const char *name)
{
	static char paths[4][128];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", work, name);
	return path;
}

static _Noreturn void become(char **argv)
{
	const struct rlimit limit = {file_limit, RLIM_INFINITY};
	int errors =
		open(in_work("stderr"), O_CREAT | O_TRUNC | O_WRONLY, 0600);

	if (dup2(errors, STDERR_FILENO) < 0 || chdir(work) != 0 ||
	    setrlimit(RLIMIT_FSIZE, &limit) != 0)
		_exit(125);
	setenv("TMPDIR", temporary, 1);
	execv(argv[0], argv);
	_exit(125);
}

static void read_text(void)
{
	FILE *errors = fopen(in_work("stderr"), "r");

	assert_non_null(errors);
	text[fread(text, 1, sizeof text - 1, errors)] = '\0';
	fclose(errors);
}

static void require_text(const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, text);
}

static void require_no_text(const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" is in: %s", part, text);
}

static void require_nothing_left(void)
{
	DIR *folder = opendir(temporary);

	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
		if (entry->d_name[0] != '.')
			fail_msg("left behind: %s", entry->d_name);
	closedir(folder);
}

/* Starts `alloclab record` with the words, up to a NULL. */
static pid_t start_recorder(va_list words)
{
	char alloclab[PATH_MAX + 16], name[] = "record";
	char *argv[ARGS_MAX] = {alloclab, name};

	snprintf(alloclab, sizeof alloclab, "%s/alloclab", build);
	for (int i = 2; i < ARGS_MAX - 1; i++)
		if ((argv[i] = va_arg(words, char *)) == NULL)
			break;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		become(argv);
	return child;
}

/* Runs `alloclab record WORDS...` and requires its exit status. */
static void record(int expected, ...)
{
	va_list words;
	int status;

	va_start(words, expected);
	pid_t child = start_recorder(words);
	va_end(words);
	assert_int_equal(waitpid(child, &status, 0), child);
	read_text();
	if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
		fail_msg("status %x, not %d: %s", status, expected, text);
	require_nothing_left();
}

/* --- counting ----------------------------------------------------------- */

static void read_trace(const char *name, struct trace *trace)
{
	struct trace_error error;

	if (!trace_read_file(in_work(name), trace, &error))
		fail_msg("%s", error.text);
}

/* How many events of a kind are about blocks of `size` bytes (after them). */
static uint64_t count(const struct trace *trace, enum trace_kind kind,
                      uint64_t size)
{
	uint64_t *sizes = calloc(trace->slots + 1u, sizeof *sizes);
	uint64_t found = 0;

	assert_non_null(sizes);
	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		if (op->kind <= TRACE_REALLOC)
			sizes[op->slot] = op->size;
		if (op->kind <= TRACE_FREE)
			found += op->kind == kind && sizes[op->slot] == size;
	}
	free(sizes);
	return found;
}

static uint64_t count_kind(const struct trace *trace, enum trace_kind kind)
{
	uint64_t found = 0;

	for (uint64_t i = 0; i < trace->events; i++)
		found += trace->ops[i].kind == kind;
	return found;
}

static uint64_t count_in_file(const char *name, uint64_t size)
{
	struct trace trace;

	read_trace(name, &trace);
	uint64_t found = count(&trace, TRACE_MALLOC, size);
	assert_int_equal(count(&trace, TRACE_FREE, size), found);
	trace_destroy(&trace);
	return found;
}

/* The one file in `work` whose name begins and ends so. */
static char *find_file(const char *begin, const char *end)
{
	static char name[256];
	DIR *folder = opendir(work);
	int found = 0;

	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		size_t bytes = strlen(entry->d_name);
		if (strncmp(entry->d_name, begin, strlen(begin)) != 0 ||
		    bytes < strlen(end) ||
		    strcmp(entry->d_name + bytes - strlen(end), end) != 0)
			continue;
		snprintf(name, sizeof name, "%s", entry->d_name);
		found++;
	}
	closedir(folder);
	assert_int_equal(found, 1);
	return name;
}

/* --- tests -------------------------------------------------------------- */

/* Scattered, so that some share a home: multiples of 16 alone would not. */
static uint64_t scattered_address(uint32_t i)
{
	uint64_t mixed = (i + 1) * 0xd6e8feb86659fd93u;

	mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93u;
	return (mixed ^ mixed >> 32) | 1;
}

static void map_finds_what_stays_after_removals(void **state)
{
	struct address_map map = {0};
	enum { BLOCKS = 20000 };

	(void)state;
	for (uint32_t i = 0; i < BLOCKS; i++)
		assert_true(address_map_add(&map, scattered_address(i), i));
	for (uint32_t i = 0; i < BLOCKS; i += 2)
		assert_int_equal(address_map_take(&map, scattered_address(i)),
		                 i);
	for (uint32_t i = 0; i < BLOCKS; i += 2)
		assert_int_equal(address_map_take(&map, scattered_address(i)),
		                 ADDRESS_UNKNOWN);
	for (uint32_t i = 1; i < BLOCKS; i += 2)
		assert_int_equal(address_map_take(&map, scattered_address(i)),
		                 i);
	assert_int_equal(map.count, 0);
	address_map_free(&map);
}

/* Eight threads of record_hammer, whose addresses pass from one to the other. */
static void require_hammer_counts(const char *name)
{
	enum { THREADS = 8, ROUNDS = 20000 };
	struct trace trace;

	read_trace(name, &trace);
	for (uint64_t t = 0; t < THREADS; t++) {
		assert_int_equal(count(&trace, TRACE_MALLOC, 1001 + t), ROUNDS);
		assert_int_equal(count(&trace, TRACE_FREE, 1001 + t), ROUNDS);
		assert_int_equal(count(&trace, TRACE_MALLOC, 2001 + t), ROUNDS);
		assert_int_equal(count(&trace, TRACE_REALLOC, 3001 + t),
		                 ROUNDS);
		assert_int_equal(count(&trace, TRACE_FREE, 3001 + t), ROUNDS);
	}
	assert_int_equal(count_kind(&trace, TRACE_THREAD_START), THREADS);
	assert_int_equal(count_kind(&trace, TRACE_THREAD_EXIT), THREADS);
	trace_destroy(&trace);
	require_text("160000 realloc(s) that failed");
	/* What stamps in the wrong order look like. */
	require_no_text("before the recording");
	require_no_text("without a free");
}

static void eight_threads_lose_and_double_nothing(void **state)
{
	(void)state;
	record(0, "-o", "hammer.trace", "--", program("record_hammer"), "8",
	       "20000", NULL);
	require_hammer_counts("hammer.trace");
}

static void stamps_order_an_address_that_changes_hands(void **state)
{
	(void)state;
	record(0, "-o", "eager.trace", "--", program("record_hammer_eager"),
	       "8", "20000", NULL);
	require_hammer_counts("eager.trace");
}

static void each_function_is_recorded_as_what_it_is(void **state)
{
	static const struct trace_op expected[] = {
		{.kind = TRACE_MALLOC, .size = 7001},
		{.kind = TRACE_FREE},
		{.kind = TRACE_CALLOC, .size = 7021},
		{.kind = TRACE_FREE},
		{.kind = TRACE_FREE, .slot = 1}, /* free(NULL) */
		{.kind = TRACE_MALLOC, .size = 0},
		{.kind = TRACE_FREE},
		{.kind = TRACE_ALIGNED, .size = 7003, .align_log2 = 6},
		{.kind = TRACE_FREE},
		{.kind = TRACE_ALIGNED, .size = 8192, .align_log2 = 12},
		{.kind = TRACE_FREE},
		{.kind = TRACE_ALIGNED, .size = 7004, .align_log2 = 8},
		{.kind = TRACE_FREE},
		{.kind = TRACE_ALIGNED, .size = 7005, .align_log2 = 12},
		{.kind = TRACE_FREE},
		{.kind = TRACE_ALIGNED, .size = 8192, .align_log2 = 12},
		{.kind = TRACE_FREE},
		{.kind = TRACE_ALIGNED, .size = 7007, .align_log2 = 20},
		{.kind = TRACE_FREE},
		{.kind = TRACE_MALLOC, .size = 7010},
		{.kind = TRACE_REALLOC, .size = 21033},
		{.kind = TRACE_REALLOC, .size = 7012},
		{.kind = TRACE_FREE},
	};
	struct trace trace;

	(void)state;
	record(0, "-o", "family.trace", program("record_family"), NULL);
	require_no_text("exited with status");
	require_text("1 realloc(s) that failed");
	require_text("1 alignment(s) above 1 MiB");
	read_trace("family.trace", &trace);
	assert_int_equal(trace.events, sizeof expected / sizeof expected[0]);
	assert_memory_equal(trace.ops, expected, sizeof expected);
	trace_destroy(&trace);
}

static void every_way_to_end_keeps_all_events(void **state)
{
	static const struct {
		const char *way, *said;
	} ways[] = {
		{"exit", "202 events of 1 thread"},
		{"_exit", "202 events of 1 thread"},
		{"abort", "was killed by SIGABRT"},
		{"kill", "was killed by SIGKILL"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		record(0, "-o", "end.trace", program("record_process"),
		       ways[i].way, NULL);
		require_text(ways[i].said);
		assert_int_equal(count_in_file("end.trace", 4001), 100);
	}
}

static void a_childs_calls_stay_out_of_the_parents_trace(void **state)
{
	static const struct {
		const char *way, *said;
	} ways[] = {
		{"fork", "not recorded: 1 forked child and 0 programs"},
		{"clone", "not recorded: 1 forked child and 0 programs"},
		{"spawn", "not recorded: 0 forked children and 1 program "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		record(0, "-o", "parent.trace", program("record_process"),
		       ways[i].way, "5000", NULL);
		require_text(ways[i].said);
		assert_int_equal(count_in_file("parent.trace", 4001), 5000);
		assert_int_equal(count_in_file("parent.trace", 4002), 0);
		assert_int_equal(count_in_file("parent.trace", 4003), 5000);
	}
}

static void follow_gives_each_process_a_trace(void **state)
{
	static const char *const ways[] = {"fork", "clone", "spawn"};
	char out[64], begin[64];

	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		snprintf(out, sizeof out, "follow-%s.trace", ways[i]);
		snprintf(begin, sizeof begin, "follow-%s.2-", ways[i]);
		record(0, "--follow", "-o", out, program("record_process"),
		       ways[i], "5000", NULL);
		require_text("2 programs recorded");
		assert_int_equal(count_in_file(out, 4001), 5000);
		assert_int_equal(count_in_file(out, 4003), 5000);
		char *child = find_file(begin, ".trace");
		assert_int_equal(count_in_file(child, 4001), 0);
		assert_int_equal(count_in_file(child, 4002), 5000);
	}
}

static void a_child_that_only_frees_is_no_failure(void **state)
{
	(void)state;
	record(0, "--follow", "-o", "heir.trace", program("record_process"),
	       "inherit", NULL);
	require_text("1 free(s) of blocks from before the recording");
	require_text("not written: no other call was made");
	assert_int_equal(count_in_file("heir.trace", 4006), 1);
}

static void exec_loses_neither_program(void **state)
{
	(void)state;
	record(0, "-o", "exec.trace", program("record_process"), "exec", NULL);
	require_text("exec\": 202 records; --follow keeps them");
	assert_int_equal(count_in_file("exec.trace", 4004), 300);
	record(0, "-f", "-o", "exec.trace", program("record_process"), "exec",
	       NULL);
	assert_int_equal(count_in_file("exec.trace", 4004), 300);
	char *before = find_file("exec.1-", ".trace");
	assert_int_equal(count_in_file(before, 4001), 100);
}

static void thread_numbers_are_used_again(void **state)
{
	struct trace trace;

	(void)state;
	record(0, "-o", "threads.trace", program("record_process"), "threads",
	       "5000", NULL);
	require_text("events of 5001 threads");
	read_trace("threads.trace", &trace);
	assert_int_equal(count(&trace, TRACE_MALLOC, 4005), 5000);
	assert_int_equal(count_kind(&trace, TRACE_THREAD_START), 5000);
	assert_int_equal(count_kind(&trace, TRACE_THREAD_EXIT), 5000);
	assert_int_equal(trace.threads, 2);
	trace_destroy(&trace);
}

static void times_are_kept_on_request(void **state)
{
	struct trace trace;

	(void)state;
	record(0, "-o", "time.trace", program("record_process"), "exit", NULL);
	read_trace("time.trace", &trace);
	assert_null(trace.times);
	trace_destroy(&trace);
	record(0, "--time", "-o", "time.trace", program("record_process"),
	       "exit", NULL);
	read_trace("time.trace", &trace);
	assert_non_null(trace.times);
	assert_int_equal(trace.times[0], 0);
	for (uint64_t i = 1; i < trace.events; i++)
		assert_true(trace.times[i] >= trace.times[i - 1]);
	assert_true(trace.times[trace.events - 1] > 0);
	trace_destroy(&trace);
}

/* Windows of 4, 8, ..., 512 KiB fit below 1 MiB together, the next does not. */
static void a_full_disk_leaves_a_true_beginning(void **state)
{
	enum { RECORDS = (1024 - 4) * 1024 / 32 };
	struct trace trace;

	(void)state;
	file_limit = 1 << 20;
	record(1, "-o", "full.trace", program("record_process"), "exit",
	       "100000", NULL);
	file_limit = RLIM_INFINITY;
	require_text("recording stopped after call 32640: File too large");
	require_no_text("exited with status");
	read_trace("full.trace", &trace);
	assert_int_equal(trace.events, RECORDS);
	assert_int_equal(count(&trace, TRACE_MALLOC, 4001), RECORDS - 1);
	trace_destroy(&trace);
}

/* Copies the program and sets mode bits, as chmod does. */
static void copy_with_mode(const char *from, const char *to, mode_t mode)
{
	char bytes[65536];
	size_t got;
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");

	assert_non_null(in);
	assert_non_null(out);
	while ((got = fread(bytes, 1, sizeof bytes, in)) > 0)
		assert_int_equal(fwrite(bytes, 1, got, out), got);
	fclose(in);
	fclose(out);
	assert_int_equal(chmod(to, mode), 0);
}

static void write_script(const char *path, const char *first_line)
{
	FILE *script = fopen(path, "w");

	assert_non_null(script);
	fprintf(script, "%s\ntouch ran\n", first_line);
	fclose(script);
	assert_int_equal(chmod(path, 0755), 0);
}

static void what_cannot_be_recorded_is_refused_before_it_runs(void **state)
{
	char line[PATH_MAX + 64];

	(void)state;
	record(2, "--", program("record_static"), "exit", NULL);
	require_text("is statically linked");
	copy_with_mode(program("record_process"), in_work("suid"), 04755);
	record(2, "./suid", "exit", NULL);
	require_text("./suid is setuid");
	copy_with_mode(program("record_process"), in_work("sgid"), 02755);
	record(2, "./sgid", "exit", NULL);
	require_text("./sgid is setgid");
	snprintf(line, sizeof line, "#! %s exit", program("record_static"));
	write_script(in_work("script"), line);
	record(2, "./script", NULL);
	require_text("record_static is statically linked");
	write_script(in_work("script"), "#!/usr/bin/env no-such-program");
	record(2, "./script", NULL);
	require_text("there is no program \"no-such-program\" in PATH");
	record(2, "no-such-program", NULL);
	require_text("there is no program \"no-such-program\" in PATH");
	record(2, "./stderr", NULL);
	require_text("./stderr is not executable");
	record(2, work, NULL);
	require_text("is a folder");
	record(2, "-o", "no/such/folder/x.trace", "true", NULL);
	require_text("no/such/folder/x.trace: cannot be written");
	record(2, NULL);
	require_text("which program?");
	assert_int_not_equal(access(in_work("ran"), F_OK), 0);
}

static void scripts_are_recorded_as_their_interpreter(void **state)
{
	(void)state;
	write_script(in_work("good"), "#!/bin/sh");
	record(0, "-o", "good.trace", "./good", NULL);
	write_script(in_work("good"), "");
	record(0, "-o", "good.trace", "./good", NULL);
	assert_int_equal(access(in_work("ran"), F_OK), 0);
}

/* Starts a recording, waits until the program says "ready", sends a signal. */
static int interrupt_ready_program(int signal, ...)
{
	char ready[8] = "";
	int ends[2], status;
	va_list words;

	assert_int_equal(pipe(ends), 0);
	int saved = dup(STDOUT_FILENO);
	dup2(ends[1], STDOUT_FILENO);
	va_start(words, signal);
	pid_t child = start_recorder(words);
	va_end(words);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(ends[1]);
	assert_int_equal(read(ends[0], ready, 6), 6);
	close(ends[0]);
	assert_int_equal(kill(child, signal), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	read_text();
	return status;
}

static void an_interrupt_ends_the_program_and_keeps_the_trace(void **state)
{
	(void)state;
	int status = interrupt_ready_program(SIGTERM, "-o", "cut.trace",
	                                     program("record_process"), "sleep",
	                                     NULL);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	require_text("was killed by SIGTERM");
	assert_int_equal(count_in_file("cut.trace", 4001), 100);
	require_nothing_left();
}

/* --- the folder that all work in ---------------------------------------- */

static int set_up(void **state)
{
	(void)state;
	ssize_t got = readlink("/proc/self/exe", build, sizeof build - 1);
	if (got < 0 || mkdtemp(work) == NULL)
		return -1;
	build[got] = '\0';
	dirname(dirname(build)); /* without "/tests/test_record" */
	snprintf(temporary, sizeof temporary, "%s/tmp", work);
	return mkdir(temporary, 0700);
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", work);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_finds_what_stays_after_removals),
		cmocka_unit_test(eight_threads_lose_and_double_nothing),
		cmocka_unit_test(stamps_order_an_address_that_changes_hands),
		cmocka_unit_test(each_function_is_recorded_as_what_it_is),
		cmocka_unit_test(every_way_to_end_keeps_all_events),
		cmocka_unit_test(a_childs_calls_stay_out_of_the_parents_trace),
		cmocka_unit_test(follow_gives_each_process_a_trace),
		cmocka_unit_test(a_child_that_only_frees_is_no_failure),
		cmocka_unit_test(exec_loses_neither_program),
		cmocka_unit_test(thread_numbers_are_used_again),
		cmocka_unit_test(times_are_kept_on_request),
		cmocka_unit_test(a_full_disk_leaves_a_true_beginning),
		cmocka_unit_test(
			what_cannot_be_recorded_is_refused_before_it_runs),
		cmocka_unit_test(scripts_are_recorded_as_their_interpreter),
		cmocka_unit_test(
			an_interrupt_ends_the_program_and_keeps_the_trace),
	};
	return cmocka_run_group_tests_name("record", tests, set_up, tear_down);
}
