/*
 * test_record.c - programs that know what they allocate are recorded, and the
 * traces must say the same; whatever a program does, nothing of the recording
 * stays behind.
 */
#include "recorder.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/trace/address_map.h"
#include "harness/trace/trace.h"

/* --- counting ----------------------------------------------------------- */

static uint64_t count_in_file(const char *name, uint64_t size)
{
	struct trace trace;

	recorder_read_trace(name, &trace);
	uint64_t found = recorder_count(&trace, TRACE_MALLOC, size);
	assert_int_equal(recorder_count(&trace, TRACE_FREE, size), found);
	trace_destroy(&trace);
	return found;
}

/* The one file in `work` whose name begins and ends so. */
static char *find_file(const char *begin, const char *end)
{
	static char name[256];
	DIR *folder = opendir(recorder_folder());
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
	recorder_run(0, "-o", "family.trace", recorded_program("record_family"),
	             NULL);
	recorder_said_not("exited with status");
	recorder_said("1 realloc(s) that failed");
	recorder_said("1 alignment(s) above 1 MiB");
	recorder_read_trace("family.trace", &trace);
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
		recorder_run(0, "-o", "end.trace",
		             recorded_program("record_process"), ways[i].way,
		             NULL);
		recorder_said(ways[i].said);
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
		recorder_run(0, "-o", "parent.trace",
		             recorded_program("record_process"), ways[i].way,
		             "5000", NULL);
		recorder_said(ways[i].said);
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
		recorder_run(0, "--follow", "-o", out,
		             recorded_program("record_process"), ways[i],
		             "5000", NULL);
		recorder_said("2 programs recorded");
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
	recorder_run(0, "--follow", "-o", "heir.trace",
	             recorded_program("record_process"), "inherit", NULL);
	recorder_said("1 free(s) of blocks from before the recording");
	recorder_said("not written: no other call was made");
	assert_int_equal(count_in_file("heir.trace", 4006), 1);
}

static void exec_loses_neither_program(void **state)
{
	struct trace trace;

	(void)state;
	recorder_run(0, "-o", "exec.trace", recorded_program("record_process"),
	             "exec", NULL);
	recorder_said("exec\": 202 records; --follow keeps them");
	recorder_said("alloclab record: the trace is of \"");
	recorder_said("records, the most");
	assert_int_equal(count_in_file("exec.trace", 4004), 300);
	recorder_read_trace("exec.trace", &trace);
	recorder_require_source_end(&trace, "/record_process 4004 300");
	trace_destroy(&trace);
	recorder_run(0, "-f", "-o", "exec.trace",
	             recorded_program("record_process"), "exec", NULL);
	assert_int_equal(count_in_file("exec.trace", 4004), 300);
	char *before = find_file("exec.1-", ".trace");
	assert_int_equal(count_in_file(before, 4001), 100);
}

static void thread_numbers_are_used_again(void **state)
{
	struct trace trace;

	(void)state;
	recorder_run(0, "-o", "threads.trace",
	             recorded_program("record_process"), "threads", "5000",
	             NULL);
	recorder_said("events of 5001 threads");
	recorder_read_trace("threads.trace", &trace);
	assert_int_equal(recorder_count(&trace, TRACE_MALLOC, 4005), 5000);
	assert_int_equal(recorder_count_kind(&trace, TRACE_THREAD_START), 5000);
	assert_int_equal(recorder_count_kind(&trace, TRACE_THREAD_EXIT), 5000);
	assert_int_equal(trace.threads, 2);
	trace_destroy(&trace);
}

static void the_programs_descriptors_are_its_own(void **state)
{
	static const char *const options[] = {"--time", "--sites"};
	char text[8];

	(void)state;
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		recorder_run(0, options[i], "-o", "closed.trace",
		             recorded_program("record_closed"), NULL);
		recorder_said_not("exited with status");
		assert_int_equal(count_in_file("closed.trace", 4007), 10000);
		for (char name[] = "own0"; name[3] < '8'; name[3]++) {
			FILE *file = fopen(recorder_path(name), "r");
			assert_non_null(file);
			assert_int_equal(fread(text, 1, sizeof text, file), 4);
			assert_memory_equal(text, "mine", 4);
			fclose(file);
		}
	}
}

