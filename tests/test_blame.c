/*
 * test_blame.c - who holds which page: to the byte, on made-up heaps and on
 * every allocator.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "allocators/registry.h"
#include "harness/blame/blame.h"
#include "harness/measure/audit.h"
#include "traces.h"

enum { PAGE = 4096 };

/* --- pages -------------------------------------------------------------- */

/* An extent of a made-up heap. */
struct piece_of_heap {
	enum extent_kind kind;
	uint64_t bytes;
	struct block_owner owner; /* of a live one */
};

/* Where made-up heaps begin; nothing is read there. */
static char *const heap_start = (char *)0x100000;

static void add_pieces(struct attribution *attribution,
                       const struct piece_of_heap *pieces, size_t count,
                       char *at)
{
	for (size_t i = 0; i < count; i++) {
		const struct piece_of_heap *piece = &pieces[i];
		bool is_live = piece->kind == EXTENT_LIVE;
		const struct census_extent extent = {
			.extent = {at, piece->bytes, piece->kind, ""},
			.requested = is_live ? piece->bytes : 0,
		};
		attribution_add(attribution, &extent,
		                is_live ? &piece->owner : NULL);
		at += piece->bytes;
	}
}

/* The page that attribution.c draws. */
static void holes_are_shared_by_live_bytes(void **state)
{
	static const struct piece_of_heap pieces[] = {
		{EXTENT_LIVE, 96, {0, true}},   {EXTENT_FREE, 1000, {0}},
		{EXTENT_LIVE, 32, {1, false}},  {EXTENT_FREE, 2500, {0}},
		{EXTENT_LIVE, 160, {0, false}}, {EXTENT_METADATA, 308, {0}},
	};
	struct holding holdings[2] = {{0}};
	struct attribution attribution = {.holdings = holdings,
	                                  .page_bytes = PAGE};

	(void)state;
	add_pieces(&attribution, pieces, 6, heap_start);
	assert_true(attribution_end(&attribution));
	assert_int_equal(holding_held(&holdings[0]), 3367);
	assert_int_equal(holding_held(&holdings[1]), 421);
	assert_int_equal(holdings[0].blocks, 2);
	assert_int_equal(holdings[0].held_long, 96 + 3500 * 96 / 288);
	assert_int_equal(holdings[0].pages, 1);
	assert_int_equal(holdings[0].pages_alone, 0);
	assert_int_equal(attribution.metadata, 308);
	assert_int_equal(attribution.free_pages, 0);
}

/* A block over three pages and a bit, holes before and behind, a free page. */
static void a_block_holds_all_of_its_pages(void **state)
{
	static const struct piece_of_heap pieces[] = {
		{EXTENT_SLACK, 96, {0}},
		{EXTENT_LIVE, 3 * PAGE, {0, true}},
		{EXTENT_FREE, 2 * PAGE - 100, {0}},
		{EXTENT_METADATA, 4, {0}},
	};
	struct holding holding = {0};
	struct attribution attribution = {.holdings = &holding,
	                                  .page_bytes = PAGE};

	(void)state;
	add_pieces(&attribution, pieces, 4, heap_start);
	assert_true(attribution_end(&attribution));
	assert_int_equal(holding.pages, 4);
	assert_int_equal(holding.pages_alone, 4);
	assert_int_equal(holding.holes, 96 + PAGE - 96);
	assert_int_equal(holding.held_long, holding_held(&holding));
	assert_int_equal(attribution.free_pages, PAGE - 4);
	assert_int_equal(attribution.metadata, 4);
}

enum { GROUPS = 5, HEAP_PAGES = 40 };

/* What lies at each byte of a made-up heap: a group, or one of these. */
enum { HOLE = GROUPS, HEADER, NOTHING };

/* Counted by looking at every byte. */
struct counted {
	uint64_t live[GROUPS], pages[GROUPS], alone[GROUPS];
	double holes[GROUPS];
	uint64_t metadata, free_pages;
};

static void count_page(const unsigned char *page, struct counted *counted)
{
	uint64_t of[NOTHING + 1] = {0}, live = 0;
	int groups = 0;

	for (int i = 0; i < PAGE; i++)
		of[page[i]]++;
	for (int group = 0; group < GROUPS; group++) {
		live += of[group];
		groups += of[group] > 0;
	}
	counted->metadata += of[HEADER];
	if (live == 0)
		counted->free_pages += of[HOLE];
	for (int group = 0; group < GROUPS && live > 0; group++) {
		counted->live[group] += of[group];
		counted->pages[group] += of[group] > 0;
		counted->alone[group] += of[group] > 0 && groups == 1;
		counted->holes[group] +=
			(double)of[HOLE] * (double)of[group] / (double)live;
	}
}

