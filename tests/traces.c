/*
 * traces.c - traces for tests.
 */
#include "traces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/trace/trace_builder.h"

struct trace trace_of(const char *text)
{
	struct trace_error error;
	struct trace trace;

	if (!trace_read_text("t", text, strlen(text), &trace, &error))
		fail_msg("\"%s\" is refused: %s", text, error.text);
	return trace;
}

static void expect_refusal(const struct refusal *refusal)
{
	struct trace_error error;
	struct trace trace;

	if (trace_read_text("t", refusal->text, strlen(refusal->text), &trace,
	                    &error))
		fail_msg("\"%s\" is accepted", refusal->text);
	assert_string_equal(error.text, refusal->message);
}

void expect_refusals(const struct refusal *refusals, size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect_refusal(&refusals[i]);
}

/* --- random traces ------------------------------------------------------ */

enum { LIVE_MAX = 500, THREADS = 5 };

struct dice {
	uint64_t state;
	struct trace_builder *builder;
	uint64_t live[LIVE_MAX]; /* ids */
	size_t live_count;
	uint64_t next_id;
	bool runs[THREADS];
	unsigned thread;
	struct trace_error error;
};

/* splitmix64 */
static uint64_t draw(struct dice *dice, uint64_t below)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % below;
}

/* From 0 to 2^46, small ones more often. */
static uint64_t draw_size(struct dice *dice)
{
	return draw(dice, (uint64_t)1 << draw(dice, 47));
}

static bool add_alloc(struct dice *dice)
{
	enum trace_kind kind = (enum trace_kind)draw(dice, 3);
	unsigned align =
		kind == TRACE_ALIGNED
			? (unsigned)draw(dice, TRACE_ALIGN_LOG2_MAX + 1)
			: 0;
	uint64_t id = dice->next_id++;

	dice->live[dice->live_count++] = id;
	return trace_builder_alloc(dice->builder, kind, id, draw_size(dice),
	                           align, 1, &dice->error);
}

static bool add_free(struct dice *dice, size_t at)
{
	uint64_t id = dice->live[at];

	dice->live[at] = dice->live[--dice->live_count];
	return trace_builder_free_block(dice->builder, id, 1, &dice->error);
}

static bool add_thread_mark(struct dice *dice)
{
	unsigned thread = 1 + (unsigned)draw(dice, THREADS - 1);
	bool runs = dice->runs[thread];

	if (runs && thread == dice->thread)
		return trace_builder_free_null(dice->builder, 1, &dice->error);
	dice->runs[thread] = !runs;
	return runs ? trace_builder_thread_exit(dice->builder, thread, 1,
	                                        &dice->error)
	            : trace_builder_thread_start(dice->builder, thread, 1,
	                                         &dice->error);
}

static bool switch_thread(struct dice *dice)
{
	unsigned thread = (unsigned)draw(dice, THREADS);

	if (!dice->runs[thread])
		return true;
	dice->thread = thread;
	return trace_builder_thread(dice->builder, thread, 1, &dice->error);
}

static bool add_phase(struct dice *dice)
{
	char name[16];

	snprintf(name, sizeof name, "phase-%u", (unsigned)draw(dice, 6));
	return trace_builder_phase(dice->builder, name, 1, &dice->error);
}

/* LIFO, FIFO and random deaths, growth and shrinking by turns. */
static bool add_call(struct dice *dice, uint64_t event)
{
	uint64_t choice = draw(dice, 100);
	bool grows = event / 300 % 2 == 0;

	if (choice < 2)
		return trace_builder_free_null(dice->builder, 1, &dice->error);
	if (choice < 12 && dice->live_count > 0)
		return trace_builder_realloc(
			dice->builder, dice->live[draw(dice, dice->live_count)],
			1 + draw_size(dice) / 2, 1, &dice->error);
	if (dice->live_count == 0 ||
	    (dice->live_count < LIVE_MAX && choice < (grows ? 70 : 40)))
		return add_alloc(dice);
	if (choice % 2 == 0)
		return add_free(dice, dice->live_count - 1);
	return add_free(dice, draw(dice, dice->live_count));
}

/* Stacks of up to 6 frames in 3 modules, some with a text. */
static uint32_t draw_site(struct dice *dice)
{
	static const char *const modules[] = {"/bin/a b", "", "lib(c),%.so"};
	struct trace_sites *sites = trace_builder_sites(dice->builder);
	uint32_t site = 0;

	assert_non_null(sites);
	for (uint64_t depth = draw(dice, 7); depth > 0; depth--) {
		uint32_t module = sites_module(sites, modules[draw(dice, 3)]);
		uint32_t frame =
			sites_frame(sites, module, draw(dice, 1000) << 30);
		if (draw(dice, 3) == 0)
			sites_set_text(sites, frame, "f (a.c:1)\ng<int>\xff",
			               draw(dice, 17) + 1);
		site = sites_site(sites, frame, site);
	}
	return site;
}

