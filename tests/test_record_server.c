/*
 * test_record_server.c - recording that starts and stops while the program runs:
 * what is in the trace, what is not, and what the program notices of it.
 */
#include "recorder.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/trace/trace.h"

enum { KEPT = 500, ROUNDS = 1000 }; /* of record_server */

/* --- the server at the other end of two pipes ----------------------------- */

struct server {
	pid_t recorder;
	int to, from;
};

static void require_answer(struct server *server)
{
	char answer[5];

	assert_int_equal(read(server->from, answer, sizeof answer),
	                 sizeof answer);
	assert_memory_equal(answer, "done\n", sizeof answer);
}

/* Starts `alloclab record WORDS...` with pipes for stdin and stdout. */
static struct server start_server(const char *first, ...)
{
	int to[2], from[2], in = dup(STDIN_FILENO), out = dup(STDOUT_FILENO);
	struct server server;
	va_list words;

	(void)first;
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	fflush(stdout);
	dup2(to[0], STDIN_FILENO);
	dup2(from[1], STDOUT_FILENO);
	va_start(words, first);
	server = (struct server){recorder_start(words), to[1], from[0]};
	va_end(words);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	close(in);
	close(out);
	close(to[0]);
	close(from[1]);
	require_answer(&server);
	return server;
}

static void tell(struct server *server, char letter)
{
	assert_int_equal(write(server->to, &letter, 1), 1);
	require_answer(server);
}

/* The recorder has done what the signal asks when it has said so. */
static void signal_recorder(struct server *server, int signal, const char *said)
{
	assert_int_equal(kill(server->recorder, signal), 0);
	recorder_wait_for(said);
}

static void end_server(struct server *server, int expected)
{
	int status;

	assert_int_equal(write(server->to, "q", 1), 1);
	assert_int_equal(waitpid(server->recorder, &status, 0),
	                 server->recorder);
	close(server->to);
	close(server->from);
	recorder_read_stderr();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expected);
	recorder_left_nothing();
}

/* --- looking at traces ---------------------------------------------------- */

static void require_exact(void)
{
	recorder_said_not("before the recording");
	recorder_said_not("without a free");
	recorder_said_not("the table was full");
}

/* The blocks of record_server come first, with their kinds and alignments. */
static void require_live_blocks(const struct trace *trace)
{
	uint64_t found[5] = {0};

	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		if (op->size == 6005)
			break;
		found[0] += op->kind == TRACE_MALLOC && op->size == 6001;
		found[1] += op->kind == TRACE_CALLOC && op->size == 6002;
		found[2] += op->kind == TRACE_ALIGNED && op->size == 6003 &&
		            op->align_log2 == 6;
		found[3] += op->kind == TRACE_MALLOC && op->size == 6004;
		found[4] += op->kind == TRACE_MALLOC && op->size == 20 << 20;
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(found[i], KEPT);
	assert_int_equal(found[4], 1);
}

/* --- tests ---------------------------------------------------------------- */

static void a_part_of_a_server_is_recorded(void **state)
{
	struct trace trace;

	(void)state;
	struct server server = start_server(
		"", "--start-signal", "USR1", "--stop-signal", "SIGUSR2", "-o",
		"part.trace", "--", recorded_program("record_server"), NULL);
	tell(&server, 'w');
	signal_recorder(&server, SIGUSR1, "recording has started");
	tell(&server, 'w');
	tell(&server, 'f');
	tell(&server, 'w');
	signal_recorder(&server, SIGUSR2, "goes on, and is not recorded");
	/* The trace is there while the server runs. */
	recorder_read_trace("part.trace", &trace);
	tell(&server, 'w');
	end_server(&server, 0);
	recorder_said_not("exited with status"); /* caught no signal itself */
	require_exact();
	require_live_blocks(&trace);
	assert_int_equal(recorder_count(&trace, TRACE_MALLOC, 6005),
	                 2 * ROUNDS);
	assert_int_equal(recorder_count(&trace, TRACE_FREE, 6005), 2 * ROUNDS);
	for (uint64_t size = 6001; size <= 6004; size++)
		assert_int_equal(recorder_count(&trace, TRACE_FREE, size),
		                 KEPT);
	recorder_require_source_end(&trace, " # stopped by SIGUSR2");
	trace_destroy(&trace);
}

static void times_begin_with_the_recording(void **state)
{
	struct trace trace;

	(void)state;
	struct server server = start_server(
		"", "--time", "--start-signal", "USR1", "-o", "timed.trace",
		recorded_program("record_server"), NULL);
	signal_recorder(&server, SIGUSR1, "recording has started");
	tell(&server, 'w');
	end_server(&server, 0);
	recorder_read_trace("timed.trace", &trace);
	require_live_blocks(&trace);
	assert_non_null(trace.times);
	assert_int_equal(trace.times[4 * KEPT], 0);
	assert_true(trace.times[trace.events - 1] > 0);
	trace_destroy(&trace);
}

/* A child begins with nothing: its parent's blocks are not in its trace. */
static void children_start_and_stop_with_their_parent(void **state)
{
	struct trace trace;

	(void)state;
	struct server server =
		start_server("", "--follow", "--start-signal", "USR1",
	                     "--stop-signal", "USR1", "-o", "family.trace",
	                     recorded_program("record_server"), NULL);
	tell(&server, 'c');
	signal_recorder(&server, SIGUSR1, "recording has started");
	tell(&server, 'w');
	tell(&server, 'c');
	signal_recorder(&server, SIGUSR1, "goes on, and is not recorded");
	tell(&server, 'c');
	end_server(&server, 0);
	recorder_read_trace("family.3-record_server.trace", &trace);
	assert_int_equal(recorder_count(&trace, TRACE_MALLOC, 6006), ROUNDS);
	assert_int_equal(recorder_count(&trace, TRACE_MALLOC, 6001), 0);
	trace_destroy(&trace);
	assert_int_equal(
		access(recorder_path("family.2-record_server.trace"), F_OK),
		-1);
}

