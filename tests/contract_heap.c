/*
 * contract_heap.c - calls that concern a heap as a whole: its ends, its handles,
 * what is left of it, and looking at it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"

struct lab *contract_open_limited(const struct setting *setting,
                                  size_t limit_bytes)
{
	const struct page_source_options options = {.kind = PAGE_SOURCE_ARENA,
	                                            .limit_bytes = limit_bytes};
	struct lab *lab =
		lab_open_on(setting->allocator, setting->knobs, &options);

	assert_non_null(lab);
	return lab;
}

struct lab *contract_open(const struct setting *setting)
{
	return contract_open_limited(setting, 0);
}

size_t contract_initial_bytes(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	size_t bytes = lab->pages.committed_bytes;

	lab_close(lab);
	return bytes;
}

void free_null(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct picture before;

	lab_malloc(lab, 40);
	picture_take(&before, lab);
	lab->allocator->free(lab->thread, NULL);
	picture_require_same(&before, lab);
	picture_drop(&before);
	lab_free(lab, lab->named[0]);
	lab_close(lab);
}

void free_keeps_errno(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	void *blocks[12];

	for (int i = 0; i < 12; i++) {
		blocks[i] = lab->allocator->malloc(
			lab->thread, lab_fit_size(lab, 5ul << 2 * i));
		assert_non_null(blocks[i]);
	}
	for (int i = 11; i >= 0; i--) {
		errno = 1234;
		lab->allocator->free(lab->thread, blocks[i]);
		assert_int_equal(errno, 1234);
	}
	lab->allocator->free(lab->thread, NULL);
	assert_int_equal(errno, 1234);
	lab_close(lab);
}

void destroy_with_live_blocks(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct known known;

	known_start(&known, lab);
	for (size_t size = 1; size < 3 << 20; size = size * 3 / 2 + 1) {
		known_malloc(&known, size);
		known_malloc(&known, size);
		known_free(&known, known.count - 2);
	}
	known_aligned(&known, 1 << 20, 10);
	free(known.blocks);
	lab_close(lab); /* requires that the source holds nothing */
}

void two_handles(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct thread_heap *second = lab->allocator->attach(lab->heap);
	struct known known;

	assert_non_null(second);
	known_start(&known, lab);
	for (size_t i = 0; i < 200; i++) {
		known.self = i % 2 == 0 ? lab->thread : second;
		known_malloc(&known, i * i % 2000);
	}
	for (size_t i = 0; i < known.count; i += 2) {
		known.self = i % 4 == 0 ? lab->thread : second;
		known_free(&known, i); /* some its own, some the other's */
	}
	known_verify(&known);
	lab->allocator->detach(second);
	known_verify(&known);
	known.self = lab->thread;
	known_realloc(&known, 1, 3000);
	known_free_all(&known);
	known_malloc(&known, 100);
	known_verify(&known);
	known_end(&known);
	lab_close(lab);
}

/* Two heaps by turns, each making the calls that the other made. */
void two_heaps(const struct setting *setting)
{
	const struct page_source_options os = {.kind = PAGE_SOURCE_OS};
	struct known known[2];
	struct lab *labs[2];

	for (int i = 0; i < 2; i++) {
		labs[i] = lab_open_on(setting->allocator, setting->knobs, &os);
		if (labs[i] == NULL && i == 1) { /* too large for two */
			lab_close(labs[0]);
			skip();
		}
		assert_non_null(labs[i]);
		known_start(&known[i], labs[i]);
	}
	for (uint64_t turn = 0; turn < 8; turn++)
		contract_churn(&known[turn % 2], turn / 2, 50, 30, 25);
	known_verify(&known[0]);
	known_end(&known[0]);
	known_verify(&known[1]);
	lab_close(labs[0]);
	known_verify(&known[1]);
	known_end(&known[1]);
	lab_close(labs[1]);
}

struct tally {
	size_t bytes[EXTENT_SLACK + 1];
	long extents, stop_after;
};

static bool count_extent(void *ctx, const struct extent *extent)
{
	struct tally *tally = ctx;

	tally->bytes[extent->kind] += extent->bytes;
	return ++tally->extents != tally->stop_after;
}

static struct tally tally_heap(struct lab *lab, long stop_after)
{
	struct tally tally = {.stop_after = stop_after};

	if (lab->allocator->walk != NULL)
		lab->allocator->walk(lab->heap, count_extent, &tally);
	return tally;
}

bool never_reuses(const struct setting *setting)
{
	return strcmp(setting->allocator->name, "bump") == 0;
}