static bool add_event(struct dice *dice, unsigned seed, uint64_t event)
{
	if (seed % 2 != 0 && draw(dice, 20) == 0)
		return add_thread_mark(dice);
	if (seed % 2 != 0 && draw(dice, 7) == 0 && !switch_thread(dice))
		return false;
	if (seed % 3 == 0 && draw(dice, 50) == 0)
		return add_phase(dice);
	return add_call(dice, event);
}

struct trace random_trace(unsigned seed, uint64_t events)
{
	struct dice dice = {.state = seed,
	                    .builder = trace_builder_new("random", "event"),
	                    .runs = {true}};
	uint64_t time_ns = 0;
	struct trace trace;

	assert_non_null(dice.builder);
	for (uint64_t i = 0; i < events; i++) {
		if (!add_event(&dice, seed, i))
			fail_msg("%s", dice.error.text);
		if (seed % 4 == 1 && trace_builder_last_has_block(dice.builder))
			trace_builder_site(dice.builder, draw_site(&dice));
		if (seed % 5 == 0) {
			time_ns += i == 0 ? 0 : draw_size(&dice) >> 20;
			trace_builder_time(dice.builder, time_ns);
		}
	}
	if (!trace_builder_finish(dice.builder, "a random trace", &trace,
	                          &dice.error))
		fail_msg("%s", dice.error.text);
	return trace;
}

/* --- through files ------------------------------------------------------ */

char *written_text(const struct trace *trace)
{
	char path[] = "/tmp/alloclab-test-XXXXXX", *text = NULL;
	struct trace_error error;
	size_t room = 0;

	close(mkstemp(path));
	if (!trace_write_text(path, trace, &error))
		fail_msg("%s", error.text);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_true(getdelim(&text, &room, '\0', file) > 0);
	fclose(file);
	unlink(path);
	return text;
}

struct trace written_and_read(const struct trace *trace, trace_writer *write)
{
	char path[] = "/tmp/alloclab-test-XXXXXX";
	struct trace_error error;
	struct trace read;

	close(mkstemp(path));
	if (!write(path, trace, &error) ||
	    !trace_read_file(path, &read, &error))
		fail_msg("%s", error.text);
	unlink(path);
	return read;
}

static void assert_same_frame(const struct site_frame *one,
                              const struct site_frame *two)
{
	assert_int_equal(one->module, two->module);
	assert_int_equal(one->offset, two->offset);
	assert_int_equal(one->text != NULL, two->text != NULL);
	if (one->text != NULL)
		assert_string_equal(one->text, two->text);
}

static void assert_same_touch(const struct trace *one, const struct trace *two)
{
	assert_int_equal(one->untouched != NULL, two->untouched != NULL);
	if (one->untouched != NULL)
		assert_memory_equal(one->untouched, two->untouched,
		                    one->events * sizeof *one->untouched);
}

static void assert_same_sites(const struct trace *one, const struct trace *two)
{
	const struct trace_sites *first = one->sites, *second = two->sites;

	assert_int_equal(first != NULL, second != NULL);
	if (first == NULL)
		return;
	assert_memory_equal(one->site_of, two->site_of,
	                    one->events * sizeof *one->site_of);
	assert_int_equal(first->module_count, second->module_count);
	assert_int_equal(first->frame_count, second->frame_count);
	assert_int_equal(first->site_count, second->site_count);
	for (uint32_t i = 0; i < first->module_count; i++)
		assert_string_equal(first->modules[i], second->modules[i]);
	for (uint32_t i = 0; i < first->frame_count; i++)
		assert_same_frame(&first->frames[i], &second->frames[i]);
	assert_memory_equal(first->sites, second->sites,
	                    first->site_count * sizeof *first->sites);
}

void assert_same_trace(const struct trace *one, const struct trace *two)
{
	assert_int_equal(one->events, two->events);
	assert_memory_equal(one->ops, two->ops, one->events * sizeof *one->ops);
	assert_int_equal(one->times != NULL, two->times != NULL);
	if (one->times != NULL)
		assert_memory_equal(one->times, two->times,
		                    one->events * sizeof *one->times);
	assert_int_equal(one->slots, two->slots);
	assert_int_equal(one->threads, two->threads);
	assert_int_equal(one->calls, two->calls);
	assert_int_equal(one->peak_live_bytes, two->peak_live_bytes);
	assert_int_equal(one->peak_live_event, two->peak_live_event);
	assert_true(one->checksum == two->checksum);
	assert_string_equal(one->source, two->source);
	assert_int_equal(one->phase_count, two->phase_count);
	for (uint32_t i = 0; i < one->phase_count; i++)
		assert_string_equal(one->phases[i], two->phases[i]);
	assert_same_sites(one, two);
	assert_same_touch(one, two);
}
