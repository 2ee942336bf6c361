/*
 * program.h - the made-up program: what it holds, and the trace of what it did.
 *
 * Between the generators, which decide who is born and who dies, and
 * trace_builder, which writes it down.  Every call adds events and keeps the
 * live set in step.  After the first failure (no memory, or a bound of traces)
 * `failed` is true, `error` says why, and nothing more is added: generators test
 * it once a round instead of after every call.
 *
 * Threads: none.
 */
#ifndef HARNESS_GENERATE_PROGRAM_H
#define HARNESS_GENERATE_PROGRAM_H

#include "../trace/trace_builder.h"
#include "live_set.h"
#include "random.h"
#include "spec.h"

struct program {
	const struct spec *spec;
	struct trace_builder *builder;
	struct trace_error *error;
	bool failed;
	struct live_set live;
	uint64_t now;     /* operations so far                        */
	uint32_t threads; /* 0 .. threads - 1 run                     */
	uint32_t acting;  /* the thread that the builder believes in  */
	uint64_t place;   /* line of the section that is being played */

	/* Independent streams, so that changing one decision moves no other. */
	struct random sizes, lifetimes, choices;
};

/* What to allocate. */
struct birth {
	uint64_t size;
	enum trace_kind kind; /* one of the allocating kinds */
	unsigned align_log2;
	uint32_t thread;
	uint32_t pool, tag;
};

/* False without memory, with `error` set. */
bool program_init(struct program *program, const struct spec *spec,
                  struct trace_error *error);
void program_free(struct program *program);

/* Allocates; NO_BLOCK after a failure. */
uint32_t program_allocate(struct program *program, const struct birth *birth);

/* Frees, as a call of `thread`. */
void program_release(struct program *program, uint32_t block, uint32_t thread);

/* Resizes, as a call of `thread`. */
void program_resize(struct program *program, uint32_t block, uint64_t size,
                    uint32_t thread);

/* Starts or ends threads until 0 .. threads - 1 run. */
void program_set_threads(struct program *program, uint32_t threads);

/* Ends a thread that runs, not thread 0, and starts another of its number. */
void program_replace_thread(struct program *program, uint32_t thread);

void program_mark_phase(struct program *program, const char *name);

/*
 * Frees `count` blocks in an order: blocks[] is sorted or shuffled in place.
 * Their threads free them, thread 0 for those that have ended.
 */
void program_release_all(struct program *program, uint32_t *blocks,
                         size_t count, enum order order);

/* The thread itself while it runs, else 0. */
static inline uint32_t program_thread_or_first(const struct program *program,
                                               uint32_t thread)
{
	return thread < program->threads ? thread : 0;
}

void program_fail_memory(struct program *program);

#endif
