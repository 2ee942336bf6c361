/*
 * test_fit.c - the fit family: where each policy and each knob puts a block.
 *
 * Placement is tested with scripts like those of the blackboard, and with the
 * heap as a string (the wilderness at its end left out):
 *
 *     "a=80 b=16 -a c=40"  =>  "|c 48|. 32|b 16|"
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocators/common/misuse.h"
#include "allocators/fit/fit.h"
#include "allocators/registry.h"
#include "lab.h"

/* ---- scripts ------------------------------------------------------------ */

/* Blocks are named a, b, c... in the order in which they are made. */
static void play(struct lab *lab, const char *script)
{
	for (const char *at = script; *at != '\0'; at++) {
		if (*at == '-') {
			void *block = lab->named[*++at - 'a'];
			assert_non_null(block);
			lab_free(lab, block);
		} else if (isalpha((unsigned char)*at)) {
			assert_int_equal(*at - 'a', lab->names);
			char *end;
			size_t size = strtoul(at + 2, &end, 10);
			assert_non_null(lab_malloc(lab, size));
			at = end - 1;
		}
		lab_check(lab);
	}
}

static bool drop_wilderness(void *ctx, const struct extent *extent)
{
	char *text = ctx, tail[32];

	if (extent->kind == EXTENT_FREE &&
	    strcmp(extent->tier, "wilderness") == 0) {
		snprintf(tail, sizeof tail, ". %zu|", extent->bytes);
		assert_true(strlen(text) > strlen(tail));
		text[strlen(text) - strlen(tail)] = '\0';
	}
	return true;
}

static const char *blocks(struct lab *lab)
{
	lab_heap_string(lab);
	lab->allocator->walk(lab->heap, drop_wilderness, lab->text);
	return lab->text;
}

static void expect(const char *allocator, const char *script, const char *heap)
{
	struct lab *lab = lab_open(allocator);

	play(lab, script);
	assert_string_equal(blocks(lab), heap);
	lab_check_walk(lab, -1);
	lab_close(lab);
}

static struct fit_heap *inside(struct lab *lab)
{
	return (struct fit_heap *)lab->heap;
}

/* ---- placement ---------------------------------------------------------- */

#define THREE_HOLES "a=80 b=16 c=48 d=16 e=192 f=16 -a -c -e "

static void the_policies_differ(void **state)
{
	(void)state;
	expect("first-fit", THREE_HOLES "g=40",
	       "|g 48|. 32|b 16|. 64|d 16|. 208|f 16|");
	expect("best-fit", THREE_HOLES "g=40",
	       "|. 96|b 16|g 48|d 16|. 208|f 16|");
	expect("worst-fit", THREE_HOLES "g=40",
	       "|. 96|b 16|. 64|d 16|g 48|. 144|f 16|");
	/* g leaves the rover on the rest of the last hole. */
	expect("next-fit", THREE_HOLES "g=112 h=16",
	       "|. 96|b 16|. 64|d 16|g 112|h 16|. 48|f 16|");
	expect("first-fit", THREE_HOLES "g=112 h=16",
	       "|h 16|. 64|b 16|. 64|d 16|g 112|. 80|f 16|");
}

/* docs/fit.md shows these four heaps. */
static void the_worked_example(void **state)
{
	static const char script[] = THREE_HOLES "g=40 h=80 i=192 j=16";

	(void)state;
	expect("first-fit", script,
	       "|g 48|j 16|b 16|. 64|d 16|h 80|. 112|f 16|i 192|");
	expect("next-fit", script,
	       "|g 48|. 32|b 16|. 64|d 16|h 80|j 16|. 80|f 16|i 192|");
	expect("best-fit", script, "|h 80|b 16|g 48|d 16|i 192|f 16|j 16|");
	expect("worst-fit", script,
	       "|j 16|. 64|b 16|. 64|d 16|g 48|h 80|. 48|f 16|i 192|");
}

static void ties_go_to_the_lowest_address(void **state)
{
	static const char script[] =
		"a=48 b=16 c=48 d=16 e=48 f=16 -e -c -a g=48";
	static const char low[] = "|g 48|b 16|. 64|d 16|. 64|f 16|";

	(void)state;
	expect("best-fit", script, low);
	expect("best-fit:order=address", script, low);
	expect("best-fit:index=tree,min_block=64", script,
	       "|g 48|b 48|. 64|d 48|. 64|f 48|");
	expect("worst-fit", script, low);
	expect("worst-fit:order=size", script, low);
	expect("worst-fit:index=tree,min_block=64", script,
	       "|g 48|b 48|. 64|d 48|. 64|f 48|");
	/* In other orders to the first on the chain: here the last freed. */
	expect("best-fit:order=fifo", script,
	       "|. 64|b 16|. 64|d 16|g 48|f 16|");
}

static void the_rover_stays_on_the_chain(void **state)
{
	(void)state;
	/* Used whole: the rover goes to the next hole. */
	expect("next-fit", THREE_HOLES "g=48 h=48 i=16",
	       "|g 48|. 32|b 16|h 48|d 16|i 16|. 176|f 16|");
	/* Merged with the block before it, the rover stands on both; */
	expect("next-fit", "a=80 b=16 c=144 d=16 -a -c e=90 -e f=16",
	       "|. 96|b 16|f 16|. 128|d 16|");
	/* and so with the block behind it. */
	expect("next-fit", "a=80 b=16 c=144 d=16 e=16 -a -c f=90 -d g=16",
	       "|. 96|b 16|f 96|g 16|. 48|e 16|");
	/* Round: nothing above the rover fits, but something below does. */
	expect("next-fit", "a=80 b=16 c=48 d=16 -a -c e=80 f=48 -e g=80",
	       "|g 80|b 16|f 48|d 16|");
}

