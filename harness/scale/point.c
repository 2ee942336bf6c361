/*
 * point.c - a point, written down in one process and read in another.
 */
#include "point.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../allocators/registry.h"
#include "../run/job.h"
#include "contend.h"

/* A round of contend.h is worth so many steps. */
enum { CONTEND_SHARE = 20 };

/* All that the child needs; what is drawn from the heap does not travel. */
struct job {
	struct scale_options options;
	enum scale_work work;
	unsigned threads;
	bool locates;
	bool is_control;
	char name[64]; /* of an allocator that is built in */
	struct knob_values values;
	struct trace trace; /* its events are in a file of their own */

	const struct allocator *allocator; /* in the process of the child */
};

enum { FILE_JOB, FILE_TRACE, FILES };

/* ---- in the child -------------------------------------------------------- */

static struct verdict time_plan(const struct job *job,
                                volatile uint64_t *progress,
                                struct threads_figures *figures)
{
	const struct threads_options options = {
		.limit_bytes = job->options.memory_bytes,
		.touch = TOUCH_FIRST,
		.progress = job->locates ? progress : NULL,
	};
	struct verdict verdict = {0};
	struct trace_error error;
	struct plan plan;

	if (!plan_make(&plan, &job->trace, job->threads, &error)) {
		verdict_set(&verdict, VERDICT_FAILED, 0, "%s", error.text);
		return verdict;
	}
	if (job->locates) /* what is wrong in the oracle's eyes has a name */
		verdict = threads_check(job->allocator, &job->values, &plan,
		                        &options, figures);
	if (verdict.kind == VERDICT_OK)
		verdict = threads_time(job->allocator, &job->values, &plan,
		                       &options, figures);
	plan_free(&plan);
	return verdict;
}

static struct verdict time_job(void *ctx, volatile uint64_t *progress,
                               void *result)
{
	const struct job *job = ctx;

	if (job->work != SCALE_SHARING)
		return time_plan(job, progress, result);
	return contend_time(job->allocator, &job->values, job->threads,
	                    job->options.steps / CONTEND_SHARE + 1,
	                    job->options.memory_bytes, result);
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "alloclab: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

_Noreturn void point_serve(void)
{
	struct job *job = mmap(NULL, sizeof *job, PROT_READ | PROT_WRITE,
	                       MAP_PRIVATE, CELL_FILES + FILE_JOB, 0);

	if (job == MAP_FAILED)
		fail("the job");
	const struct trace copy = job->trace;
	if (!trace_adopt(&job->trace, &copy, CELL_FILES + FILE_TRACE))
		fail("the trace");
	job->allocator = job->is_control ? NULL : allocator_find(job->name);
	cell_serve(time_job, job);
}

/* ---- in the parent ------------------------------------------------------- */

static void fill_job(struct job *job, const struct scale *scale,
                     const struct point *point, bool locates)
{
	const struct subject *subject = scale->rows[point->row].subject;

	*job = (struct job){
		.options = *scale->options,
		.work = point->work,
		.threads = scale->counts[point->count],
		.locates = locates,
		.is_control = subject == NULL,
		.trace = *scale_trace_of(scale, point),
	};
	if (subject == NULL)
		return;
	job->values = subject->values;
	job->allocator = subject->allocator;
	strlcpy(job->name, subject->allocator->name, sizeof job->name);
}

static bool start_process(struct cell *cell, const struct job *job,
                          struct library *library,
                          const struct cell_limits *limits)
{
	int files[FILES] = {memfd_create("job", MFD_CLOEXEC),
	                    job->trace.shared_memory};
	bool good = files[FILE_JOB] >= 0 &&
	            write(files[FILE_JOB], job, sizeof *job) == sizeof *job &&
	            job_start(cell, JOB_SCALE, library, files, FILES,
	                      sizeof(struct threads_figures), limits);

	if (files[FILE_JOB] >= 0)
		close(files[FILE_JOB]);
	return good;
}

/* Whether a process started anew would know it. */
static bool is_built_in(const struct subject *subject)
{
	return subject == NULL ||
	       allocator_find(subject->allocator->name) == subject->allocator;
}

bool point_start(struct cell *cell, const struct scale *scale,
                 const struct point *point, bool locates,
                 const struct cell_limits *limits)
{
	struct subject *subject = scale->rows[point->row].subject;
	bool is_library = subject != NULL && subject->is_library;
	struct job job;

	fill_job(&job, scale, point, locates);
	if (job_program != NULL && is_built_in(subject))
		return start_process(cell, &job,
		                     is_library ? &subject->library : NULL,
		                     limits);
	return cell_start(cell, time_job, &job, sizeof(struct threads_figures),
	                  limits);
}
