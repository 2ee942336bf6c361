/*
 * test_fit.c - where each policy and each knob puts a block.
 */
#include <errno.h>
#include <string.h>

#include "allocators/registry.h"
#include "fit_lab.h"

/* ---- placement ---------------------------------------------------------- */

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
	};
	return cmocka_run_group_tests_name("fit", tests, NULL, NULL);
}