static void renew_handle(struct lab *lab)
{
	lab->allocator->detach(lab->thread);
	lab->allocator->trim(lab->heap);
	lab->thread = lab->allocator->attach(lab->heap);
	assert_non_null(lab->thread);
}

void trim_empty_heap(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct tally fresh = tally_heap(lab, -1);
	struct known known;

	known_start(&known, lab);
	contract_churn(&known, 5, setting->derived ? 100 : 400, 60, 100);
	known_end(&known);
	size_t before = lab->pages.committed_bytes;
	size_t given = lab->allocator->trim(lab->heap);
	lab_check(lab);
	lab_check_walk(lab, 0);
	assert_int_equal(before - lab->pages.committed_bytes, given);
	assert_int_equal(lab->allocator->trim(lab->heap), 0);
	renew_handle(lab); /* its cache may pin pages, slack included */
	if (!never_reuses(setting))
		assert_true(tally_heap(lab, -1).bytes[EXTENT_SLACK] <=
		            fresh.bytes[EXTENT_SLACK]);
	known_start(&known, lab); /* and it still works */
	known_malloc(&known, 3000);
	known_verify(&known);
	known_end(&known);
	lab_close(lab);
}

void walk_can_stop(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct known known;

	known_start(&known, lab);
	contract_churn(&known, 6, 60, 20, 60);
	long extents = tally_heap(lab, -1).extents;
	for (long i = 1; i <= extents; i++)
		assert_int_equal(tally_heap(lab, i).extents, i);
	known_end(&known);
	lab_close(lab);
}

static void require_explanation(struct lab *lab, const struct request *request)
{
	char sentence[512];

	memset(sentence, '#', sizeof sentence);
	lab->allocator->explain(lab->heap, request, sentence, 400);
	assert_non_null(memchr(sentence, '\0', 400));
	assert_true(strlen(sentence) > 0);
	assert_int_equal(sentence[400], '#');
	memset(sentence, '#', sizeof sentence);
	lab->allocator->explain(lab->heap, request, sentence, 10);
	assert_non_null(memchr(sentence, '\0', 10));
	assert_int_equal(sentence[10], '#');
}

void explain_changes_nothing(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct picture before;
	struct known known;

	known_start(&known, lab);
	for (uint64_t turn = 0; turn < 4; turn++) {
		contract_churn(&known, turn, 40, 20, 40);
		known_malloc(&known, 100);
		picture_take(&before, lab);
		for (size_t size = 1; size <= 1 << 20; size *= 4) {
			const void *block = known.blocks[0].start;
			const struct request requests[] = {
				{REQUEST_MALLOC, size, 0, NULL},
				{REQUEST_MALLOC, size, 256, NULL},
				{REQUEST_REALLOC, size, 0, block},
				{REQUEST_FREE, 0, 0, block},
			};
			for (int i = 0; i < 4; i++)
				require_explanation(lab, &requests[i]);
		}
		picture_require_same(&before, lab);
		picture_drop(&before);
	}
	known_verify(&known);
	known_end(&known);
	lab_close(lab);
}

/* The free extents of a walk, and which of them a list has named. */
struct free_extents {
	struct picture walk;
	bool *seen;
};

static bool find_on_walk(void *ctx, const struct free_block *block)
{
	struct free_extents *free_extents = ctx;

	assert_non_null(block->list);
	for (size_t i = 0; i < free_extents->walk.count; i++) {
		const struct extent *extent = &free_extents->walk.extents[i];
		if (extent->start != block->start)
			continue;
		assert_int_equal(extent->kind, EXTENT_FREE);
		assert_int_equal(extent->bytes, block->bytes);
		if (free_extents->seen[i])
			fail_msg("%p is on two lists", block->start);
		free_extents->seen[i] = true;
		return true;
	}
	fail_msg("list \"%s\" holds %p, where no extent of the walk starts",
	         block->list, block->start);
	return false;
}

void free_lists_are_free(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct known known;

	known_start(&known, lab);
	for (uint64_t turn = 0; turn < 6; turn++) {
		struct free_extents free_extents;
		contract_churn(&known, turn, 40, 25, 40);
		picture_take(&free_extents.walk, lab);
		free_extents.seen =
			calloc(free_extents.walk.count, sizeof(bool));
		lab->allocator->free_lists(lab->heap, find_on_walk,
		                           &free_extents);
		picture_require_same(&free_extents.walk, lab);
		picture_drop(&free_extents.walk);
		free(free_extents.seen);
	}
	known_end(&known);
	lab_close(lab);
}
