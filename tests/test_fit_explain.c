/*
 * test_fit_explain.c - explain is held to its word, and free_lists to the order
 * of a search.
 */
#include <stdio.h>
#include <string.h>
#include "fit_lab.h"

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
	/* What is left of the hole that was used last comes first. */
	struct lab *next = lab_open("next-fit");
	play(next, THREE_HOLES "g=112");
	assert_string_equal(lists(next, text),
	                    "chain from the rover 80|chain from the rover 96|"
	                    "chain from the rover 64|");
	lab_close(next);
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

static void expect_shrinking(const char *allocator, const char *script,
                             const char *ending)
{
	struct lab *lab = lab_open(allocator);

	play(lab, script);
	const char *sentence =
		explain(lab, REQUEST_REALLOC, lab->named[0], 0, 20);
	if (strstr(sentence, ending) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", ending, sentence);
	lab_close(lab);
}

static void explain_tells_where_a_tail_goes(void **state)
{
	(void)state;
	expect_shrinking("first-fit", "a=200", "176 bytes join the wilderness");
	expect_shrinking("first-fit", "a=200 b=16",
	                 "its last 176 bytes stay a hole");
	expect_shrinking("first-fit", "a=200 b=16 c=16 -b",
	                 "its last 176 bytes join the hole of 32 behind");
	expect_shrinking("first-fit:coalesce=never", "a=200 b=16 c=16 -b",
	                 "its last 176 bytes stay a hole");
	expect_shrinking("first-fit:wilderness=listed", "a=200",
	                 "its last 176 bytes join the hole of");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_lists_come_in_search_order),
		cmocka_unit_test(explain_says_why),
		cmocka_unit_test(explain_tells_what_free_and_realloc_do),
		cmocka_unit_test(explain_tells_where_a_tail_goes),
		cmocka_unit_test(explain_predicts_the_address),
	};
	return cmocka_run_group_tests_name("fit: explain", tests, NULL, NULL);
}