#define FOUR_HOLES "a=80 b=16 c=48 d=16 e=192 f=16 g=96 h=16 -e -a -c -g i=40"

static void order_decides_which_hole_is_first(void **state)
{
	(void)state;
	expect("first-fit:order=address", FOUR_HOLES,
	       "|i 48|. 32|b 16|. 64|d 16|. 208|f 16|. 112|h 16|");
	expect("first-fit:order=lifo", FOUR_HOLES,
	       "|. 96|b 16|. 64|d 16|. 208|f 16|i 48|. 48|h 16|");
	expect("first-fit:order=fifo", FOUR_HOLES,
	       "|. 96|b 16|. 64|d 16|i 48|. 144|f 16|. 112|h 16|");
	expect("first-fit:order=size", FOUR_HOLES,
	       "|. 96|b 16|i 48|d 16|. 208|f 16|. 112|h 16|");
}

static void coalesce_decides_when_holes_merge(void **state)
{
	(void)state;
	expect("first-fit", "a=16 b=16 c=16 -a -b", "|. 64|c 16|");
	expect("first-fit:coalesce=deferred", "a=16 b=16 c=16 -a -b",
	       "|. 32|. 32|c 16|");
	expect("first-fit:coalesce=never", "a=16 b=16 c=16 -a -b",
	       "|. 32|. 32|c 16|");
	/* A search that fails with the wilderness too small: the sweep. */
	expect("first-fit:coalesce=deferred", "a=16 b=16 c=16 -a -b d=4000",
	       "|. 64|c 16|d 4000|");
	expect("first-fit:coalesce=never", "a=16 b=16 c=16 -a -b d=4000",
	       "|. 32|. 32|c 16|d 4000|");
	/* The sweep saves the growth: both holes serve the request. */
	expect("first-fit:coalesce=deferred", "a=1536 b=1536 c=16 -a -b d=2048",
	       "|d 2048|. 1040|c 16|");
	/* What lies at the end joins the wilderness. */
	expect("first-fit", "a=16 b=16 -b", "|a 16|");
	expect("first-fit:coalesce=never", "a=16 b=16 -b", "|a 16|. 32|");
	expect("first-fit:coalesce=deferred", "a=16 b=16 -b c=4000",
	       "|a 16|c 4000|");
}

static void split_min_decides_which_rests_stay(void **state)
{
	(void)state;
	expect("first-fit", "a=80 b=16 -a c=40", "|c 48|. 32|b 16|");
	expect("first-fit:split_min=48", "a=80 b=16 -a c=40", "|c 80|b 16|");
	/* 16 bytes cannot hold the links of a hole. */
	expect("first-fit", "a=64 b=16 -a c=40", "|c 64|b 16|");
}

static void min_block_decides_the_smallest_block(void **state)
{
	(void)state;
	expect("first-fit", "a=0 b=1 c=17", "|a 16|b 16|c 32|");
	expect("first-fit:min_block=64", "a=0 b=1 c=49", "|a 48|b 48|c 64|");
}

/* Memory at the end, listed, is a hole like others. */
static void wilderness_is_used_last_unless_listed(void **state)
{
	static const char script[] = "a=80 b=16 -a c=40";

	(void)state;
	expect("worst-fit", script, "|c 48|. 32|b 16|");
	struct lab *lab = lab_open("worst-fit:wilderness=listed");
	play(lab, script);
	const char *heap = "|. 96|b 16|c 48|. ";
	assert_memory_equal(lab_heap_string(lab), heap, strlen(heap));
	lab_close(lab);
}

static void growth_decides_how_much_is_asked(void **state)
{
	static const struct {
		const char *allocator;
		size_t committed;
	} cases[] = {
		{"first-fit", 3 * PAGE_BYTES},
		{"first-fit:growth=64K", 64 << 10},
		{"first-fit:wilderness=listed", 4 * PAGE_BYTES},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct lab *lab = lab_open(cases[i].allocator);
		play(lab, "a=16 b=8192");
		assert_int_equal(lab->pages.committed_bytes,
		                 cases[i].committed);
		lab_close(lab);
	}
}

/* What is missing is asked for: what lies free at the end is used. */
static void growth_uses_what_is_free_at_the_end(void **state)
{
	static const char *const allocators[] = {
		"first-fit", "first-fit:wilderness=listed",
		"first-fit:wilderness=listed,coalesce=deferred"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct lab *lab = lab_open(allocators[i]);
		play(lab, "a=16 b=2048 -b");
		size_t before = lab->pages.committed_bytes;
		play(lab, "c=4096");
		assert_int_equal(lab->pages.committed_bytes - before,
		                 PAGE_BYTES);
		lab_close(lab);
	}
	struct lab *lab =
		lab_open("first-fit:wilderness=listed,coalesce=never");
	play(lab, "a=16 b=2048 -b c=4080");
	assert_int_equal(lab->pages.committed_bytes, 3 * PAGE_BYTES);
	assert_int_equal(lab_stats(lab).exact_fits, 1);
	lab_close(lab);
}

