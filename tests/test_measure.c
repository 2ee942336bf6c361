/*
 * test_measure.c - the parts of the measure pass: shadow, oracle, census, audit.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/measure/audit.h"
#include "harness/measure/census.h"
#include "harness/measure/shadow.h"
#include "lab.h"

extern const struct allocator bump_allocator;

static const uintptr_t GIB = (uintptr_t)1 << 30, TOP = (uintptr_t)1 << 47;

static struct trace read_trace(const char *text)
{
	struct trace trace;
	struct trace_error error;

	assert_true(
		trace_read_text("test", text, strlen(text), &trace, &error));
	return trace;
}

/* ---- shadow -------------------------------------------------------------- */

/* Addresses are only compared, never followed. */
static void *at(uintptr_t address)
{
	return (void *)address;
}

static void a_block_may_span_regions(void **state)
{
	struct shadow shadow;
	void *start = at(5 * GIB - 64);

	(void)state;
	assert_true(shadow_open(&shadow));
	assert_true(shadow_cover(&shadow, start, 128, 7));
	assert_int_equal(shadow_owner(&shadow, start), 7);
	assert_int_equal(shadow_owner(&shadow, at(5 * GIB)), SHADOW_NONE);
	assert_false(shadow_cover(&shadow, at(5 * GIB), 16, 8));
	assert_false(shadow_cover(&shadow, at(5 * GIB + 48), 16, 8));
	assert_false(shadow_cover(&shadow, at(5 * GIB - 16), 16, 8));
	assert_true(shadow_cover(&shadow, at(5 * GIB + 64), 16, 9));
	shadow_uncover(&shadow, start, 128);
	assert_int_equal(shadow_owner(&shadow, start), SHADOW_NONE);
	assert_true(shadow_cover(&shadow, at(5 * GIB), 64, 8));
	assert_false(shadow_cover(&shadow, at(5 * GIB), 65, 8));
	shadow_close(&shadow);
}

static void a_refused_block_leaves_nothing_behind(void **state)
{
	struct shadow shadow;

	(void)state;
	assert_true(shadow_open(&shadow));
	assert_true(shadow_cover(&shadow, at(GIB + 4096), 16, 1));
	assert_false(shadow_cover(&shadow, at(GIB), 4112, 2));
	assert_int_equal(shadow_owner(&shadow, at(GIB)), SHADOW_NONE);
	assert_true(shadow_cover(&shadow, at(GIB), 4096, 2));
	shadow_close(&shadow);
}

static void nothing_lies_beyond_the_address_space(void **state)
{
	struct shadow shadow;

	(void)state;
	assert_true(shadow_open(&shadow));
	assert_true(shadow_cover(&shadow, at(TOP - 64), 64, 1));
	assert_false(shadow_cover(&shadow, at(TOP - 128), 64 + 65, 2));
	assert_false(shadow_reaches(at(TOP - 128), 129));
	assert_false(shadow_cover(&shadow, at(TOP), 16, 2));
	assert_false(shadow_cover(&shadow, at(UINTPTR_MAX - 15), 16, 2));
	assert_int_equal(shadow_owner(&shadow, at(TOP)), SHADOW_NONE);
	shadow_close(&shadow);
}

/* ---- oracle -------------------------------------------------------------- */

static size_t stated_usable;

static size_t state_usable(struct heap *heap, const void *block)
{
	(void)heap;
	(void)block;
	return stated_usable;
}

/* The verdict on a first malloc(100) that is said to be `usable` bytes. */
static struct verdict judge_usable(size_t usable)
{
	struct trace trace = read_trace("a=100");
	struct allocator liar = bump_allocator;
	struct knob_values values;
	struct replayer replayer;

	stated_usable = usable;
	liar.usable_size = state_usable;
	knob_defaults(liar.knobs, &values);
	assert_true(replayer_open(&replayer, &liar, &values, &trace, 0,
	                          ORACLE_PLACES));
	replayer_step(&replayer);
	struct verdict verdict = replayer.verdict;
	verdict_set(&replayer.verdict, VERDICT_STOPPED, 0, "the test ends");
	replayer_close(&replayer);
	trace_destroy(&trace);
	return verdict;
}

