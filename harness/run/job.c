/*
 * job.c - a pass, written down in one process and read in another.
 */
#include "job.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../allocators/registry.h"
#include "../library/floor.h"
#include "../library/probe.h"
#include "../mapped.h"
#include "../scale/point.h"
#include "threaded.h"

const char *job_program;

/*
 * The passes, by number.  `null` and the empty loop have no subject; what is
 * timed runs in a new process for every allocator, the rest for libraries only.
 */
static const struct work {
	cell_work *work;
	bool is_timed, has_subject;
} works[] = {
	{pass_audit, false, true},   {pass_meter, false, true},
	{pass_speed, true, true},    {pass_locate, true, true},
	{pass_resident, true, true}, {pass_latency, true, true},
	{pass_null, true, false},    {pass_empty, true, false},
	{pass_threads, false, true},
};

enum { WORKS = sizeof works / sizeof *works };

/* All that a pass needs and a new process does not have. */
struct job {
	size_t work; /* number in works */
	struct run_options options;
	char folder[3200];
	uint64_t sizes[CENSUS_QUANTILES];
	uint64_t cell_bytes;
	struct trace trace; /* its events are in a file of their own */
	unsigned threads;   /* of the plan; 0: there is none         */
	int subject;        /* as in struct pass                     */
	size_t reps;        /* rounds of it that are done            */
	char allocator[64];
	struct knob_values values;
	char label[256];
	bool is_library;
	struct library library;
	struct verdict verdict; /* of the passes before */
	struct audit audit;
};

/* The files that a pass finds. */
enum { FILE_JOB, FILE_TRACE, FILES };

/* ---- this end ------------------------------------------------------------ */

bool job_start(struct cell *cell, const char *word, struct library *library,
               const int *files, int file_count, size_t result_bytes,
               const struct cell_limits *limits)
{
	char *arguments[] = {"alloclab", JOB_COMMAND, (char *)(size_t)word,
	                     NULL};
	char **environment =
		library != NULL ? library_environment(library) : environ;
	const struct cell_program program = {
		.path = job_program,
		.arguments = arguments,
		.environment = environment,
		.files = files,
		.file_count = file_count,
	};

	if (environment == NULL)
		return false;
	bool started = cell_start_program(cell, &program, result_bytes, limits);
	if (library != NULL)
		free(environment);
	return started;
}

static const struct work *find_work(cell_work *work)
{
	for (size_t i = 0; i < WORKS; i++)
		if (works[i].work == work)
			return &works[i];
	return NULL;
}

static void fill_job(struct job *job, const struct pass *pass)
{
	const struct run *run = pass->run;
	const struct subject *subject = pass_subject(pass);

	*job = (struct job){
		.options = *run->options,
		.cell_bytes = run->cell_bytes,
		.trace = run->workload->trace,
		.threads = run->plan != NULL ? run->plan->threads : 0,
		.subject = pass->subject,
		.reps = subject->reps,
		.values = subject->values,
		.is_library = subject->is_library,
		.library = subject->library,
		.verdict = subject->verdict,
		.audit = subject->audit,
	};
	memcpy(job->sizes, run->sizes, sizeof job->sizes);
	if (run->options->folder != NULL)
		strlcpy(job->folder, run->options->folder, sizeof job->folder);
	strlcpy(job->allocator, subject->allocator->name,
	        sizeof job->allocator);
	strlcpy(job->label, subject->label, sizeof job->label);
}

static bool start_process(struct cell *cell, const struct work *work,
                          const struct pass *pass, size_t result_bytes,
                          const struct cell_limits *limits)
{
	struct subject *subject = pass_subject(pass);
	bool is_library = work->has_subject && subject->is_library;
	int files[FILES] = {memfd_create("job", MFD_CLOEXEC),
	                    pass->run->workload->trace.shared_memory};
	struct job job;

	fill_job(&job, pass);
	job.work = (size_t)(work - works);
	bool good =
		files[FILE_JOB] >= 0 &&
		write(files[FILE_JOB], &job, sizeof job) == sizeof job &&
		job_start(cell, JOB_PASS, is_library ? &subject->library : NULL,
	                  files, FILES, result_bytes, limits);
	if (files[FILE_JOB] >= 0)
		close(files[FILE_JOB]);
	return good;
}

static bool needs_process(const struct work *work, const struct pass *pass)
{
	const struct subject *subject = pass_subject(pass);

	if (job_program == NULL || pass->run->workload->trace.shared_bytes == 0)
		return false;
	return !work->has_subject || subject->is_library ||
	       (work->is_timed &&
	        allocator_find(subject->allocator->name) == subject->allocator);
}