static void expect_counted(const struct holding *holdings,
                           const struct attribution *attribution,
                           const struct counted *counted)
{
	assert_int_equal(attribution->metadata, counted->metadata);
	assert_int_equal(attribution->free_pages, counted->free_pages);
	for (int i = 0; i < GROUPS; i++) {
		double off = (double)holdings[i].holes - counted->holes[i];
		assert_int_equal(holdings[i].requested, counted->live[i]);
		assert_int_equal(holdings[i].pages, counted->pages[i]);
		assert_int_equal(holdings[i].pages_alone, counted->alone[i]);
		/* Rounding: less than a byte for each piece on a page. */
		assert_true(off < (double)holdings[i].blocks + HEAP_PAGES);
		assert_true(off > -(double)holdings[i].blocks - HEAP_PAGES);
	}
}

/* Bytes of the next piece, most often few. */
static uint64_t draw_bytes(unsigned *seed)
{
	unsigned most = 1u << (unsigned)(rand_r(seed) % 15);

	return 1 + (uint64_t)rand_r(seed) % most;
}

static void random_heaps_are_shared_out(void **state)
{
	static unsigned char bytes[HEAP_PAGES * PAGE];

	(void)state;
	for (unsigned seed = 1; seed <= 200; seed++) {
		unsigned dice = seed;
		struct holding holdings[GROUPS] = {{0}};
		struct attribution attribution = {.holdings = holdings,
		                                  .page_bytes = PAGE};
		struct counted counted = {0};
		uint64_t at = 0, held = 0, all = 0;
		memset(bytes, NOTHING, sizeof bytes);
		for (;;) {
			int what = rand_r(&dice) % (NOTHING + 1);
			struct piece_of_heap piece = {
				.kind = what == HOLE     ? EXTENT_FREE
			                : what == HEADER ? EXTENT_METADATA
			                                 : EXTENT_LIVE,
				.bytes = draw_bytes(&dice),
				.owner = {(uint32_t)what, false},
			};
			if (at + piece.bytes > sizeof bytes)
				break;
			if (what != NOTHING) {
				add_pieces(&attribution, &piece, 1,
				           heap_start + at);
				memset(bytes + at, what, piece.bytes);
				all += piece.bytes;
			}
			at += piece.bytes;
		}
		assert_true(attribution_end(&attribution));
		for (int i = 0; i < HEAP_PAGES; i++)
			count_page(bytes + i * PAGE, &counted);
		expect_counted(holdings, &attribution, &counted);
		for (int i = 0; i < GROUPS; i++)
			held += holding_held(&holdings[i]);
		assert_int_equal(held, all - counted.metadata -
		                               counted.free_pages); /* I2 */
	}
}

/* --- callers ------------------------------------------------------------ */

/* Stacks: malloc's caller is the C library, a container, an inlined function. */
static const char stacks[] =
	"module(/lib/libc.so.6) module(/bin/job) "
	"frame(0,10,strdup) frame(1,20,intern%20%28w.c:4%29) "
	"frame(1,30,main%20%28w.c:9%29) "
	"frame(1,40,std::vector<int>::push_back%0aload%20%28w.c:7%29) "
	"frame(1,50) frame(1,60,make%20%28w.c:1%29) "
	"frame(1,70,xmalloc%20%28x.c:3%29) "
	"site(2) site(1,1) site(0,2) site(3,1) site(4,1) site(0) site(5,1) "
	"site(6,7) ";

static void expect_groups(const char *events, unsigned depth,
                          const char *const *names, uint32_t count)
{
	char text[2048];
	struct groups groups;

	snprintf(text, sizeof text, "%s%s", stacks, events);
	struct trace trace = trace_of(text);
	assert_true(groups_open(&groups, &trace, depth, "make,resize"));
	assert_int_equal(groups.count, count);
	for (uint32_t i = 0; i < count; i++) {
		assert_string_equal(groups.names[i], names[i]);
		assert_int_equal(groups_of(&groups, i), i);
	}
	groups_close(&groups);
	trace_destroy(&trace);
}

