/*
 * test_ptmalloc_arenas.c - more than one arena: who gets which, where blocks go
 * that another thread frees, heaps that follow each other, and what that costs.
 *
 * All on one OS thread, with a handle for each logical thread.
 */

#include "account.h"
#include "allocators/ptmalloc/ptmalloc.h"
#include "replayed.h"

static struct arena *arena_of(const struct thread_heap *self)
{
	return ((const struct tcache *)self)->arena;
}

static struct thread_heap *attach(struct lab *lab)
{
	struct thread_heap *self = lab->allocator->attach(lab->heap);

	assert_non_null(self);
	return self;
}

static void require_sound(struct lab *lab)
{
	const char *wrong = account_heap_wrong(lab);

	if (wrong != NULL)
		fail_msg("%s", wrong);
}

/* ---- who gets which ------------------------------------------------------- */

static void each_thread_has_an_arena_of_its_own(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	struct arena *main = &pt_of(lab->heap)->main;
	struct thread_heap *second = attach(lab), *third = attach(lab);
	char *block = lab->allocator->malloc(second, 100);

	(void)state;
	assert_ptr_equal(arena_of(lab->thread), main);
	assert_ptr_not_equal(arena_of(second), main);
	assert_ptr_not_equal(arena_of(third), arena_of(second));
	assert_ptr_equal(space_of(block)->arena, arena_of(second));
	assert_int_equal((uintptr_t)space_of(block) % THREAD_SPACE_BYTES, 0);
	assert_ptr_equal(main->next, arena_of(third)); /* newest first */
	assert_ptr_equal(main->next->next->next, main);
	require_sound(lab);
	lab->allocator->detach(second);
	lab->allocator->detach(third);
	lab_close(lab);
}

/* Arenas are not closed: who comes next gets the one that was left last. */
static void an_arena_that_was_left_is_used_again(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	struct thread_heap *second = attach(lab), *third = attach(lab);
	struct arena *of_second = arena_of(second), *of_third = arena_of(third);

	(void)state;
	lab->allocator->detach(third);
	lab->allocator->detach(second);
	assert_ptr_equal(pt_of(lab->heap)->list.free_arenas, of_second);
	require_sound(lab);
	second = attach(lab);
	assert_ptr_equal(arena_of(second), of_second);
	third = attach(lab);
	assert_ptr_equal(arena_of(third), of_third);
	assert_int_equal(pt_of(lab->heap)->list.arenas, 3);
	lab->allocator->detach(second);
	lab->allocator->detach(third);
	lab_close(lab);
}

