/*
 * recorder.c - the same programs with nothing, with our recorder, and with
 * heaptrack in front of malloc.
 */
#include "recorder.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../record/launch.h"
#include "../record/merge.h"
#include "../record/recording.h"
#include "../report/grid.h"
#include "../run/interrupt.h"
#include "recorded_programs.h"

enum { ROUNDS_MAX = 64 };

/* What the issue of this project demands. */
static const double SLOWDOWN_LIMIT = 1.6, HEAPTRACK_SHARE_LIMIT = .5,
		    EVENT_BYTES_LIMIT = 2.5;

enum way { ALONE, RECORDED, TIMED, SITED, HEAPTRACK, WAYS };

enum { SITE_DEPTH = 16 }; /* what `record --sites` takes */

struct program_times {
	double seconds[WAYS][ROUNDS_MAX];
	uint64_t events;
	double event_bytes; /* of the finished trace */
};

struct recorder_bench {
	char folder[32];
	char library[PATH_MAX];
	bool has_heaptrack;
	struct recorded_program programs[RECORDED_PROGRAMS];
	struct program_times times[RECORDED_PROGRAMS];
	int count;
	unsigned rounds; /* that were finished */
};

/* ---- one run ------------------------------------------------------------- */

static _Noreturn void become(const struct recorder_bench *bench,
                             const struct recorded_program *program,
                             enum way way, const struct recording *recording)
{
	const char *argv[RECORDED_ARGS_MAX + 4] = {"heaptrack", "--raw", "-o",
	                                           "heaptrack"};
	const char **own = way == HEAPTRACK ? argv + 4 : argv;
	int null = open("/dev/null", O_WRONLY);

	memcpy(own, program->argv, sizeof program->argv);
	setenv("PYTHONMALLOC", "malloc", 1);
	setenv("PYTHONHASHSEED", "0", 1);
	if (recording != NULL) {
		setenv("LD_PRELOAD", bench->library, 1);
		setenv(RAW_ENV_DIRECTORY, recording->directory, 1);
	}
	if (way == SITED)
		setenv(RAW_ENV_SITES, "1", 1);
	interrupt_ignore();
	if (chdir(bench->folder) == 0 && dup2(null, STDOUT_FILENO) >= 0 &&
	    dup2(null, STDERR_FILENO) >= 0)
		execvp(argv[0], (char **)(uintptr_t)argv);
	_exit(127);
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

/*
 * The processor time, user and system, that the program takes in this way, with
 * all that it waits for (heaptrack's compressor); false if it fails.  Where the
 * machine has other things to do, wall time says more about those.
 */
static bool time_program(const struct recorder_bench *bench,
                         const struct recorded_program *program, enum way way,
                         const struct recording *recording, double *seconds,
                         struct trace_error *error)
{
	struct rusage used = {.ru_utime.tv_sec = 0};
	int status = 0;
	pid_t child = fork();

	if (child < 0)
		return trace_fail(error, "fork: %s", strerror(errno));
	if (child == 0)
		become(bench, program, way, recording);
	while (wait4(child, &status, 0, &used) < 0 && errno == EINTR)
		;
	*seconds = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
	return status == 0 ||
	       trace_fail(error, "%s: failed with status %d", program->name,
	                  WIFEXITED(status) ? WEXITSTATUS(status)
	                                    : 128 + WTERMSIG(status));
}

/* ---- the trace ----------------------------------------------------------- */

/* Merges what was recorded and notes how large the trace is. */
static bool weigh_trace(const struct recorder_bench *bench,
                        struct recorded_image *image,
                        struct program_times *times, struct trace_error *error)
{
	const struct merge_options options = {.name = "bench", .source = ""};
	struct merge_counts counts;
	struct trace trace;
	struct stat status;
	char path[64];

	snprintf(path, sizeof path, "%s/out.trace", bench->folder);
	if (!merge_records(&image->reader, &options, &trace, &counts, error))
		return false;
	bool good = trace_write_binary(path, &trace, error);
	if (good && stat(path, &status) == 0) {
		times->events = trace.events;
		times->event_bytes =
			(double)status.st_size / (double)trace.events;
	}
	trace_destroy(&trace);
	unlink(path);
	return good;
}

static bool time_recorded(const struct recorder_bench *bench, int at,
                          enum way way, struct program_times *times,
                          struct trace_error *error)
{
	double *seconds = &times->seconds[way][bench->rounds];
	struct recording recording;
	struct tick_scale scale;