bool pass_start(struct cell *cell, cell_work *work, struct pass *pass,
                size_t result_bytes, const struct cell_limits *limits)
{
	const struct work *known = find_work(work);

	if (known != NULL && needs_process(known, pass))
		return start_process(cell, known, pass, result_bytes, limits);
	return cell_start(cell, work, pass, result_bytes, limits);
}

/* ---- the other end ------------------------------------------------------- */

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "alloclab: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

/*
 * For a library the functions of `system`, behind which the loader has put it;
 * without those that it lacks.
 */
static const struct allocator *find_allocator(const struct job *job)
{
	static struct allocator adapted;
	const struct allocator *built_in = allocator_find(job->allocator);

	if (!job->is_library || job->library.facts.has_usable_size)
		return built_in;
	adapted = *built_in;
	adapted.usable_size = NULL;
	return &adapted;
}

/* The first event that asks for an alignment, counted from 1; 0: none. */
static uint64_t find_aligned(const struct trace *trace)
{
	for (uint64_t i = 0; i < trace->events; i++)
		if (trace->ops[i].kind == TRACE_ALIGNED)
			return i + 1;
	return 0;
}

/* The work where a library lacks what the trace calls. */
static struct verdict refuse_aligned(void *ctx, volatile uint64_t *progress,
                                     void *result)
{
	const struct pass *pass = ctx;
	struct verdict verdict = {0};

	(void)progress;
	(void)result;
	verdict_set(&verdict, VERDICT_FAILED,
	            find_aligned(&pass->run->workload->trace),
	            "the library does not replace memalign");
	return verdict;
}

static cell_work *choose_work(const struct job *job, const struct trace *trace)
{
	if (job->is_library && !job->library.facts.has_memalign &&
	    job->library.facts.path[0] != '\0' && find_aligned(trace) > 0)
		return refuse_aligned;
	return works[job->work].work;
}

/*
 * The subject, under its number: in a table up to it, of which the kernel gives
 * pages only to the part that is filled.
 */
static void make_subject(struct run *run, const struct job *job)
{
	size_t count =
		job->subject == SUBJECT_FLOOR ? 1 : (size_t)job->subject + 1;
	struct subject *subjects = mapped_new(count * sizeof *subjects);

	if (subjects == NULL)
		fail("the subject");
	struct subject *subject = &subjects[count - 1];
	run->subjects = subjects;
	run->library_floor = job->subject == SUBJECT_FLOOR ? subject : NULL;
	subject->allocator = find_allocator(job);
	subject->values = job->values;
	strlcpy(subject->label, job->label, sizeof subject->label);
	subject->is_library = job->is_library;
	subject->verdict = job->verdict;
	subject->reps = job->reps;
	subject->audit = job->audit;
}

static void make_plan(struct run *run, struct plan *plan, const struct job *job)
{
	struct trace_error error;

	if (job->threads == 0)
		return;
	if (!plan_make(plan, &run->workload->trace, job->threads, &error))
		fail("the plan");
	run->plan = plan;
}

static struct job *map_job(void)
{
	struct job *job = mmap(NULL, sizeof *job, PROT_READ | PROT_WRITE,
	                       MAP_PRIVATE, CELL_FILES + FILE_JOB, 0);

	if (job == MAP_FAILED)
		fail("the job");
	job->options.folder = job->folder;
	return job;
}

static _Noreturn void serve_pass(void)
{
	static struct workload workload;
	static struct plan plan;
	struct job *job = map_job();

	if (!trace_adopt(&workload.trace, &job->trace, CELL_FILES + FILE_TRACE))
		fail("the trace");
	struct run run = {
		.options = &job->options,
		.workload = &workload,
		.count = job->subject + 1,
		.cell_bytes = job->cell_bytes,
	};
	struct pass pass = {&run, job->subject};
	make_subject(&run, job);
	make_plan(&run, &plan, job);
	library_begin();
	memcpy(run.sizes, job->sizes, sizeof run.sizes);
	cell_serve(choose_work(job, &workload.trace), &pass);
}

_Noreturn void job_serve(const char *word)
{
	if (strcmp(word, JOB_PROBE) == 0)
		cell_serve(library_probed, NULL);
	if (strcmp(word, JOB_SCALE) == 0)
		point_serve();
	serve_pass();
}