static void at_the_limit_arenas_are_shared_in_turn(void **state)
{
	struct lab *lab = lab_open("ptmalloc:arenas=2");
	struct thread_heap *more[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		more[i] = attach(lab);
	assert_int_equal(pt_of(lab->heap)->list.arenas, 2);
	assert_int_equal(arena_of(lab->thread)->attached, 3);
	assert_int_equal(arena_of(more[0])->attached, 3);
	require_sound(lab);
	for (int i = 0; i < 5; i++)
		lab->allocator->detach(more[i]);
	require_sound(lab);
	assert_int_equal(arena_of(lab->thread)->attached, 1);
	lab_close(lab);
}

/* arena=try-lock: who finds his arena locked moves on, and stays there. */
static void a_locked_arena_is_left(void **state)
{
	struct lab *lab = lab_open("ptmalloc:tcache=0,arena=try-lock,arenas=3");
	struct thread_heap *second = attach(lab);
	struct arena *main = &pt_of(lab->heap)->main;
	struct arena *other = arena_of(second);

	(void)state;
	lab_share(lab);
	lock_take(&main->lock, &MANY_THREADS);
	void *block = lab->allocator->malloc(lab->thread, 100);
	assert_ptr_equal(arena_of(lab->thread), other);
	assert_ptr_equal(space_of(block)->arena, other);
	assert_int_equal(other->attached, 2);
	assert_int_equal(main->attached, 0);
	/* both locked: a third arena, which is the last */
	lock_take(&other->lock, &MANY_THREADS);
	block = lab->allocator->malloc(second, 100);
	assert_int_equal(pt_of(lab->heap)->list.arenas, 3);
	assert_ptr_not_equal(arena_of(second), other);
	assert_ptr_equal(space_of(block)->arena, arena_of(second));
	lock_drop(&other->lock, &MANY_THREADS);
	lock_drop(&main->lock, &MANY_THREADS);
	require_sound(lab);
	lab->allocator->detach(second);
	lab_close(lab);
}

/* ---- whose block is it ---------------------------------------------------- */

static void a_block_goes_back_to_its_arena(void **state)
{
	struct lab *lab = lab_open("ptmalloc:tcache=0,fast_max=0");
	struct thread_heap *second = attach(lab);
	void *ours = lab->allocator->malloc(lab->thread, 200);
	void *its = lab->allocator->malloc(second, 200);
	void *wall = lab->allocator->malloc(second, 24);

	(void)state;
	lab->allocator->free(lab->thread, its);
	assert_int_equal(arena_of(second)->free_bytes[TIER_UNSORTED], 208);
	assert_ptr_not_equal(lab->allocator->malloc(lab->thread, 200), its);
	assert_ptr_equal(lab->allocator->malloc(second, 200), its);
	lab->allocator->free(second, ours);
	assert_int_equal(account_tier(lab, "unsorted"), 208);
	assert_int_equal(arena_of(second)->free_bytes[TIER_UNSORTED], 0);
	lab->allocator->free(lab->thread, wall);
	lab->allocator->detach(second);
	lab_close(lab);
}

/* A thread cache keeps blocks of any arena; detach sends each one home. */
static void a_cache_is_flushed_to_the_owners(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	struct thread_heap *second = attach(lab);
	void *blocks[6];

	(void)state;
	for (int i = 0; i < 6; i++)
		blocks[i] = lab->allocator->malloc(i < 3 ? lab->thread : second,
		                                   40);
	for (int i = 0; i < 6; i++)
		lab->allocator->free(second, blocks[i]);
	assert_int_equal(account_tier(lab, "thread cache"), 6 * 48);
	struct arena *other = arena_of(second);
	lab->allocator->detach(second);
	assert_int_equal(account_tier(lab, "thread cache"), 0);
	assert_int_equal(pt_of(lab->heap)->main.free_bytes[TIER_FAST], 3 * 48);
	assert_int_equal(other->free_bytes[TIER_FAST], 3 * 48);
	assert_int_equal(account_usage(lab).flushes, 1);
	lab_close(lab);
}

/* ---- heaps of a thread arena ---------------------------------------------- */

enum { BLOCK = 1 << 20, BLOCKS = 150 }; /* 150 MiB: three spaces */

static size_t count_spaces(const struct arena *arena)
{
	size_t count = 0;

	for (const struct thread_space *space = pt_last_space(arena);
	     space != NULL; space = space->before)
		count++;
	return count;
}

static void spaces_follow_each_other_and_go_back(void **state)
{
	struct lab *lab = lab_open("ptmalloc:mmap_max=0");
	struct thread_heap *self = attach(lab);
	size_t empty = lab->pages.committed_bytes;
	char *blocks[BLOCKS];

	(void)state;
	for (int i = 0; i < BLOCKS; i++) {
		blocks[i] = lab->allocator->malloc(self, BLOCK);
		assert_ptr_equal(space_of(blocks[i])->arena, arena_of(self));
		assert_ptr_equal(space_of(blocks[i]),
		                 space_of(blocks[i] + BLOCK - 1));
	}
	assert_int_equal(count_spaces(arena_of(self)), 3);
	assert_int_equal(lab->pages.reserved_bytes -
	                         pt_of(lab->heap)->main.committed_bytes,
	                 3 * THREAD_SPACE_BYTES);
	require_sound(lab);
	for (int i = 0; i < BLOCKS; i += 2) /* holes in all of them */
		lab->allocator->free(self, blocks[i]);
	assert_int_equal(count_spaces(arena_of(self)), 3);
	require_sound(lab);
	for (int i = BLOCKS - 1; i > 0; i -= 2)
		lab->allocator->free(self, blocks[i]);
	assert_int_equal(count_spaces(arena_of(self)), 1);
	require_sound(lab);
	assert_in_range(lab->pages.committed_bytes, 0, empty + (256 << 10));
	lab->allocator->detach(self);
	lab_close(lab);
}

/* The chunk before the fence is whole again, and is not merged across it. */
static void a_fence_ends_a_space(void **state)
{
	struct lab *lab = lab_open("ptmalloc:mmap_max=0,top_pad=0");
	struct thread_heap *self = attach(lab);

	(void)state;
	char *first = lab->allocator->malloc(self, 40 << 20);
	char *second = lab->allocator->malloc(self, 30 << 20);
	struct thread_space *space = space_of(first);
	assert_ptr_equal(space_of(second)->before, space);
	assert_in_range(space->fence_bytes, 32, 48);
	require_sound(lab);
	lab->allocator->free(self, first);
	require_sound(lab);
	/* what was the top, and the block: up to the fence */
	assert_int_equal(
		arena_of(self)->free_bytes[TIER_UNSORTED],
		space->committed_bytes - space->fence_bytes -
			(size_t)((char *)block_chunk(first) - (char *)space));
	assert_ptr_equal(lab->allocator->malloc(self, 40 << 20), first);
	lab->allocator->detach(self);
	lab_close(lab);
}

/* Larger than a space can be: a mapping, whatever the threshold. */
static void what_no_space_holds_is_mapped(void **state)
{
	struct lab *lab = lab_open("ptmalloc:mmap_threshold=32M");
	struct thread_heap *self = attach(lab);
	void *block = lab->allocator->malloc(self, 70 << 20);

	(void)state;
	assert_true(chunk_is_mapped(block_chunk(block)));
	assert_int_equal(count_spaces(arena_of(self)), 1);
	lab->allocator->detach(self);
	lab_close(lab);
}

/* Where no mapping is allowed, what no space holds is the main arena's. */
static void the_main_arena_serves_what_no_space_holds(void **state)
{
	struct lab *lab = lab_open("ptmalloc:mmap_max=0");
	struct thread_heap *self = attach(lab);
	void *block = lab->allocator->malloc(self, 70 << 20);
	void *aligned = lab->allocator->aligned_malloc(self, 4096, 70 << 20);

	(void)state;
	assert_non_null(block);
	assert_non_null(aligned);
	assert_int_equal((uintptr_t)aligned % 4096, 0);
	assert_false(chunk_head(block_chunk(block)) & NOT_MAIN);
	assert_false(chunk_head(block_chunk(aligned)) & NOT_MAIN);
	require_sound(lab);
	lab->allocator->detach(self);
	lab_close(lab);
}

static void without_memory_the_other_arena_is_asked(void **state)
{
	struct lab *lab = lab_open("ptmalloc:mmap_max=0,tcache=0");
	struct thread_heap *self = attach(lab);

	(void)state;
	lab_free(lab, lab_malloc(lab, 60000)); /* in the main arena's top */
	lab->pages.options.limit_bytes = lab->pages.committed_bytes;
	char *block = NULL, *last = lab->allocator->malloc(self, 20000);
	while ((block = lab->allocator->malloc(self, 20000)) != NULL) {
		if (!(chunk_head(block_chunk(block)) & NOT_MAIN))
			break;
		last = block;
	}
	assert_non_null(block); /* from the main arena, for another thread */
	assert_ptr_equal(arena_of(self), space_of(last)->arena);
	require_sound(lab);
	lab->allocator->detach(self);
	lab_close(lab);
}

/* ---- theory --------------------------------------------------------------- */

/*
 * E12: a block goes back to its owner's arena, but for the consumer's cache: no
 * blow-up.  K blocks in flight of 64 + 8 -> 80 bytes.
 */
static void a_consumer_returns_what_it_frees(void **state)
{
	enum { K = 1024, CHUNK = 80 };
	struct replayed_figures it = replayed_workload(
		"ptmalloc:top_pad=0", "producer-consumer", "size=64",
		"live=1024", "operations=16384", NULL);

	(void)state;
	size_t grown = it.peak_bytes - it.empty_bytes;
	assert_in_range(grown, (K * CHUNK) * 9 / 10,
	                (K + 2 * 7) * CHUNK + 2 * PAGE_BYTES);
}

/*
 * E13: what one thread freed serves no other.  Chunks of 80 bytes wait in fast
 * bins, where nothing merges them: twice the memory.  Without fast bins the top
 * takes them, and what is beyond the trim threshold goes back: once.
 */
static void arenas_strand_what_fast_bins_hold(void **state)
{
	enum { COUNT = 1 << 17, CHUNK = 80 };
	const double once = (double)COUNT * CHUNK;

	(void)state;
	struct replayed_figures fast =
		replayed_workload("ptmalloc:top_pad=0", "stranding", "size=64",
	                          "operations=131072", NULL);
	struct replayed_figures merged =
		replayed_workload("ptmalloc:top_pad=0,fast_max=0", "stranding",
	                          "size=64", "operations=131072", NULL);
	assert_true((double)fast.peak_bytes > 2 * once * .95 &&
	            (double)fast.peak_bytes < 2 * once * 1.05);
	assert_true((double)merged.peak_bytes > once * .95 &&
	            (double)merged.peak_bytes < once * 1.05);
}

/*
 * E14: threads with arenas of their own share no line actively.  What was handed
 * to another thread is reused by it: passively they do, two chunks to a line.
 */
static void arenas_share_no_line_actively(void **state)
{
	(void)state;
	assert_int_equal(replayed_workload("ptmalloc", "false-sharing-active",
	                                   "rounds=1", NULL)
	                         .shared_lines,
	                 0);
	assert_true(replayed_workload("ptmalloc:arenas=1",
	                              "false-sharing-active", "rounds=1", NULL)
	                    .shared_lines >= 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_thread_has_an_arena_of_its_own),
		cmocka_unit_test(an_arena_that_was_left_is_used_again),
		cmocka_unit_test(at_the_limit_arenas_are_shared_in_turn),
		cmocka_unit_test(a_locked_arena_is_left),
		cmocka_unit_test(a_block_goes_back_to_its_arena),
		cmocka_unit_test(a_cache_is_flushed_to_the_owners),
		cmocka_unit_test(spaces_follow_each_other_and_go_back),
		cmocka_unit_test(a_fence_ends_a_space),
		cmocka_unit_test(what_no_space_holds_is_mapped),
		cmocka_unit_test(the_main_arena_serves_what_no_space_holds),
		cmocka_unit_test(without_memory_the_other_arena_is_asked),
		cmocka_unit_test(a_consumer_returns_what_it_frees),
		cmocka_unit_test(arenas_strand_what_fast_bins_hold),
		cmocka_unit_test(arenas_share_no_line_actively),
	};
	return cmocka_run_group_tests_name("ptmalloc arenas", tests, NULL,
	                                   NULL);
}