	if (!recording_create(&recording, error))
		return false;
	tick_scale_begin(&scale);
	recording.control->follow = 1;
	recording.control->order = RAW_ORDER_RECORD;
	recording.control->site_depth = way == SITED ? SITE_DEPTH : 0;
	recording.control->clock = way == TIMED ? scale.clock : RAW_CLOCK_NONE;
	bool good = time_program(bench, &bench->programs[at], way, &recording,
	                         seconds, error);
	if (good && times->events == 0)
		good = recording_open(&recording, error) &&
		       (recording.count > 0 ||
		        trace_fail(error, "%s: nothing was recorded",
		                   bench->programs[at].name)) &&
		       weigh_trace(bench, &recording.images[0], times, error);
	recording_close(&recording, false);
	return good;
}

/* ---- all of them --------------------------------------------------------- */

static bool run_round(struct recorder_bench *bench, struct trace_error *error)
{
	for (int i = 0; i < bench->count; i++) {
		struct program_times *times = &bench->times[i];
		const struct recorded_program *program = &bench->programs[i];
		if (interrupt_came())
			return trace_fail(error, "interrupted");
		if (!time_program(bench, program, ALONE, NULL,
		                  &times->seconds[ALONE][bench->rounds],
		                  error) ||
		    !time_recorded(bench, i, RECORDED, times, error) ||
		    !time_recorded(bench, i, TIMED, times, error) ||
		    !time_recorded(bench, i, SITED, times, error))
			return false;
		if (bench->has_heaptrack &&
		    !time_program(bench, program, HEAPTRACK, NULL,
		                  &times->seconds[HEAPTRACK][bench->rounds],
		                  error))
			return false;
	}
	return true;
}

/* (recorded - alone) / (heaptrack - alone), round by round. */
static struct estimate share_of_heaptrack(const struct program_times *times,
                                          unsigned rounds)
{
	double ours[ROUNDS_MAX], theirs[ROUNDS_MAX];

	for (unsigned i = 0; i < rounds; i++) {
		double alone = times->seconds[ALONE][i];
		ours[i] = times->seconds[RECORDED][i] - alone;
		theirs[i] = times->seconds[HEAPTRACK][i] - alone;
	}
	return estimate_ratio(ours, theirs, rounds);
}

static void add_demand(struct demands *demands, const char *what,
                       const char *first, const char *second,
                       struct estimate ratio, double limit)
{
	struct demand demand = {.ratio = ratio, .limit = limit};

	strlcpy(demand.what, what, sizeof demand.what);
	strlcpy(demand.first, first, sizeof demand.first);
	strlcpy(demand.second, second, sizeof demand.second);
	demands_add(demands, &demand);
}

static struct estimate slowdown(const struct program_times *times, enum way way,
                                unsigned rounds)
{
	return estimate_ratio(times->seconds[way], times->seconds[ALONE],
	                      rounds);
}

static void report_program(const struct recorder_bench *bench, int at,
                           struct grid *grid, struct demands *demands)
{
	const struct program_times *times = &bench->times[at];
	const char *name = bench->programs[at].name;
	struct estimate bytes = {times->event_bytes, times->event_bytes,
	                         times->event_bytes, 1};
	int column = 0;

	grid_add_line(grid);
	grid_set(grid, column++, "%s", name);
	grid_set(grid, column++, "%.2f",
	         estimate_median(times->seconds[ALONE], bench->rounds).median);
	for (enum way way = RECORDED; way < WAYS; way++, column++)
		if (way == HEAPTRACK && !bench->has_heaptrack)
			grid_set(grid, column, "-");
		else
			grid_set(grid, column, "%.2f",
			         slowdown(times, way, bench->rounds).median);
	grid_set(grid, column++, "%.1f", (double)times->events * 1e-6);
	grid_set(grid, column++, "%.2f", times->event_bytes);

	add_demand(demands, "recording, time", name, "alone",
	           slowdown(times, RECORDED, bench->rounds), SLOWDOWN_LIMIT);
	if (bench->has_heaptrack)
		add_demand(demands, "recording, time added", name,
		           "added by heaptrack --raw",
		           share_of_heaptrack(times, bench->rounds),
		           HEAPTRACK_SHARE_LIMIT);
	add_demand(demands, "recording, bytes an event", name, "1 byte", bytes,
	           EVENT_BYTES_LIMIT);
}

static void report(const struct recorder_bench *bench, struct demands *demands,
                   FILE *out)
{
	static const char *const names[] = {"program",    "s alone",
	                                    "x recorded", "x --time",
	                                    "x --sites",  "x heaptrack --raw",
	                                    "M events",   "bytes an event"};
	struct grid grid;

	fprintf(out,
	        "recording a program, processor time of the program, %u "
	        "rounds:\n\n",
	        bench->rounds);
	grid_open(&grid);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		grid_add_column(&grid, names[i]);
	for (int i = 0; i < bench->count; i++)
		report_program(bench, i, &grid, demands);
	grid_print(&grid, out);
}

static bool prepare(struct recorder_bench *bench, struct trace_error *error)
{
	strlcpy(bench->folder, "/tmp/alloclab-bench.XXXXXX",
	        sizeof bench->folder);
	if (!launch_find_library(bench->library, error))
		return false;
	if (mkdtemp(bench->folder) == NULL)
		return trace_fail(error, "%s: %s", bench->folder,
		                  strerror(errno));
	bench->has_heaptrack =
		system("command -v heaptrack >/dev/null 2>&1") == 0;
	if (!bench->has_heaptrack)
		fprintf(stderr, "alloclab bench: heaptrack is not installed "
		                "(package heaptrack): no comparison with it\n");
	bench->count =
		recorded_programs_make(bench->folder, bench->programs, error);
	return bench->count >= 0;
}

static void clean_up(const struct recorder_bench *bench)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf %s", bench->folder);
	if (system(command) != 0)
		fprintf(stderr, "alloclab bench: left behind: %s\n",
		        bench->folder);
}

bool recorder_run(unsigned rounds, struct demands *demands, FILE *out,
                  struct trace_error *error)
{
	struct recorder_bench *bench = calloc(1, sizeof *bench);

	if (bench == NULL)
		return trace_fail(error, "no memory");
	bool good = prepare(bench, error);
	for (unsigned i = 0; good && i < rounds && i < ROUNDS_MAX; i++) {
		good = run_round(bench, error);
		bench->rounds += good;
	}
	if (bench->rounds > 0)
		report(bench, demands, out);
	clean_up(bench);
	free(bench);
	return good || interrupt_came();
}