static void callers_are_the_programs_own(void **state)
{
	static const char *const one[] = {"intern (w.c:4)", "load (w.c:7)",
	                                  "job+0x50",       "strdup",
	                                  "(unknown)",      "main (w.c:9)"};
	static const char *const two[] = {"intern (w.c:4) < main (w.c:9)",
	                                  "load (w.c:7) < main (w.c:9)"};
	static const char *const all[] = {
		"strdup < intern (w.c:4) < main (w.c:9)",
		"intern (w.c:4) < main (w.c:9)"};

	(void)state;
	expect_groups("^3 a=1 ^4 b=1 ^5 c=1 ^6 d=1 e=1 ^8 f=1 ^2 g=1", 1, one,
	              6);
	expect_groups("^3 a=1 ^4 b=1 ^2 f=1", 2, two, 2);
	expect_groups("^3 a=1 ^2 f=1", GROUPS_WHOLE_STACK, all, 2);
}

static void without_sites_size_and_thread_count(void **state)
{
	struct trace trace = trace_of("a=16 b=17 start(1) @1 c=32 d=0");
	struct groups groups;

	(void)state;
	assert_true(groups_open(&groups, &trace, 1, NULL));
	assert_string_equal(groups.names[groups_of(&groups, 0)],
	                    "0-16 bytes, thread 0");
	assert_string_equal(groups.names[groups_of(&groups, 1)],
	                    "17-32 bytes, thread 0");
	assert_string_equal(groups.names[groups_of(&groups, 3)],
	                    "17-32 bytes, thread 1");
	assert_string_equal(groups.names[groups_of(&groups, 4)],
	                    "0-16 bytes, thread 1");
	groups_close(&groups);
	trace_destroy(&trace);
}

/* --- allocators --------------------------------------------------------- */

static const struct blame_options usual = {
	.page_bytes = PAGE,
	.long_percent = 50,
	.seconds = 60,
	.memory_bytes = (size_t)4 << 30,
};

static void open_subject(struct subject *subject, const char *name)
{
	struct trace_error error;

	if (!subject_parse(name, subject, &error))
		fail_msg("%s", error.text);
}

/* 300 names, from several callers; every third block is resized. */
static struct trace busy_trace(unsigned seed)
{
	enum { NAMES = 300, STEPS = 4000 };
	bool live[NAMES] = {false};
	char *text = NULL;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	fputs(stacks, to);
	for (int i = 0; i < STEPS; i++) {
		int name = rand_r(&seed) % NAMES;
		int size = 1 + rand_r(&seed) % (16 << rand_r(&seed) % 10);
		bool resizes = live[name] && rand_r(&seed) % 3 == 0;
		if (live[name] && !resizes)
			fprintf(to, "-b%d ", name);
		else
			fprintf(to, "^%d b%d%c%d ", 1 + rand_r(&seed) % 6, name,
			        resizes ? ':' : '=', size);
		live[name] = !live[name] || resizes;
	}
	fclose(to);
	struct trace trace = trace_of(text);
	free(text);
	return trace;
}

static void expect_sums(const struct blame *blame, const struct groups *groups)
{
	uint64_t requested = 0, rounding = 0, blocks = 0;

	for (uint32_t i = 0; i < groups->count; i++) {
		requested += blame->holdings[i].requested;
		rounding += blame->holdings[i].rounding;
		blocks += blame->holdings[i].blocks;
		assert_true(blame->holdings[i].held_long <=
		            holding_held(&blame->holdings[i]));
		assert_true(blame->holdings[i].pages_alone <=
		            blame->holdings[i].pages);
	}
	assert_int_equal(requested, blame->parts.requested);
	assert_int_equal(rounding, blame->parts.internal);
	assert_int_equal(blocks, blame->blocks);
	assert_int_equal(blame->metadata, blame->parts.metadata);
	assert_int_equal(blame->held + blame->metadata + blame->free_pages,
	                 parts_sum(&blame->parts));
}

static void expect_peak(const struct subject *subject,
                        const struct trace *trace, const struct blame *blame)
{
	const struct audit_options options = {.depth = ORACLE_PLACES,
	                                      .progress = &(uint64_t){0},
	                                      .label = "audit"};
	struct audit audit;

	audit_run(subject->allocator, &subject->values, trace, &options,
	          &audit);
	assert_int_equal(blame->event, audit.peak_footprint_event);
	assert_int_equal(parts_sum(&blame->parts), audit.peak_footprint_bytes);
}

/* The sum of held is the footprint, less metadata and free pages, exactly. */
static void every_allocator_adds_up(void **state)
{
	struct subject *subject = calloc(1, sizeof *subject);
	struct trace trace = busy_trace(1);
	struct groups groups;
	struct blame blame;
	int done = 0;

	(void)state;
	assert_true(groups_open(&groups, &trace, 1, NULL));
	for (int i = 0; allocator_registry[i] != NULL; i++) {
		if (!census_is_possible(allocator_registry[i]))
			continue;
		open_subject(subject, allocator_registry[i]->name);
		assert_true(
			blame_run(subject, &trace, &groups, &usual, &blame));
		if (blame.verdict.kind != VERDICT_REFUSED) {
			assert_int_equal(blame.verdict.kind, VERDICT_OK);
			expect_sums(&blame, &groups);
			expect_peak(subject, &trace, &blame);
			done++;
		}
		blame_close(&blame);
	}
	assert_true(done >= 8);
	groups_close(&groups);
	trace_destroy(&trace);
	free(subject);
}

