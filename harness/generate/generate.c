/*
 * generate.c - spec in, trace out.
 */
#include "generate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adversary.h"
#include "crew.h"
#include "phases.h"
#include "program.h"
#include "spec.h"

bool path_is_spec(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL && strcmp(dot, ".ini") == 0;
}

/* Frees, as at_end says, whatever lives still; then the threads end. */
static void end_program(struct program *program)
{
	enum order order = (enum order)program->spec->workload.at_end;
	const struct live_set *live = &program->live;
	uint32_t *blocks = calloc(live->block_count + 1, sizeof *blocks);
	size_t count = 0;

	if (blocks == NULL) {
		program_fail_memory(program);
		return;
	}
	for (uint32_t i = 0; i < live->block_count; i++)
		if (live->blocks[i].is_live && order != ORDER_LEAVE)
			blocks[count++] = i;
	program_release_all(program, blocks, count, order);
	free(blocks);
	program_set_threads(program, 1);
}

/* "generated from x.ini, seed 3, live=9": one line that says how to redo it. */
static void describe(const struct spec *spec, const char *const *sets,
                     char *text, size_t capacity)
{
	const char *slash = strrchr(spec->file.name, '/');
	size_t used;

	snprintf(text, capacity, "generated from %.200s, seed %llu",
	         slash == NULL ? spec->file.name : slash + 1,
	         (unsigned long long)spec->workload.seed);
	for (; sets != NULL && *sets != NULL; sets++) {
		used = strlen(text);
		if (strncmp(*sets, "seed=", strlen("seed=")) != 0)
			snprintf(text + used, capacity - used, ", %s", *sets);
	}
	for (char *c = text; *c != '\0'; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
}

static bool generate(const struct spec *spec, const char *const *sets,
                     struct trace *trace, struct trace_error *error)
{
	struct program program;
	char source[1024];

	if (!program_init(&program, spec, error))
		return false;
	if (spec->workload.kind == KIND_PHASES)
		phases_play(&program);
	else if (crew_knows((enum spec_kind)spec->workload.kind))
		crew_play(&program);
	else
		adversary_play(&program);
	if (!program.failed)
		end_program(&program);
	bool good = !program.failed;
	if (good) {
		describe(spec, sets, source, sizeof source);
		good = trace_builder_finish(program.builder, source, trace,
		                            error);
		program.builder = NULL;
	}
	program_free(&program);
	return good;
}

bool generate_with(const char *path, const char *const *sets,
                   struct trace *trace, struct trace_error *error)
{
	struct spec spec;

	if (!spec_read(path, sets, &spec, error))
		return false;
	bool good = generate(&spec, sets, trace, error);
	spec_free(&spec);
	return good;
}

bool generate_from_spec(const char *path, struct trace *trace,
                        struct trace_error *error)
{
	return generate_with(path, NULL, trace, error);
}

bool generate_describe(const char *path, char *shows, size_t capacity,
                       const char **kind, struct trace_error *error)
{
	struct spec spec;

	if (!spec_read(path, NULL, &spec, error))
		return false;
	const char *text = spec.workload.shows;
	snprintf(shows, capacity, "%s", text == NULL ? "" : text);
	*kind = spec_kind_name((enum spec_kind)spec.workload.kind);
	spec_free(&spec);
	return true;
}