static void refuses_knobs_by_name(void **state)
{
	static const struct {
		const char *allocator, *knobs, *sentence;
	} cases[] = {
		{"first-fit", "index=tree", "min_block=64"},
		{"first-fit", "index=tree,min_block=64,order=lifo",
	         "order=address"},
		{"best-fit", "index=tree,min_block=64,order=fifo",
	         "order=size"},
		{"worst-fit", "index=tree,min_block=32", "min_block=64"},
		{"next-fit", "index=tree,min_block=64", "next fit"},
		{"first-fit", "index=tree,min_block=64", NULL},
		{"best-fit", "index=tree,min_block=64", NULL},
		{"best-fit", "index=tree,min_block=64,order=address", NULL},
		{"worst-fit", "index=tree,min_block=128", NULL},
	};
	const struct page_source_options arena = {.kind = PAGE_SOURCE_ARENA};
	char error[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct allocator *allocator =
			allocator_find(cases[i].allocator);
		struct knob_values values;
		knob_defaults(allocator->knobs, &values);
		assert_true(knob_parse(allocator->knobs, cases[i].knobs,
		                       &values, error, sizeof error));
		const char *refusal = allocator->refuse(&values);
		if (cases[i].sentence == NULL) {
			assert_null(refusal);
			continue;
		}
		assert_non_null(refusal);
		assert_non_null(strstr(refusal, cases[i].sentence));
		assert_non_null(strstr(refusal, "index=tree"));
		errno = 0;
		assert_null(lab_open_on(allocator, cases[i].knobs, &arena));
		assert_int_equal(errno, EINVAL);
	}
}

/* ---- realloc, aligned, zero, trim --------------------------------------- */

static void *resize(struct lab *lab, void *block, size_t size)
{
	return lab->allocator->realloc(lab->thread, block, size);
}

static void realloc_grows_into_the_hole_behind(void **state)
{
	struct lab *lab = lab_open("first-fit");

	(void)state;
	play(lab, "a=48 b=80 c=16 -b");
	void *a = lab->named[0];
	assert_ptr_equal(resize(lab, a, 64), a);
	assert_string_equal(blocks(lab), "|a 64|. 80|c 16|");
	assert_ptr_equal(resize(lab, a, 144), a); /* the hole whole */
	assert_string_equal(blocks(lab), "|a 144|c 16|");
	assert_ptr_equal(resize(lab, a, 48), a);
	assert_string_equal(blocks(lab), "|a 48|. 96|c 16|");
	assert_ptr_equal(resize(lab, a, 40), a); /* nothing to cut */
	void *c = lab->named[2];
	assert_ptr_equal(resize(lab, c, 1000), c); /* into the wilderness */
	assert_int_equal(lab_stats(lab).moves, 0);
	memset(a, 7, 48);
	void *moved = resize(lab, a, 200);
	assert_ptr_not_equal(moved, a);
	for (int i = 0; i < 48; i++)
		assert_int_equal(((char *)moved)[i], 7);
	assert_int_equal(lab_stats(lab).moves, 1);
	lab_check_walk(lab, 2);
	lab_close(lab);
}

static void aligned_blocks_leave_holes_before_them(void **state)
{
	struct lab *lab = lab_open("first-fit");

	(void)state;
	lab_malloc(lab, 16);
	for (size_t align = 32; align <= 1 << 20; align *= 2) {
		char *block = lab_aligned(lab, align, 100);
		assert_non_null(block);
		assert_int_equal((uintptr_t)block % align, 0);
		memset(block, 1, 100);
		lab_check(lab);
	}
	lab_check_walk(lab, 1 + 16);
	lab_close(lab);
}

