/*
 * test_fit_random.c - random operations: invariants, and list against tree.
 */
#include "fit_lab.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invariants_hold_after_every_operation),
		cmocka_unit_test(list_and_tree_give_the_same_addresses),
	};
	return cmocka_run_group_tests_name("fit: random operations", tests,
	                                   NULL, NULL);
}
