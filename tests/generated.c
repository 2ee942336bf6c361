/*
 * generated.c - specs in temporary files, traces as lists of blocks.
 */
#include "generated.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/generate/generate.h"

/* Writes text to a new file; its path is the caller's, 64 bytes at least. */
static void write_spec(const char *text, char *path)
{
	strcpy(path, "/tmp/alloclab-spec-XXXXXX.ini");
	int file = mkstemps(path, 4);
	FILE *stream = fdopen(file, "w");

	assert_non_null(stream);
	fputs(text, stream);
	assert_int_equal(fclose(stream), 0);
}

static void note_birth(struct generated *generated, const struct trace_op *op,
                       size_t *by_slot)
{
	by_slot[op->slot] = generated->count;
	generated->blocks[generated->count++] =
		(struct generated_block){.size = op->size,
	                                 .last_size = op->size,
	                                 .birth = generated->operations++,
	                                 .death = UINT64_MAX,
	                                 .born_by = op->thread,
	                                 .kind = op->kind,
	                                 .align_log2 = op->align_log2};
}

/* Follows the slots to find each block's birth and death. */
static void find_blocks(struct generated *generated)
{
	const struct trace *trace = &generated->trace;
	size_t *by_slot = calloc(trace->slots + 1, sizeof *by_slot);

	generated->blocks =
		calloc(trace->events + 1, sizeof *generated->blocks);
	assert_non_null(by_slot);
	assert_non_null(generated->blocks);
	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		struct generated_block *block =
			&generated->blocks[by_slot[op->slot < trace->slots
		                                           ? op->slot
		                                           : 0]];
		if (op->kind <= TRACE_ALIGNED)
			note_birth(generated, op, by_slot);
		if (op->kind == TRACE_REALLOC) {
			block->last_size = op->size;
			generated->operations++;
		}
		if (op->kind == TRACE_FREE) {
			block->death = generated->operations;
			block->freed_by = op->thread;
		}
	}
	free(by_slot);
}

static struct generated *generate_path(const char *path,
                                       const char *const *sets)
{
	struct generated *generated = calloc(1, sizeof *generated);
	struct trace_error error;

	assert_non_null(generated);
	if (!generate_with(path, sets, &generated->trace, &error))
		fail_msg("%s", error.text);
	find_blocks(generated);
	return generated;
}

struct generated *generate_text(const char *spec, const char *const *sets)
{
	char path[64];

	write_spec(spec, path);
	struct generated *generated = generate_path(path, sets);
	unlink(path);
	return generated;
}

struct generated *generate_named(const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "workloads/%s.ini", name);
	return generate_path(path, NULL);
}

void generated_free(struct generated *generated)
{
	trace_destroy(&generated->trace);
	free(generated->blocks);
	free(generated);
}

const char *generated_text(struct generated *generated)
{
	const struct trace *trace = &generated->trace;
	unsigned by_slot[256] = {0}, births = 0;
	char *to = generated->text;
	char *end = to + sizeof generated->text;

	assert_true(trace->slots < 256);
	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		const char *blank = i == 0 ? "" : " ";
		if (op->kind <= TRACE_ALIGNED)
			by_slot[op->slot] = ++births;
		if (op->kind <= TRACE_REALLOC)
			to += snprintf(to, (size_t)(end - to), "%s%u:%u", blank,
			               by_slot[op->slot], (unsigned)op->size);
		else if (op->kind == TRACE_FREE)
			to += snprintf(to, (size_t)(end - to), "%s-%u", blank,
			               by_slot[op->slot]);
		else if (op->kind == TRACE_PHASE)
			to += snprintf(to, (size_t)(end - to), "%s%s |", blank,
			               trace->phases[op->slot]);
		else
			to += snprintf(to, (size_t)(end - to), "%s%s %u", blank,
			               trace_kind_name(op->kind), op->thread);
		assert_true(to < end);
	}
	return generated->text;
}

void expect_spec_error(const char *spec, const char *const *sets,
                       const char *message)
{
	struct trace trace = {.events = 12345};
	const char *place = strstr(message, "FILE");
	struct trace_error error;
	char path[64], expected[600];

	write_spec(spec, path);
	if (generate_with(path, sets, &trace, &error))
		fail_msg("this spec is accepted:\n%s", spec);
	unlink(path);
	if (place == NULL)
		snprintf(expected, sizeof expected, "%s", message);
	else
		snprintf(expected, sizeof expected, "%.*s%s%s",
		         (int)(place - message), message, path, place + 4);
	assert_string_equal(error.text, expected);
	assert_int_equal(trace.events, 12345);
}
