/*
 * free_spans.c - free spans, found by size.
 *
 * Idea.  A list for each number of pages up to 128: its first span is an exact
 * fit, and a bit for each list finds the next longer one without looking at the
 * empty lists between.  Larger spans, of which there are few, lie in a tree
 * ordered by size and then by address: the best fit, and of equals the lowest.
 *
 *     nonempty  0 1 0 0 1 ...
 *     list[]    . | . . |           larger          (300 pages)
 *                 v     v                           /         \
 *                [2]   [5]                      (130)       (1000)
 *                 v
 *                [2]
 *
 * Cost.     lists O(1), tree O(log spans)
 * Sources.  [Ghemawat] 128 lists; [Cormen09] red-black trees.
 *
 * Read next: growth.c.
 */
#include "page_heap.h"

/* RB_GENERATE_STATIC needs __unused, which libbsd leaves undefined here. */
#define TREE_FUNCTION __attribute__((unused)) static

static int compare(const struct tcm_span *a, const struct tcm_span *b)
{
	if (a->pages != b->pages)
		return a->pages < b->pages ? -1 : 1;
	return (a->start > b->start) - (a->start < b->start);
}

RB_GENERATE_INTERNAL(tcm_span_tree, tcm_span, node, compare, TREE_FUNCTION)

void tcm_free_insert(struct tcm_page_heap *heap, struct tcm_span *span)
{
	struct tcm_free_spans *spans = tcm_free_of(heap, span->state);
	size_t list = span->pages - 1;

	counter_add(&spans->pages, span->pages);
	if (span->pages > TCM_LISTS) {
		tcm_span_tree_RB_INSERT(&spans->larger, span);
		return;
	}
	LIST_INSERT_HEAD(&spans->list[list], span, link);
	spans->nonempty[list / 64] |= (uint64_t)1 << (list % 64);
}

void tcm_free_remove(struct tcm_page_heap *heap, struct tcm_span *span)
{
	struct tcm_free_spans *spans = tcm_free_of(heap, span->state);
	size_t list = span->pages - 1;

	counter_add(&spans->pages, -(uint64_t)span->pages);
	if (span->pages > TCM_LISTS) {
		tcm_span_tree_RB_REMOVE(&spans->larger, span);
		return;
	}
	LIST_REMOVE(span, link);
	if (LIST_EMPTY(&spans->list[list]))
		spans->nonempty[list / 64] &= ~((uint64_t)1 << (list % 64));
}

static struct tcm_span *find_in_tree(const struct tcm_free_spans *spans,
                                     size_t pages, uint64_t *links)
{
	struct tcm_span *span = RB_ROOT(&spans->larger), *best = NULL;

	while (span != NULL) {
		++*links;
		if (span->pages >= pages) {
			best = span;
			span = RB_LEFT(span, node);
		} else {
			span = RB_RIGHT(span, node);
		}
	}
	return best;
}

struct tcm_span *tcm_free_find(const struct tcm_free_spans *spans, size_t pages,
                               uint64_t *links)
{
	for (size_t list = pages - 1; list < TCM_LISTS;
	     list = (list / 64 + 1) * 64) {
		uint64_t longer = spans->nonempty[list / 64] >> (list % 64);
		if (longer != 0)
			return LIST_FIRST(
				&spans->list[list +
			                     (size_t)__builtin_ctzll(longer)]);
	}
	return find_in_tree(spans, pages, links);
}

struct tcm_span *tcm_free_largest(const struct tcm_free_spans *spans)
{
	struct tcm_span *span = RB_ROOT(&spans->larger);

	if (span != NULL) {
		while (RB_RIGHT(span, node) != NULL)
			span = RB_RIGHT(span, node);
		return span;
	}
	for (size_t word = TCM_LISTS / 64; word-- > 0;)
		if (spans->nonempty[word] != 0)
			return LIST_FIRST(
				&spans->list[word * 64 + 63 -
			                     (size_t)__builtin_clzll(
						     spans->nonempty[word])]);
	return NULL;
}