static void an_absurd_usable_size_is_a_finding(void **state)
{
	static const size_t absurd[] = {SIZE_MAX, (size_t)1 << 47,
	                                (size_t)1 << 46, (size_t)2 << 30};

	(void)state;
	assert_int_equal(judge_usable(100).kind, VERDICT_OK);
	assert_int_equal(judge_usable(128).kind, VERDICT_OK);
	assert_int_equal(judge_usable(99).kind, VERDICT_SHORT_BLOCK);
	for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++)
		assert_int_equal(judge_usable(absurd[i]).kind,
		                 VERDICT_BROKEN_HEAP);
}

static void *far_malloc(struct thread_heap *self, size_t size)
{
	(void)self;
	(void)size;
	return at(TOP);
}

static void an_address_of_no_memory_is_a_finding(void **state)
{
	struct trace trace = read_trace("a=100");
	struct allocator far = bump_allocator;
	struct knob_values values;
	struct replayer replayer;

	(void)state;
	far.malloc = far_malloc;
	far.usable_size = NULL;
	knob_defaults(far.knobs, &values);
	assert_true(
		replayer_open(&replayer, &far, &values, &trace, 0, ORACLE_ALL));
	assert_false(replayer_step(&replayer));
	assert_int_equal(replayer.verdict.kind, VERDICT_BROKEN_HEAP);
	assert_non_null(strstr(replayer.verdict.sentence, "can lie at"));
	replayer_close(&replayer);
	trace_destroy(&trace);
}

/* ---- census -------------------------------------------------------------- */

static int tiers_wanted;

/* As many free blocks of 16 bytes, each of a tier of its own. */
static void walk_tiers(struct heap *heap, extent_visitor *visit, void *ctx)
{
	static char memory[64 * 16], names[64][12];

	(void)heap;
	for (int i = 0; i < tiers_wanted; i++) {
		snprintf(names[i], sizeof names[i], "t%d", i);
		struct extent extent = {memory + i * 16, 16, EXTENT_FREE,
		                        names[i]};
		if (!visit(ctx, &extent))
			return;
	}
}

static struct verdict count_tiers(int tiers, struct census *census)
{
	static const uint64_t sizes[CENSUS_QUANTILES] = {1, 2, 3};
	struct trace trace = read_trace("a=100");
	struct allocator tiered = bump_allocator;
	struct knob_values values;
	struct replayer replayer;

	tiers_wanted = tiers;
	tiered.walk = walk_tiers;
	knob_defaults(tiered.knobs, &values);
	assert_true(replayer_open(&replayer, &tiered, &values, &trace, 0,
	                          ORACLE_PLACES));
	assert_false(census_take(&replayer, sizes, census, NULL, NULL));
	struct verdict verdict = replayer.verdict;
	replayer_close(&replayer);
	trace_destroy(&trace);
	return verdict;
}

static void a_tier_too_many_is_a_finding(void **state)
{
	struct census census;
	struct verdict verdict = count_tiers(CENSUS_TIERS, &census);

	(void)state;
	/* All are counted; the sum is not what bump has committed. */
	assert_non_null(strstr(verdict.sentence, "the walk covers 256 bytes"));
	assert_int_equal(census.tier_count, CENSUS_TIERS);
	verdict = count_tiers(CENSUS_TIERS + 1, &census);
	assert_int_equal(verdict.kind, VERDICT_BROKEN_HEAP);
	assert_non_null(strstr(verdict.sentence, "too many tiers"));
	assert_int_equal(census.tier_count, CENSUS_TIERS);
	assert_int_equal(census.all.blocks, CENSUS_TIERS);
}

/* A heap without a walk, whose second block lies outside of the region. */
static char outside[256] __attribute__((aligned(16)));

static void *straying_malloc(struct thread_heap *self, size_t size)
{
	return size == 200 ? outside : bump_allocator.malloc(self, size);
}