/* At any moment, in pages of any size, the sums are the same. */
static void every_moment_adds_up(void **state)
{
	struct subject *subject = calloc(1, sizeof *subject);
	struct trace trace = busy_trace(2);
	struct groups groups;
	struct blame blame;

	(void)state;
	open_subject(subject, "jemalloc");
	assert_true(groups_open(&groups, &trace, 2, NULL));
	for (uint64_t event = 1; event <= trace.events; event += 397) {
		struct blame_options options = usual;
		options.event = event;
		options.page_bytes = (uint64_t)PAGE << event % 10;
		assert_true(
			blame_run(subject, &trace, &groups, &options, &blame));
		assert_int_equal(blame.verdict.kind, VERDICT_OK);
		assert_int_equal(blame.event, event);
		expect_sums(&blame, &groups);
		blame_close(&blame);
	}
	groups_close(&groups);
	trace_destroy(&trace);
	free(subject);
}

/* A block is as old as its malloc, and blamed on its last realloc. */
static void ages_and_callers_by_hand(void **state)
{
	struct subject *subject = calloc(1, sizeof *subject);
	char text[2048];
	struct groups groups;
	struct blame blame;

	(void)state;
	snprintf(text, sizeof text,
	         "%s ^2 a=100 ^2 b=50 ^2 c=10 ^4 d=7 -c ^5 a:300 ^4 e=3 -d -e",
	         stacks);
	struct trace trace = trace_of(text);
	struct blame_options options = usual;
	options.event = 7; /* a b d e live */
	open_subject(subject, "first-fit");
	assert_true(groups_open(&groups, &trace, 1, NULL));
	assert_true(blame_run(subject, &trace, &groups, &options, &blame));
	assert_int_equal(blame.verdict.kind, VERDICT_OK);
	const struct holding *intern = &blame.holdings[groups_of(&groups, 0)];
	const struct holding *load = &blame.holdings[groups_of(&groups, 3)];
	const struct holding *job = &blame.holdings[groups_of(&groups, 5)];
	assert_int_equal(intern->blocks, 1); /* b: event 2 of 7 */
	assert_int_equal(intern->age_events, 5);
	assert_int_equal(intern->age_bytes, 50 + 10 + 7 + 300 + 3);
	assert_int_equal(intern->held_long, holding_held(intern));
	assert_int_equal(load->blocks, 2); /* d: event 4, e: event 7 */
	assert_int_equal(load->age_events, 0);
	assert_int_equal(load->age_bytes, 3);
	assert_int_equal(load->held_long, 0);
	assert_int_equal(job->blocks, 1); /* a: event 1, its realloc 6 */
	assert_int_equal(job->requested, 300);
	assert_int_equal(job->age_events, 6);
	blame_close(&blame);
	groups_close(&groups);
	trace_destroy(&trace);
	free(subject);
}

/* An allocator that fails is a verdict, not the end of the program. */
static void no_memory_is_a_verdict(void **state)
{
	struct subject *subject = calloc(1, sizeof *subject);
	struct trace trace = trace_of("a=16 b=1M c=1M");
	struct blame_options options = usual;
	struct groups groups;
	struct blame blame;

	(void)state;
	options.memory_bytes = 1 << 20;
	open_subject(subject, "first-fit");
	assert_true(groups_open(&groups, &trace, 1, NULL));
	assert_true(blame_run(subject, &trace, &groups, &options, &blame));
	assert_int_equal(blame.verdict.kind, VERDICT_OUT_OF_MEMORY);
	assert_int_equal(blame.verdict.event, 2);
	blame_close(&blame);
	groups_close(&groups);
	trace_destroy(&trace);
	free(subject);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_are_shared_by_live_bytes),
		cmocka_unit_test(a_block_holds_all_of_its_pages),
		cmocka_unit_test(random_heaps_are_shared_out),
		cmocka_unit_test(callers_are_the_programs_own),
		cmocka_unit_test(without_sites_size_and_thread_count),
		cmocka_unit_test(every_allocator_adds_up),
		cmocka_unit_test(every_moment_adds_up),
		cmocka_unit_test(ages_and_callers_by_hand),
		cmocka_unit_test(no_memory_is_a_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
