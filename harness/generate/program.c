/*
 * program.c - keeps live set and trace in step.
 */
#include "program.h"

#include <stdlib.h>

/* Streams of random.h. */
enum { STREAM_SIZES, STREAM_LIFETIMES, STREAM_CHOICES };

bool program_init(struct program *program, const struct spec *spec,
                  struct trace_error *error)
{
	uint64_t seed = spec->workload.seed;

	*program = (struct program){
		.spec = spec, .error = error, .threads = 1, .place = 1};
	random_seed(&program->sizes, seed, STREAM_SIZES);
	random_seed(&program->lifetimes, seed, STREAM_LIFETIMES);
	random_seed(&program->choices, seed, STREAM_CHOICES);
	program->builder = trace_builder_new(spec->file.name, "line");
	/* One pool more than the spec names: blocks of unfinished bursts. */
	if (program->builder != NULL &&
	    live_set_init(&program->live, spec->pool_count + 1))
		return true;
	program_free(program);
	return trace_fail(error, "no memory");
}

void program_free(struct program *program)
{
	trace_builder_free(program->builder);
	live_set_free(&program->live);
}

static void note(struct program *program, bool good)
{
	if (!good)
		program->failed = true;
}

void program_fail_memory(struct program *program)
{
	if (!program->failed)
		trace_fail(program->error, "no memory for %llu live blocks",
		           (unsigned long long)program->live.block_count);
	program->failed = true;
}

static void act_as(struct program *program, uint32_t thread)
{
	if (thread == program->acting || program->failed)
		return;
	note(program, trace_builder_thread(program->builder, thread,
	                                   program->place, program->error));
	program->acting = thread;
}

uint32_t program_allocate(struct program *program, const struct birth *birth)
{
	act_as(program, birth->thread);
	if (program->failed)
		return NO_BLOCK;
	uint32_t block = live_set_add(&program->live, birth->pool, birth->size,
	                              birth->thread, birth->tag);
	if (block == NO_BLOCK) {
		program_fail_memory(program);
		return NO_BLOCK;
	}
	note(program, trace_builder_alloc(program->builder, birth->kind, block,
	                                  birth->size, birth->align_log2,
	                                  program->place, program->error));
	return block;
}

void program_release(struct program *program, uint32_t block, uint32_t thread)
{
	live_set_remove(&program->live, block);
	act_as(program, thread);
	if (!program->failed)
		note(program,
		     trace_builder_free_block(program->builder, block,
		                              program->place, program->error));
}

void program_resize(struct program *program, uint32_t block, uint64_t size,
                    uint32_t thread)
{
	live_set_resize(&program->live, block, size);
	act_as(program, thread);
	if (!program->failed)
		note(program,
		     trace_builder_realloc(program->builder, block, size,
		                           program->place, program->error));
}

void program_set_threads(struct program *program, uint32_t threads)
{
	act_as(program, 0);
	for (; program->threads < threads && !program->failed;
	     program->threads++)
		note(program, trace_builder_thread_start(
				      program->builder, program->threads,
				      program->place, program->error));
	for (; program->threads > threads && !program->failed;
	     program->threads--)
		note(program, trace_builder_thread_exit(
				      program->builder, program->threads - 1,
				      program->place, program->error));
}

void program_replace_thread(struct program *program, uint32_t thread)
{
	act_as(program, 0);
	if (program->failed)
		return;
	note(program,
	     trace_builder_thread_exit(program->builder, thread, program->place,
	                               program->error) &&
	             trace_builder_thread_start(program->builder, thread,
	                                        program->place,
	                                        program->error));
}

void program_mark_phase(struct program *program, const char *name)
{
	act_as(program, 0);
	if (!program->failed)
		note(program,
		     trace_builder_phase(program->builder, name, program->place,
		                         program->error));
}

/* --- many deaths at once ------------------------------------------------ */

/* qsort_r's comparison: the older block first. */
static int by_age(const void *a, const void *b, void *ctx)
{
	const struct live_block *blocks = ctx;
	uint64_t first = blocks[*(const uint32_t *)a].serial;
	uint64_t second = blocks[*(const uint32_t *)b].serial;

	return (first > second) - (first < second);
}

static void swap(uint32_t *a, uint32_t *b)
{
	uint32_t old = *a;

	*a = *b;
	*b = old;
}

static void reverse(uint32_t *blocks, size_t count)
{
	for (size_t i = 0; i < count / 2; i++)
		swap(&blocks[i], &blocks[count - 1 - i]);
}

/* [Knuth97, 3.4.2, algorithm P] */
static void shuffle(uint32_t *blocks, size_t count, struct random *random)
{
	for (size_t i = count; i > 1; i--)
		swap(&blocks[i - 1], &blocks[random_below(random, i)]);
}

void program_release_all(struct program *program, uint32_t *blocks,
                         size_t count, enum order order)
{
	qsort_r(blocks, count, sizeof *blocks, by_age, program->live.blocks);
	if (order == ORDER_LIFO)
		reverse(blocks, count);
	if (order == ORDER_RANDOM)
		shuffle(blocks, count, &program->choices);
	for (size_t i = 0; i < count && !program->failed; i++) {
		uint32_t owner = program->live.blocks[blocks[i]].thread;
		program_release(program, blocks[i],
		                program_thread_or_first(program, owner));
	}
}