static void zero_malloc_clears_what_was_used(void **state)
{
	static const char *const allocators[] = {
		"first-fit", "first-fit:wilderness=listed",
		"first-fit:coalesce=deferred", "best-fit"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct lab *lab = lab_open(allocators[i]);
		assert_memory_equal(
			lab->allocator->zero_malloc(lab->thread, 16),
			"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
		for (size_t size = 5000; size < 40000; size += 5000) {
			char *dirty = lab_malloc(lab, size);
			memset(dirty, 0xff, size);
			lab_free(lab, dirty);
			size_t wanted = size + 3000;
			char *clean = lab->allocator->zero_malloc(lab->thread,
			                                          wanted);
			for (size_t k = 0; k < wanted; k++)
				assert_int_equal(clean[k], 0);
			memset(clean, 0xff, wanted);
			lab->allocator->free(lab->thread, clean);
		}
		lab_close(lab);
	}
}

static void trim_gives_whole_pages_back(void **state)
{
	static const char *const allocators[] = {
		"first-fit", "first-fit:wilderness=listed",
		"first-fit:coalesce=deferred",
		"first-fit:wilderness=listed,coalesce=never,split_min=4096"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct lab *lab = lab_open(allocators[i]);
		lab_malloc(lab, 100);
		void *large = lab_malloc(lab, 100000);
		size_t before = lab->pages.committed_bytes;
		lab_free(lab, large);
		size_t given = lab->allocator->trim(lab->heap);
		assert_true(given >= 98304);
		assert_int_equal(before - given, lab->pages.committed_bytes);
		assert_int_equal(lab_stats(lab).shrinks, 1);
		assert_int_equal(lab->allocator->trim(lab->heap), 0);
		lab_check(lab);
		lab_check_walk(lab, 1);
		assert_non_null(lab_malloc(lab, 100000));
		lab_close(lab);
	}
}

/* A page more is kept where the rest would be too small for a hole. */
static void trim_leaves_no_crumbs(void **state)
{
	struct lab *lab =
		lab_open("first-fit:wilderness=listed,min_block=1024");

	(void)state;
	lab_free(lab, lab_malloc(lab, 4 * PAGE_BYTES - TAGS_BYTES));
	lab_malloc(lab, 2 * PAGE_BYTES - 512 - TAGS_BYTES);
	assert_int_equal(lab->allocator->trim(lab->heap), PAGE_BYTES);
	lab_check_walk(lab, 1);
	lab_close(lab);
}

static void a_refusal_leaves_the_heap_as_it_was(void **state)
{
	const struct page_source_options options = {
		.kind = PAGE_SOURCE_ARENA, .limit_bytes = 3 * PAGE_BYTES};
	static const char *const knobs[] = {"", "wilderness=listed"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct lab *lab = lab_open_on(allocator_find("best-fit"),
		                              knobs[i], &options);
		play(lab, "a=80 b=5000 c=16 -a");
		char before[4096];
		strcpy(before, lab_heap_string(lab));
		errno = 0;
		assert_null(lab_malloc(lab, 12000));
		assert_int_equal(errno, ENOMEM);
		assert_null(lab_malloc(lab, SIZE_MAX));
		assert_null(lab_malloc(lab, PTRDIFF_MAX));
		assert_null(lab_aligned(lab, 1 << 20, PTRDIFF_MAX));
		assert_null(resize(lab, lab->named[1], PTRDIFF_MAX));
		assert_string_equal(lab_heap_string(lab), before);
		lab_close(lab);
	}
}

/* ---- costs -------------------------------------------------------------- */

static void links_are_counted(void **state)
{
	struct lab *lab = lab_open("first-fit");

	(void)state;
	play(lab, "a=80 b=16 c=48 d=16 e=192 f=16");
	assert_int_equal(lab_stats(lab).links, 0);
	assert_int_equal(lab_stats(lab).searches, 6);
	play(lab, "-e"); /* to an empty chain */
	assert_int_equal(lab_stats(lab).links, 0);
	play(lab, "-a"); /* before e */
	assert_int_equal(lab_stats(lab).links, 1);
	play(lab, "-c"); /* past a, before e */
	assert_int_equal(lab_stats(lab).links, 3);
	play(lab, "-b"); /* a b c become one: the place is known */
	assert_int_equal(lab_stats(lab).links, 3);
	assert_int_equal(lab_stats(lab).merges, 2);
	play(lab, "g=192"); /* |. 192|d 16|. 208|: the second fits exactly */
	assert_int_equal(lab_stats(lab).links, 5);
	assert_int_equal(lab_stats(lab).exact_fits, 1);
	play(lab, "h=100"); /* the first hole fits */
	assert_int_equal(lab_stats(lab).links, 6);
	assert_int_equal(lab_stats(lab).splits, 1);
	lab_close(lab);
}

/* What a search of each policy follows on 96 -> 64 -> 208, or by size. */
static void each_search_has_its_price(void **state)
{
	static const struct {
		const char *allocator;
		size_t size;
		uint64_t links;
	} cases[] = {
		{"first-fit", 40, 1},
		{"first-fit", 100, 3},
		{"first-fit:order=size", 40, 1},
		{"next-fit", 100, 3},
		{"best-fit", 40, 1},
		{"best-fit", 16, 1},
		{"best-fit", 70, 2},
		{"best-fit:order=address", 70, 1}, /* it fits exactly */
		{"best-fit:order=address", 16, 3},
		{"worst-fit", 16, 3},
		{"worst-fit:order=size", 16, 2}, /* the 2nd is smaller */
		{"worst-fit:order=size", 300, 1},
		{"first-fit", 300, 3},
		{"best-fit", 300, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct lab *lab = lab_open(cases[i].allocator);
		play(lab, THREE_HOLES);
		uint64_t before = lab_stats(lab).links;
		struct found found = inside(lab)->policy->search(
			inside(lab), bytes_for(inside(lab), cases[i].size));
		if (found.links != cases[i].links)
			fail_msg("%s %zu: %lu links", cases[i].allocator,
			         cases[i].size, found.links);
		lab_malloc(lab, cases[i].size);
		assert_true(lab_stats(lab).links >= before + found.links);
		lab_close(lab);
	}
}

static void lifo_and_fifo_push_without_a_search(void **state)
{
	static const char *const allocators[] = {"first-fit:order=lifo",
	                                         "first-fit:order=fifo"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct lab *lab = lab_open(allocators[i]);
		play(lab, "a=80 b=16 c=48 d=16 e=192 f=16 -a -c -e");
		assert_int_equal(lab_stats(lab).links, 0);
		lab_close(lab);
	}
}

static uint64_t links_of_first_fit(const char *allocator)
{
	struct lab *lab = lab_open(allocator);
	void *block[200];

	for (int i = 0; i < 200; i++)
		block[i] = lab_malloc(lab, i < 199 ? 40 : 100);
	for (int i = 0; i < 199; i += 2)
		lab_free(lab, block[i]); /* 100 holes of 64 */
	uint64_t before = lab_stats(lab).links;
	lab_malloc(lab, 100);
	uint64_t links = lab_stats(lab).links - before;
	lab_close(lab);
	return links;
}

static void a_tree_sees_at_one_look_that_nothing_fits(void **state)
{
	(void)state;
	assert_int_equal(links_of_first_fit("first-fit:min_block=64"), 100);
	assert_int_equal(
		links_of_first_fit("first-fit:min_block=64,index=tree"), 1);
}

/* ---- random operations -------------------------------------------------- */

enum { LIVE_MAX = 400 };

struct churn {
	struct lab *lab;
	uint64_t random;
	void *block[LIVE_MAX];
	size_t size[LIVE_MAX];
	long live;
};

/* xorshift64* [Vigna16] */
static uint64_t draw(struct churn *churn, uint64_t below)
{
	uint64_t x = churn->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	churn->random = x;
	return (x * 0x2545F4914F6CDD1D >> 32) % below;
}

static size_t draw_size(struct churn *churn)
{
	return draw(churn, 50) == 0 ? draw(churn, 9000) : draw(churn, 300);
}

/* What the block of slot i holds, from its address and size. */
static void fill(struct churn *churn, size_t i)
{
	memset(churn->block[i], (int)(i + churn->size[i]), churn->size[i]);
}

static void verify(struct churn *churn, size_t i, size_t bytes)
{
	unsigned char *byte = churn->block[i];
	unsigned char expected = (unsigned char)(i + churn->size[i]);

	for (size_t k = 0; k < bytes; k++)
		if (byte[k] != expected)
			fail_msg("byte %zu of block %zu was overwritten", k, i);
}

static void step_alloc(struct churn *churn, size_t i)
{
	struct lab *lab = churn->lab;
	size_t size = churn->size[i] = draw_size(churn);
	uint64_t way = draw(churn, 20);

	if (way == 0)
		churn->block[i] = lab->allocator->aligned_malloc(
			lab->thread, (size_t)32 << draw(churn, 8), size);
	else if (way == 1)
		churn->block[i] =
			lab->allocator->zero_malloc(lab->thread, size);
	else
		churn->block[i] = lab->allocator->malloc(lab->thread, size);
	assert_non_null(churn->block[i]);
	assert_true(lab->allocator->usable_size(lab->heap, churn->block[i]) >=
	            size);
	churn->live++;
	fill(churn, i);
}

static void step_resize(struct churn *churn, size_t i)
{
	size_t size = 1 + draw_size(churn), was = churn->size[i];

	churn->block[i] = resize(churn->lab, churn->block[i], size);
	assert_non_null(churn->block[i]);
	verify(churn, i, size < was ? size : was);
	churn->size[i] = size;
	fill(churn, i);
}

static void step(struct churn *churn)
{
	struct lab *lab = churn->lab;
	size_t i = draw(churn, LIVE_MAX);

	if (churn->block[i] == NULL) {
		step_alloc(churn, i);
	} else if (draw(churn, 5) == 0) {
		step_resize(churn, i);
	} else {
		verify(churn, i, churn->size[i]);
		lab->allocator->free(lab->thread, churn->block[i]);
		churn->block[i] = NULL;
		churn->live--;
	}
	if (draw(churn, 500) == 0)
		lab->allocator->trim(lab->heap);
}

static const char *const settings[] = {
	"first-fit",
	"first-fit:order=lifo",
	"first-fit:order=fifo,coalesce=deferred",
	"first-fit:order=size,wilderness=listed",
	"first-fit:index=tree,min_block=64",
	"first-fit:index=tree,min_block=64,wilderness=listed,coalesce=deferred",
	"first-fit:coalesce=never",
	"first-fit:coalesce=never,wilderness=listed,order=lifo",
	"next-fit",
	"next-fit:order=lifo,wilderness=listed",
	"next-fit:order=fifo,coalesce=deferred",
	"next-fit:order=size,split_min=256",
	"next-fit:coalesce=deferred,wilderness=listed",
	"best-fit",
	"best-fit:order=address,growth=64K",
	"best-fit:index=tree,min_block=64",
	"best-fit:index=tree,min_block=64,coalesce=never",
	"best-fit:order=lifo,coalesce=deferred,wilderness=listed",
	"worst-fit",
	"worst-fit:order=size,coalesce=deferred",
	"worst-fit:index=tree,min_block=128,wilderness=listed",
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static void invariants_hold_after_every_operation(void **state)
{
	(void)state;
	for (size_t i = 0; i < SETTINGS; i++) {
		struct churn churn = {.random = i + 1,
		                      .lab = lab_open(settings[i])};
		for (int steps = 0; steps < 3000; steps++) {
			step(&churn);
			lab_check(churn.lab);
			if (steps % 16 == 0)
				lab_check_walk(churn.lab, churn.live);
		}
		lab_close(churn.lab);
	}
}

/* ---- list and tree ------------------------------------------------------ */

enum { SAME_STEPS = 100000 };

/* The address of every block of a random run, and what searching cost. */
static uint64_t run_for_addresses(const char *allocator, void **addresses)
{
	struct churn churn = {.random = 42, .lab = lab_open(allocator)};
	struct lab *lab = churn.lab;

	for (size_t steps = 0; steps < SAME_STEPS; steps++) {
		size_t i = draw(&churn, LIVE_MAX);
		if (churn.block[i] == NULL) {
			churn.block[i] = lab->allocator->malloc(
				lab->thread, draw_size(&churn));
		} else if (draw(&churn, 8) == 0) {
			churn.block[i] = resize(lab, churn.block[i],
			                        1 + draw_size(&churn));
		} else {
			lab->allocator->free(lab->thread, churn.block[i]);
			churn.block[i] = NULL;
		}
		addresses[steps] = churn.block[i];
	}
	uint64_t links = lab_stats(lab).links;
	lab_close(lab);
	return links;
}

static void list_and_tree_give_the_same_addresses(void **state)
{
	static const char *const pairs[][2] = {
		{"first-fit:min_block=64", "first-fit:min_block=64,index=tree"},
		{"best-fit:min_block=64", "best-fit:min_block=64,index=tree"},
		{"best-fit:min_block=64,order=address",
	         "best-fit:min_block=64,order=address,index=tree"},
		{"worst-fit:min_block=64", "worst-fit:min_block=64,index=tree"},
		{"worst-fit:min_block=64,order=size,wilderness=listed",
	         "worst-fit:min_block=64,order=size,wilderness=listed,"
	         "index=tree"},
		{"first-fit:min_block=64,coalesce=deferred,wilderness=listed",
	         "first-fit:min_block=64,coalesce=deferred,wilderness=listed,"
	         "index=tree"},
		{"best-fit:min_block=64,coalesce=never",
	         "best-fit:min_block=64,coalesce=never,index=tree"},
	};
	static void *list[SAME_STEPS], *tree[SAME_STEPS];

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		uint64_t list_links = run_for_addresses(pairs[i][0], list);
		uint64_t tree_links = run_for_addresses(pairs[i][1], tree);
		assert_memory_equal(list, tree, sizeof list);
		assert_true(tree_links < list_links);
	}
}

/* ---- explain ------------------------------------------------------------ */

static bool copy_list(void *ctx, const struct free_block *block)
{
	char *text = ctx;
	size_t used = strlen(text);

	snprintf(text + used, 256 - used, "%s %zu|", block->list, block->bytes);
	return true;
}

static const char *lists(struct lab *lab, char text[256])
{
	text[0] = '\0';
	lab->allocator->free_lists(lab->heap, copy_list, text);
	return text;
}

static void free_lists_come_in_search_order(void **state)
{
	static const struct {
		const char *allocator, *lists;
	} cases[] = {
		{"first-fit", "chain 96|chain 64|chain 208|"},
		{"first-fit:order=lifo", "chain 208|chain 64|chain 96|"},
		{"first-fit:order=fifo", "chain 96|chain 64|chain 208|"},
		{"best-fit", "chain 64|chain 96|chain 208|"},
		{"first-fit:index=tree,min_block=64",
	         "tree by address 96|tree by address 64|tree by address 208|"},
		{"best-fit:index=tree,min_block=64",
	         "tree by size 64|tree by size 96|tree by size 208|"},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct lab *lab = lab_open(cases[i].allocator);
		play(lab, THREE_HOLES);
		assert_string_equal(lists(lab, text), cases[i].lists);
		lab_close(lab);
	}
}

static const char *explain(struct lab *lab, enum request_kind kind,
                           const void *block, size_t align, size_t size)
{
	static char sentence[512];
	struct request request = {kind, size, align, block};

	lab->allocator->explain(lab->heap, &request, sentence, sizeof sentence);
	return sentence;
}

static void expect_sentence(const char *allocator, size_t size,
                            const char *ending)
{
	struct lab *lab = lab_open(allocator);
	char expected[512];

	play(lab, THREE_HOLES);
	const char *sentence = explain(lab, REQUEST_MALLOC, NULL, 0, size);
	char copy[512];
	strcpy(copy, sentence);
	snprintf(expected, sizeof expected, "block at %p: %s",
	         lab_malloc(lab, size), ending);
	assert_string_equal(copy, expected);
	lab_close(lab);
}

static void explain_says_why(void **state)
{
	(void)state;
	expect_sentence("first-fit", 40,
	                "hole 1 of 3 in address order is the first of at least "
	                "64 bytes; its last 32 bytes stay a hole");
	expect_sentence("best-fit", 40,
	                "hole 1 of 3 in size order is the smallest of at least "
	                "64 bytes; it fits exactly");
	expect_sentence("worst-fit", 40,
	                "hole 3 of 3 in address order is the largest of at "
	                "least 64 bytes; its last 144 bytes stay a hole");
	expect_sentence("first-fit:split_min=48", 40,
	                "hole 1 of 3 in address order is the first of at least "
	                "64 bytes; its last 32 bytes are too few for a hole");
	expect_sentence("best-fit:index=tree,min_block=64", 80,
	                "hole 2 of 3 in the tree by size is the smallest of at "
	                "least 96 bytes; it fits exactly");
	expect_sentence("first-fit", 10000,
	                "none of 3 holes has 10016 bytes, nor has the "
	                "wilderness (3248): the heap grows by 8192");
}

static void explain_tells_what_free_and_realloc_do(void **state)
{
	struct lab *lab = lab_open("first-fit");

	(void)state;
	play(lab, THREE_HOLES);
	assert_string_equal(explain(lab, REQUEST_FREE, lab->named[1], 0, 0),
	                    "the block of 32 bytes merges with the hole of 96 "
	                    "before it and with the hole of 64 behind it");
	assert_string_equal(explain(lab, REQUEST_FREE, lab->named[5], 0, 0),
	                    "the block of 32 bytes merges with the hole of 208 "
	                    "before it and with the wilderness");
	assert_non_null(
		strstr(explain(lab, REQUEST_REALLOC, lab->named[1], 0, 48),
	               "grows into the hole of 64 behind it; its last 32 "
	               "bytes stay a hole"));
	assert_non_null(
		strstr(explain(lab, REQUEST_REALLOC, lab->named[5], 0, 99),
	               "grows into the wilderness"));
	assert_non_null(
		strstr(explain(lab, REQUEST_REALLOC, lab->named[1], 0, 150),
	               "hole 3 of 3"));
	assert_string_equal(explain(lab, REQUEST_FREE, NULL, 0, 0),
	                    "free(NULL) does nothing");
	lab_close(lab);
}

/* Explains a request, makes it, and compares the address. */
static bool is_predicted(struct churn *churn, size_t i)
{
	struct lab *lab = churn->lab;
	size_t size = 1 + draw_size(churn);
	size_t align = draw(churn, 10) == 0 ? (size_t)64 << draw(churn, 4) : 0;
	enum request_kind kind =
		churn->block[i] == NULL ? REQUEST_MALLOC : REQUEST_REALLOC;
	uint64_t links = lab_stats(lab).links;
	void *foreseen;

	const char *sentence = explain(lab, kind, churn->block[i], align, size);
	assert_int_equal(lab_stats(lab).links, links);
	bool said = sscanf(sentence, "block at %p", &foreseen) == 1;
	if (kind == REQUEST_REALLOC)
		churn->block[i] = resize(lab, churn->block[i], size);
	else if (align != 0)
		churn->block[i] = lab->allocator->aligned_malloc(lab->thread,
		                                                 align, size);
	else
		churn->block[i] = lab->allocator->malloc(lab->thread, size);
	if (said && churn->block[i] != foreseen)
		fail_msg("%s, but it is at %p", sentence, churn->block[i]);
	if (!said)
		assert_non_null(strstr(sentence, "a sweep merges"));
	return said;
}

static void explain_predicts_the_address(void **state)
{
	(void)state;
	for (size_t s = 0; s < SETTINGS; s++) {
		struct churn churn = {.random = s + 7,
		                      .lab = lab_open(settings[s])};
		int asked = 0, said = 0;
		for (int steps = 0; steps < 2000; steps++) {
			size_t i = draw(&churn, LIVE_MAX);
			if (churn.block[i] == NULL || draw(&churn, 3) == 0) {
				said += is_predicted(&churn, i);
				asked++;
				continue;
			}
			churn.lab->allocator->free(churn.lab->thread,
			                           churn.block[i]);
			churn.block[i] = NULL;
		}
		if (strstr(settings[s], "deferred") == NULL)
			assert_int_equal(said, asked);
		assert_true(said > asked * 3 / 4);
		lab_close(churn.lab);
	}
}

/* ---- check() names what is broken --------------------------------------- */

static struct block *hole_at(struct lab *lab, size_t offset)
{
	return block_at(inside(lab)->first, offset);
}

/* With THREE_HOLES: 96 at 0, 64 at 128, 208 at 224. */
static void break_header(struct lab *lab)
{
	hole_at(lab, 0)->tag = 8;
}

static void break_size(struct lab *lab)
{
	hole_at(lab, 224)->tag = (size_t)1 << 40;
}

static void break_footer(struct lab *lab)
{
	*block_footer(hole_at(lab, 128)) ^= LIVE;
}

static void lose_hole(struct lab *lab)
{
	holes_remove(inside(lab), hole_at(lab, 128));
}

static void list_live_block(struct lab *lab)
{
	holes_insert(inside(lab), hole_at(lab, 96), NULL);
}

static void list_twice_around(struct lab *lab)
{
	struct block *a = hole_at(lab, 0), *c = hole_at(lab, 128);
	c->next = a;
}

static void swap_links(struct lab *lab)
{
	struct fit_heap *heap = inside(lab);
	struct block *a = hole_at(lab, 0), *c = hole_at(lab, 128);
	chain_remove(heap, a);
	chain_insert(heap, a, c->next);
}

static void leave_neighbours_free(struct lab *lab)
{
	inside(lab)->coalesce = COALESCE_NEVER;
	lab_free(lab, lab->named[1]);
	inside(lab)->coalesce = COALESCE_IMMEDIATE;
}

static void lose_rover(struct lab *lab)
{
	inside(lab)->rover = hole_at(lab, 96);
}

static void break_fence(struct lab *lab)
{
	fence(inside(lab))->tag = 0;
}

static void break_end(struct lab *lab)
{
	inside(lab)->end += PAGE_BYTES;
}

static void break_largest(struct lab *lab)
{
	RB_ROOT(&inside(lab)->tree)->largest += 16;
}

static void check_names_the_broken_invariant(void **state)
{
	static const struct {
		const char *allocator;
		void (*break_it)(struct lab *lab);
		const char *sentence;
	} cases[] = {
		{"first-fit", break_header, "first-fit I1"},
		{"first-fit", break_size, "first-fit I1"},
		{"first-fit", break_footer, "first-fit I2"},
		{"first-fit", lose_hole, "first-fit I3"},
		{"best-fit", list_live_block, "best-fit I3"},
		{"first-fit", list_twice_around, "first-fit I3"},
		{"first-fit", swap_links, "first-fit I4"},
		{"best-fit:order=lifo", leave_neighbours_free, "best-fit I5"},
		{"next-fit", lose_rover, "next-fit I6"},
		{"first-fit", break_fence, "first-fit I7"},
		{"first-fit", break_end, "first-fit I7"},
		{"first-fit:index=tree,min_block=64", break_largest,
	         "first-fit I8"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct lab *lab = lab_open(cases[i].allocator);
		play(lab, THREE_HOLES);
		cases[i].break_it(lab);
		const char *sentence = lab->allocator->check(lab->heap);
		if (sentence == NULL || strncmp(sentence, cases[i].sentence,
		                                strlen(cases[i].sentence)) != 0)
			fail_msg("case %zu: %s", i, sentence);
	}
}

/* ---- misuse ------------------------------------------------------------- */

static void release(struct lab *lab, void *block)
{
	lab->allocator->free(lab->thread, block);
}

/* Blocks 0 to 5 of 48 bytes; 1 and 4 are free. */
static void *block_number(struct lab *lab, size_t i)
{
	return (char *)inside(lab)->first + TAG_BYTES + i * 64;
}

static void free_twice(void *ctx)
{
	release(ctx, block_number(ctx, 1));
}

static void free_merged_twice(void *ctx)
{
	release(ctx, block_number(ctx, 2));
	release(ctx, block_number(ctx, 2));
}

static void free_last_twice(void *ctx)
{
	release(ctx, block_number(ctx, 5));
	release(ctx, block_number(ctx, 5));
}

static void free_foreign(void *ctx)
{
	static _Alignas(16) char elsewhere[64];
	release(ctx, elsewhere + 16);
}

static void free_descriptor(void *ctx)
{
	struct lab *lab = ctx;
	release(lab, lab->heap);
}

static void free_wilderness(void *ctx)
{
	release(ctx, (char *)block_number(ctx, 20));
}

static void free_interior(void *ctx)
{
	release(ctx, (char *)block_number(ctx, 2) + 16);
}

static void free_unaligned(void *ctx)
{
	release(ctx, (char *)block_number(ctx, 2) + 1);
}

static void resize_interior(void *ctx)
{
	resize(ctx, (char *)block_number(ctx, 2) + 32, 100);
}

static void free_overrun(void *ctx)
{
	memset(block_number(ctx, 2), 'x', 48 + 8);
	release(ctx, block_number(ctx, 2));
}

static void free_long_overrun(void *ctx)
{
	memset(block_number(ctx, 2), 'x', 48 + 16);
	release(ctx, block_number(ctx, 3));
}

static void free_underrun(void *ctx)
{
	memset((char *)block_number(ctx, 3) - 4, 'x', 4);
	release(ctx, block_number(ctx, 3));
}

/* The damage is in the neighbour that free would merge with. */
static void free_beside_damage(void *ctx)
{
	*((uint64_t *)block_number(ctx, 4) - 1) = 1 << 20;
	release(ctx, block_number(ctx, 3));
}

static void write_after_free(void *ctx)
{
	memset(block_number(ctx, 1), 'x', 16);
	release(ctx, block_number(ctx, 2));
}

static void misuse_is_diagnosed(void **state)
{
	static const struct {
		void (*act)(void *ctx);
		const char *sentence;
	} cases[] = {
		{free_twice, "double free: free of a block that is free"},
		{free_merged_twice, "double free"},
		{free_last_twice, "part of the wilderness"},
		{free_foreign, "foreign pointer: free of an address outside"},
		{free_descriptor, "foreign pointer"},
		{free_wilderness, "where no block has been yet"},
		{free_interior,
	         "interior pointer: free of an address 16 bytes"},
		{free_unaligned,
	         "interior pointer: free of an address 1 bytes"},
		{resize_interior, "interior pointer: realloc"},
		{free_overrun, "free found damaged tags"},
		{free_long_overrun, "free found damaged tags"},
		{free_underrun, "free found damaged tags"},
		{free_beside_damage, "free found damaged tags"},
		{write_after_free, "written after it was freed"},
	};
	struct lab *lab = lab_open("first-fit");

	(void)state;
	if (!CHECKED)
		skip();
	play(lab, "a=48 b=48 c=48 d=48 e=48 f=48 -b -e");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		lab_expect_misuse(cases[i].act, lab, cases[i].sentence);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_policies_differ),
		cmocka_unit_test(the_worked_example),
		cmocka_unit_test(ties_go_to_the_lowest_address),
		cmocka_unit_test(the_rover_stays_on_the_chain),
		cmocka_unit_test(order_decides_which_hole_is_first),
		cmocka_unit_test(coalesce_decides_when_holes_merge),
		cmocka_unit_test(split_min_decides_which_rests_stay),
		cmocka_unit_test(min_block_decides_the_smallest_block),
		cmocka_unit_test(wilderness_is_used_last_unless_listed),
		cmocka_unit_test(growth_decides_how_much_is_asked),
		cmocka_unit_test(growth_uses_what_is_free_at_the_end),
		cmocka_unit_test(refuses_knobs_by_name),
		cmocka_unit_test(realloc_grows_into_the_hole_behind),
		cmocka_unit_test(aligned_blocks_leave_holes_before_them),
		cmocka_unit_test(zero_malloc_clears_what_was_used),
		cmocka_unit_test(trim_gives_whole_pages_back),
		cmocka_unit_test(trim_leaves_no_crumbs),
		cmocka_unit_test(a_refusal_leaves_the_heap_as_it_was),
		cmocka_unit_test(links_are_counted),
		cmocka_unit_test(each_search_has_its_price),
		cmocka_unit_test(lifo_and_fifo_push_without_a_search),
		cmocka_unit_test(a_tree_sees_at_one_look_that_nothing_fits),
		cmocka_unit_test(invariants_hold_after_every_operation),
		cmocka_unit_test(list_and_tree_give_the_same_addresses),
		cmocka_unit_test(free_lists_come_in_search_order),
		cmocka_unit_test(explain_says_why),
		cmocka_unit_test(explain_tells_what_free_and_realloc_do),
		cmocka_unit_test(explain_predicts_the_address),
		cmocka_unit_test(check_names_the_broken_invariant),
		cmocka_unit_test(misuse_is_diagnosed),
	};
	return cmocka_run_group_tests_name("fit", tests, NULL, NULL);
}