static void times_are_kept_on_request(void **state)
{
	struct trace trace;

	(void)state;
	recorder_run(0, "-o", "time.trace", recorded_program("record_process"),
	             "exit", NULL);
	recorder_read_trace("time.trace", &trace);
	assert_null(trace.times);
	trace_destroy(&trace);
	recorder_run(0, "--time", "-o", "time.trace",
	             recorded_program("record_process"), "exit", NULL);
	recorder_read_trace("time.trace", &trace);
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
	enum { RECORDS = (1024 - 4) * 1024 / 16 };
	struct trace trace;

	(void)state;
	recorder_file_limit = 1 << 20;
	recorder_run(1, "-o", "full.trace", recorded_program("record_process"),
	             "exit", "100000", NULL);
	recorder_file_limit = RLIM_INFINITY;
	recorder_said("recording stopped after call 65280: File too large");
	recorder_said_not("exited with status");
	recorder_read_trace("full.trace", &trace);
	assert_int_equal(trace.events, RECORDS);
	assert_int_equal(recorder_count(&trace, TRACE_MALLOC, 4001),
	                 RECORDS - 1);
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
	recorder_run(2, "--", recorded_program("record_static"), "exit", NULL);
	recorder_said("is statically linked");
	copy_with_mode(recorded_program("record_process"),
	               recorder_path("suid"), 04755);
	recorder_run(2, "./suid", "exit", NULL);
	recorder_said("./suid is setuid");
	copy_with_mode(recorded_program("record_process"),
	               recorder_path("sgid"), 02755);
	recorder_run(2, "./sgid", "exit", NULL);
	recorder_said("./sgid is setgid");
	snprintf(line, sizeof line, "#! %s exit",
	         recorded_program("record_static"));
	write_script(recorder_path("script"), line);
	recorder_run(2, "./script", NULL);
	recorder_said("record_static is statically linked");
	write_script(recorder_path("script"), "#!/usr/bin/env no-such-program");
	recorder_run(2, "./script", NULL);
	recorder_said("there is no program \"no-such-program\" in PATH");
	recorder_run(2, "no-such-program", NULL);
	recorder_said("there is no program \"no-such-program\" in PATH");
	recorder_run(2, "./stderr", NULL);
	recorder_said("./stderr is not executable");
	recorder_run(2, recorder_folder(), NULL);
	recorder_said("is a folder");
	recorder_run(2, "-o", "no/such/folder/x.trace", "true", NULL);
	recorder_said("no/such/folder/x.trace: cannot be written");
	recorder_run(2, NULL);
	recorder_said("which program?");
	assert_int_not_equal(access(recorder_path("ran"), F_OK), 0);
}

static void scripts_are_recorded_as_their_interpreter(void **state)
{
	(void)state;
	write_script(recorder_path("good"), "#!/bin/sh");
	recorder_run(0, "-o", "good.trace", "./good", NULL);
	write_script(recorder_path("good"), "");
	recorder_run(0, "-o", "good.trace", "./good", NULL);
	assert_int_equal(access(recorder_path("ran"), F_OK), 0);
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
	pid_t child = recorder_start(words);
	va_end(words);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(ends[1]);
	assert_int_equal(read(ends[0], ready, 6), 6);
	close(ends[0]);
	assert_int_equal(kill(child, signal), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	recorder_read_stderr();
	return status;
}

static void an_interrupt_ends_the_program_and_keeps_the_trace(void **state)
{
	(void)state;
	int status = interrupt_ready_program(SIGTERM, "-o", "cut.trace",
	                                     recorded_program("record_process"),
	                                     "sleep", NULL);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	recorder_said("was killed by SIGTERM");
	assert_int_equal(count_in_file("cut.trace", 4001), 100);
	recorder_left_nothing();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_finds_what_stays_after_removals),
		cmocka_unit_test(each_function_is_recorded_as_what_it_is),
		cmocka_unit_test(every_way_to_end_keeps_all_events),
		cmocka_unit_test(a_childs_calls_stay_out_of_the_parents_trace),
		cmocka_unit_test(follow_gives_each_process_a_trace),
		cmocka_unit_test(a_child_that_only_frees_is_no_failure),
		cmocka_unit_test(exec_loses_neither_program),
		cmocka_unit_test(thread_numbers_are_used_again),
		cmocka_unit_test(the_programs_descriptors_are_its_own),
		cmocka_unit_test(times_are_kept_on_request),
		cmocka_unit_test(a_full_disk_leaves_a_true_beginning),
		cmocka_unit_test(
			what_cannot_be_recorded_is_refused_before_it_runs),
		cmocka_unit_test(scripts_are_recorded_as_their_interpreter),
		cmocka_unit_test(
			an_interrupt_ends_the_program_and_keeps_the_trace),
	};
	return cmocka_run_group_tests_name("record", tests, recorder_set_up,
	                                   recorder_tear_down);
}