static void a_block_outside_the_region_is_a_finding(void **state)
{
	static const uint64_t sizes[CENSUS_QUANTILES] = {1, 2, 3};
	struct trace trace = read_trace("a=100 b=200");
	struct allocator straying = bump_allocator;
	struct knob_values values;
	struct replayer replayer;
	struct census census;

	(void)state;
	straying.walk = NULL;
	straying.usable_size = NULL;
	straying.malloc = straying_malloc;
	knob_defaults(straying.knobs, &values);
	assert_true(replayer_open(&replayer, &straying, &values, &trace, 0,
	                          ORACLE_PLACES));
	assert_true(replayer_step(&replayer));
	assert_true(census_take(&replayer, sizes, &census, NULL, NULL));
	assert_int_equal(census.parts.requested, 100);
	assert_true(replayer_step(&replayer));
	assert_false(census_take(&replayer, sizes, &census, NULL, NULL));
	assert_non_null(strstr(replayer.verdict.sentence, "outside"));
	replayer_close(&replayer);
	trace_destroy(&trace);
}

/* ---- audit --------------------------------------------------------------- */

/* bump, which claims to follow links: 1 a malloc, 1000 an attach. */
static uint64_t links_claimed;

static void *linked_malloc(struct thread_heap *self, size_t size)
{
	links_claimed++;
	return bump_allocator.malloc(self, size);
}

static struct thread_heap *linked_attach(struct heap *heap)
{
	links_claimed += 1000;
	return bump_allocator.attach(heap);
}

static void linked_stats(struct heap *heap, struct heap_stats *stats)
{
	bump_allocator.stats(heap, stats);
	stats->links = links_claimed;
}

/* Audits the text; what went to searches.csv is in `rows`. */
static struct verdict audit_text(const char *text, size_t limit_bytes,
                                 char rows[8192], struct audit *audit)
{
	struct trace trace = read_trace(text);
	struct allocator linked = bump_allocator;
	struct knob_values values;
	volatile uint64_t progress;
	const struct audit_options options = {
		.limit_bytes = limit_bytes,
		.depth = ORACLE_EDGES,
		.progress = &progress,
		.label = "bump",
		.searches = fmemopen(rows, 8192, "w"),
	};

	linked.malloc = linked_malloc;
	linked.attach = linked_attach;
	linked.stats = linked_stats;
	links_claimed = 0;
	knob_defaults(linked.knobs, &values);
	struct verdict verdict =
		audit_run(&linked, &values, &trace, &options, audit);
	fclose(options.searches);
	trace_destroy(&trace);
	return verdict;
}

static void what_attach_follows_is_no_calls(void **state)
{
	char rows[8192] = "";
	struct audit audit;
	struct verdict verdict =
		audit_text("a=8\nb=8\n-a\n-b\n", 0, rows, &audit);

	(void)state;
	assert_int_equal(verdict.kind, VERDICT_OK);
	assert_int_equal(audit.calls, 4);
	assert_int_equal(audit.links_max, 1);
	assert_true(audit.links_mean == 0.5);
}

static void an_early_end_loses_no_searches(void **state)
{
	char text[32768] = "x=3312 ", rows[8192] = "";
	struct audit audit;
	uint64_t counted = 0;

	(void)state;
	/* 1200 events: a row for every three; the limit ends it in between. */
	for (int i = 1; i < 1200; i++)
		sprintf(text + strlen(text), "b%d=100 ", i);
	struct verdict verdict = audit_text(text, 65536, rows, &audit);
	assert_int_equal(verdict.kind, VERDICT_OUT_OF_MEMORY);
	assert_true((verdict.event - 1) % 3 != 0);
	for (char *row = strtok(rows, "\n"); row; row = strtok(NULL, "\n")) {
		unsigned long from, to, calls;
		assert_int_equal(
			sscanf(row, "bump,%lu,%lu,%lu", &from, &to, &calls), 3);
		assert_int_equal(calls, to - from + 1);
		counted += calls;
	}
	assert_int_equal(counted, audit.calls);
	assert_int_equal(counted, verdict.event - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_may_span_regions),
		cmocka_unit_test(a_refused_block_leaves_nothing_behind),
		cmocka_unit_test(nothing_lies_beyond_the_address_space),
		cmocka_unit_test(an_absurd_usable_size_is_a_finding),
		cmocka_unit_test(an_address_of_no_memory_is_a_finding),
		cmocka_unit_test(a_tier_too_many_is_a_finding),
		cmocka_unit_test(a_block_outside_the_region_is_a_finding),
		cmocka_unit_test(what_attach_follows_is_no_calls),
		cmocka_unit_test(an_early_end_loses_no_searches),
	};
	return cmocka_run_group_tests_name("measure", tests, NULL, NULL);
}