static void without_the_signal_nothing_is_recorded(void **state)
{
	(void)state;
	struct server server =
		start_server("", "--start-signal", "USR1", "-o", "none.trace",
	                     recorded_program("record_server"), NULL);
	tell(&server, 'w');
	end_server(&server, 1);
	recorder_said("SIGUSR1 did not come: nothing was recorded");
	assert_int_equal(access(recorder_path("none.trace"), F_OK), -1);
}

/* Long enough for the server to start on a busy machine, and be recorded. */
static void time_ends_a_recording(void **state)
{
	struct trace trace;

	(void)state;
	struct server server =
		start_server("", "--for", "3", "-o", "for.trace",
	                     recorded_program("record_server"), NULL);
	recorder_wait_for("goes on, and is not recorded");
	tell(&server, 'w');
	end_server(&server, 0);
	recorder_read_trace("for.trace", &trace);
	assert_int_equal(recorder_count(&trace, TRACE_MALLOC, 6005), 0);
	recorder_require_source_end(&trace, " # stopped after 3 s");
	trace_destroy(&trace);
}

/*
 * The 8 threads are in the midst of everything when it begins and ends.  Each
 * round records four times as long as the one before: a busy machine may give
 * the program nothing to do in the first.
 */
static void no_call_falls_between_table_and_records(void **state)
{
	struct trace trace;
	size_t events = 0;
	int status;

	(void)state;
	for (useconds_t us = 20000; us < 1000000; us *= 4) {
		pid_t recorder = recorder_begin(
			"--start-signal", "USR1", "--stop-signal", "USR2", "-o",
			"cut.trace", "--", recorded_program("record_hammer"),
			"8", "100000000", "counts", "kill", NULL);
		recorder_wait_for("stops recording");
		recorder_wait_for_file("counts");
		usleep(20000);
		kill(recorder, SIGUSR1);
		recorder_wait_for("recording has started");
		usleep(us);
		kill(recorder, SIGUSR2);
		recorder_wait_for("goes on, and is not recorded");
		kill(recorder, SIGTERM);
		assert_int_equal(waitpid(recorder, &status, 0), recorder);
		assert_int_equal(status, 0);
		recorder_read_stderr();
		require_exact();
		recorder_read_trace("cut.trace", &trace);
		events += trace.events;
		trace_destroy(&trace);
		recorder_left_nothing();
		unlink(recorder_path("counts"));
	}
	assert_true(events > 1000);
}

/* Windows of 4, 8, ... 512 KiB and the page that is left: 65,536 records. */
static void a_limit_of_size_is_kept(void **state)
{
	enum { RECORDS = 1024 * 1024 / 16 };
	struct trace trace;

	(void)state;
	recorder_run(0, "--max-size", "1M", "-o", "size.trace",
	             recorded_program("record_process"), "exit", "100000",
	             NULL);
	recorder_read_trace("size.trace", &trace);
	assert_int_equal(trace.events, RECORDS);
	assert_int_equal(recorder_count(&trace, TRACE_MALLOC, 4001),
	                 RECORDS - 1);
	recorder_require_source_end(&trace,
	                            " # stopped at --max-size, 1048576 bytes");
	trace_destroy(&trace);
}

/* Whether the file's bytes have these in them. */
static bool file_has(const char *name, const char *bytes)
{
	static char contents[1 << 20];
	FILE *file = fopen(recorder_path(name), "rb");

	assert_non_null(file);
	size_t count = fread(contents, 1, sizeof contents, file);
	fclose(file);
	return memmem(contents, count, bytes, strlen(bytes)) != NULL;
}

static void an_anonymous_trace_has_no_names(void **state)
{
	(void)state;
	recorder_run(0, recorded_program("record_process"), "exit", NULL);
	assert_true(file_has("record_process.trace", "record_process"));
	recorder_run(0, "--anonymise", recorded_program("record_process"),
	             "exit", NULL);
	assert_false(file_has("anonymous.trace", "record_process"));
	assert_false(file_has("anonymous.trace", "exit"));
	recorder_run(0, "--anonymise", "--follow", "-o", "anon.trace",
	             recorded_program("record_process"), "spawn", NULL);
	assert_false(file_has("anon.2.trace", "record_process"));
}

static void signals_that_cannot_be_taken_are_refused(void **state)
{
	static const char *const names[] = {"KILL", "SIGINT", "USR3", "", "0"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		recorder_run(2, "--start-signal", names[i], "true", NULL);
		recorder_said("--start-signal takes a signal such as USR1");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_part_of_a_server_is_recorded),
		cmocka_unit_test(times_begin_with_the_recording),
		cmocka_unit_test(children_start_and_stop_with_their_parent),
		cmocka_unit_test(without_the_signal_nothing_is_recorded),
		cmocka_unit_test(time_ends_a_recording),
		cmocka_unit_test(no_call_falls_between_table_and_records),
		cmocka_unit_test(a_limit_of_size_is_kept),
		cmocka_unit_test(an_anonymous_trace_has_no_names),
		cmocka_unit_test(signals_that_cannot_be_taken_are_refused),
	};
	return cmocka_run_group_tests_name("record_server", tests,
	                                   recorder_set_up, recorder_tear_down);
}
