/*
 * test_buddy_words.c - the sentences of the buddy allocator: each explanation
 * comes true, each misuse is named, each broken invariant is found.
 */
#include "lab.h"

#include <stdio.h>
#include <string.h>

#include "allocators/buddy/buddy.h"

enum { MIB = 1 << 20 };

/* ---- explanations ------------------------------------------------------- */

static const char *explain(struct lab *lab, struct request request)
{
	static char sentence[256];

	lab->allocator->explain(lab->heap, &request, sentence, sizeof sentence);
	return sentence;
}

static const char *explain_malloc(struct lab *lab, size_t size)
{
	return explain(lab, (struct request){REQUEST_MALLOC, size, 0, NULL});
}

static const char *explain_free(struct lab *lab, void *block)
{
	return explain(lab, (struct request){REQUEST_FREE, 0, 0, block});
}

static const char *explain_realloc(struct lab *lab, void *block, size_t size)
{
	return explain(lab, (struct request){REQUEST_REALLOC, size, 0, block});
}

/* `format` has one %p, which stands for `address`. */
static void expect(const char *sentence, const char *format,
                   const void *address)
{
	const char *hole = strstr(format, "%p");
	char wanted[256];

	assert_non_null(hole);
	snprintf(wanted, sizeof wanted, "%.*s%p%s", (int)(hole - format),
	         format, address, hole + 2);
	assert_string_equal(sentence, wanted);
}

static void explains_malloc(void **state)
{
	struct lab *lab = lab_open("buddy");

	(void)state;
	assert_string_equal(explain_malloc(lab, 20),
	                    "no free block has order 5 or more, so a new arena "
	                    "is reserved: its first block, of order 12, is "
	                    "split 7 times; the lowest 32 bytes are given");
	char *a = lab_malloc(lab, 20);
	expect(explain_malloc(lab, 30),
	       "the block of order 5 at %p is given whole", a + 32);
	lab_malloc(lab, 64);
	expect(explain_malloc(lab, 60),
	       "order 6 is empty, so the block of order 7 at %p is split once; "
	       "the lowest 64 bytes are given",
	       a + 128);
	lab_malloc(lab, 200);
	lab_malloc(lab, 100);
	expect(explain_malloc(lab, 100),
	       "orders 7 to 8 are empty, so the block of order 9 at %p is split "
	       "twice; the lowest 128 bytes are given",
	       a + 512);
	expect(explain_malloc(lab, 8000),
	       "no free block has order 13 or more, so the heap grows: the "
	       "block of order 13 at %p is given whole",
	       a + 8192);
	assert_string_equal(explain_malloc(lab, 65 * MIB),
	                    "the largest block has 67108864 bytes, so a chunk "
	                    "of its own is mapped, of 68157440");
	assert_string_equal(explain_malloc(lab, SIZE_MAX),
	                    "it fails: no block can be that large");
	lab_close(lab);
}

static void explains_free_and_realloc(void **state)
{
	struct lab *lab = lab_open("buddy");
	char *a = lab_malloc(lab, 32);
	char *b = lab_malloc(lab, 32);
	char *c = lab_malloc(lab, 64);

	(void)state;
	expect(explain_free(lab, a),
	       "its buddy at %p is not free: it goes on list 5", b);
	assert_string_equal(explain_realloc(lab, c, 50),
	                    "it stays: still order 6");
	assert_string_equal(
		explain_realloc(lab, c, 32),
		"it stays: split down to order 5, the rest is free");
	expect(explain_realloc(lab, b, 64),
	       "it moves: order 6 is empty, so the block of order 7 at %p is "
	       "split once; the lowest 64 bytes are given",
	       c + 64);
	lab_free(lab, b);
	expect(explain_free(lab, a),
	       "its buddy is free: merged once into the block of order 6 at "
	       "%p, whose buddy is not free",
	       a);
	assert_string_equal(
		explain_realloc(lab, a, 64),
		"it stays: all between it and the end of order 6 is free");
	lab_free(lab, c);
	expect(explain_free(lab, a),
	       "its buddy is free: merged 7 times into the block of order 12 "
	       "at %p, and no block lies above: the wilderness",
	       a);
	lab_close(lab);
	lab = lab_open("buddy:merge=lazy,threshold=9");
	assert_string_equal(
		explain_free(lab, lab_malloc(lab, 4096)),
		"list 12 has 0 of at most 9 blocks: it goes there unmerged");
	lab_close(lab);
}

/* Where an order's list holds a block, if it does. */
struct listed {
	const void *start;
	const char *list;
};

static bool note_list(void *ctx, const struct free_block *block)
{
	struct listed *listed = ctx;

	if (block->start == listed->start)
		listed->list = block->list;
	return true;
}

/* The address that a sentence names; NULL if it names none. */
static void *named_address(const char *sentence)
{
	const char *at = strstr(sentence, "0x");
	void *address = NULL;

	if (at != NULL)
		assert_int_equal(sscanf(at, "%p", &address), 1);
	return address;
}

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

static size_t draw_size(void)
{
	return 1 + draw((uint64_t)1 << draw(18));
}

static void *malloc_as_explained(struct lab *lab)
{
	size_t size = draw_size();
	void *named = named_address(explain_malloc(lab, size));
	void *block = lab->allocator->malloc(lab->thread, size);

	if (named != NULL)
		assert_ptr_equal(block, named);
	return block;
}

static void *realloc_as_explained(struct lab *lab, void *block)
{
	size_t size = draw_size();
	const char *sentence = explain_realloc(lab, block, size);
	bool stays = strncmp(sentence, "it stays", 8) == 0;
	void *named = named_address(sentence);
	void *moved = lab->allocator->realloc(lab->thread, block, size);

	assert_int_equal(moved == block, stays);
	if (named != NULL)
		assert_ptr_equal(moved, named);
	return moved;
}

static void free_as_explained(struct lab *lab, void *block)
{
	char sentence[256], wanted[32] = "";
	unsigned order;

	strcpy(sentence, explain_free(lab, block));
	bool merged = strstr(sentence, "merged ") != NULL;
	bool wilderness = strstr(sentence, "wilderness") != NULL;
	struct listed listed = {.start = merged ? named_address(sentence)
	                                        : block};
	const char *at = strstr(sentence, merged ? "order " : "list ");
	if (!wilderness) {
		assert_int_equal(sscanf(at, "%*s %u", &order), 1);
		snprintf(wanted, sizeof wanted, "order %u", order);
	}
	lab->allocator->free(lab->thread, block);
	lab->allocator->free_lists(lab->heap, note_list, &listed);
	if (!wilderness) {
		assert_non_null(listed.list);
		assert_string_equal(listed.list, wanted);
	} else if (listed.list != NULL) {
		assert_string_equal(listed.list, "wilderness");
	}
}

static void explanations_come_true(void **state)
{
	static const char *const allocator[] = {
		"buddy",
		"buddy:order=address,min_block=16",
		"buddy:merge=lazy,threshold=3",
	};
	enum { SLOTS = 60, STEPS = 4000 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct lab *lab = lab_open(allocator[i]);
		void *block[SLOTS] = {0};
		seed = 5;
		for (int step = 0; step < STEPS; step++) {
			uint64_t k = draw(SLOTS);
			if (block[k] == NULL) {
				block[k] = malloc_as_explained(lab);
			} else if (draw(3) == 0) {
				block[k] = realloc_as_explained(lab, block[k]);
			} else {
				free_as_explained(lab, block[k]);
				block[k] = NULL;
			}
		}
		lab_close(lab);
	}
}

/* ---- misuse ------------------------------------------------------------- */

static void free_at(void *ctx, void *block)
{
	struct lab *lab = ctx;
	lab->allocator->free(lab->thread, block);
}

/* Blocks for the acts below: a, b of one page, `large` of its own chunk. */
static struct {
	struct lab *lab;
	char *a, *b, *large;
} scene;

static void free_twice(void *ctx)
{
	free_at(ctx, scene.a);
	free_at(ctx, scene.a);
}

/* After b, a has been merged into a block that starts lower. */
static void free_twice_after_merging(void *ctx)
{
	free_at(ctx, scene.b);
	lab_malloc(ctx, 2048); /* keeps the page below top */
	free_at(ctx, scene.a);
	free_at(ctx, scene.b);
}

static void free_twice_above_top(void *ctx)
{
	free_at(ctx, scene.a);
	free_at(ctx, scene.b);
	free_at(ctx, scene.a);
}

static void free_interior(void *ctx)
{
	free_at(ctx, scene.b + 16);
}

static void free_interior_of_large(void *ctx)
{
	free_at(ctx, scene.large + 4096);
}

static void free_foreign(void *ctx)
{
	static char mine[64];
	free_at(ctx, mine + 32);
}

static void free_descriptor(void *ctx)
{
	free_at(ctx, scene.a - 64);
}

static void free_large_twice(void *ctx)
{
	free_at(ctx, scene.large);
	free_at(ctx, scene.large);
}

static void realloc_freed(void *ctx)
{
	struct lab *lab = ctx;
	free_at(ctx, scene.a);
	lab->allocator->realloc(lab->thread, scene.a, 10);
}

static void write_after_free(void *ctx)
{
	free_at(ctx, scene.a);
	memset(scene.a, 0x55, 32);
	lab_malloc(ctx, 32);
}

static void names_each_misuse(void **state)
{
	static const struct {
		void (*act)(void *ctx);
		const char *sentence;
	} misuses[] = {
		{free_twice, "double free: a free block of 32 bytes starts"},
		{free_twice_after_merging,
	         "double free, or never allocated: it lies 32 bytes into the "
	         "free block of 2048"},
		{free_twice_above_top,
	         "double free, or never allocated: it lies above the last"},
		{free_interior, "interior pointer: it lies 16 bytes into the "
	                        "live block of 32"},
		{free_interior_of_large,
	         "interior pointer: it lies 4096 bytes into the large block"},
		{free_foreign, "foreign pointer"},
		{free_descriptor, "foreign pointer"},
		{free_large_twice, "foreign pointer"},
		{realloc_freed, "double free: a free block of 32 bytes starts"},
		{write_after_free, "links of the free block of 32 bytes are "
	                           "damaged"},
	};

	(void)state;
	scene.lab = lab_open("buddy:max_block=1M");
	scene.a = lab_malloc(scene.lab, 32);
	scene.b = lab_malloc(scene.lab, 32);
	scene.large = lab_malloc(scene.lab, 2 * MIB);
	for (size_t i = 0; i < sizeof misuses / sizeof misuses[0]; i++)
		lab_expect_misuse(misuses[i].act, scene.lab,
		                  misuses[i].sentence);
	lab_close(scene.lab);
}

/* ---- check -------------------------------------------------------------- */

static void require_broken(struct lab *lab, const char *invariant)
{
	const char *sentence = lab->allocator->check(lab->heap);

	if (sentence == NULL || strstr(sentence, invariant) == NULL)
		fail_msg("%s not found, but: %s", invariant,
		         sentence == NULL ? "nothing" : sentence);
}

/* Damages one thing at a time, by hand, and mends it again. */
static void check_finds_each_broken_invariant(void **state)
{
	struct lab *lab = lab_open("buddy:order=address");
	struct buddy_heap *heap = buddy_of(lab->heap);
	char *a = lab_malloc(lab, 32);
	char *b = lab_malloc(lab, 32);
	char *c = lab_malloc(lab, 4096);
	struct block in_a = block_at(heap, a), in_b = block_at(heap, b);
	uint8_t *map = map_byte(heap, in_a.arena, 0);

	(void)state;
	lab_check(lab);
	map[1] = 6; /* b of 64 bytes, at 32 */
	require_broken(lab, "I1");
	map[1] = INSIDE; /* a gap between the blocks */
	require_broken(lab, "I5");
	map[1] = FREE_FLAG | 5; /* free without being listed */
	require_broken(lab, "I3");
	map[1] = 5;
	map[3] = 5; /* a block inside another */
	require_broken(lab, "I5");
	map[3] = INSIDE;

	buddy_list_insert(heap, in_a); /* free, beside a free buddy */
	buddy_list_insert(heap, in_b);
	require_broken(lab, "I2");
	buddy_list_remove(heap, in_a);
	map[0] = 5;

	((struct hole *)b)->next = (struct hole *)(b + 8);
	require_broken(lab, "I3: damaged link");
	((struct hole *)b)->next = NULL;
	heap->nonempty ^= 1 << 5;
	require_broken(lab, "I4");
	heap->nonempty ^= 1 << 5;

	struct block in_c = block_at(heap, c);
	buddy_list_insert(heap, in_c); /* not given to the wilderness */
	require_broken(lab, "I6");
	buddy_list_remove(heap, in_c);
	*map_byte(heap, in_c.arena, in_c.offset) = 12;

	void *stray = page_source_map(&lab->pages, PAGE_BYTES, PAGE_BYTES);
	require_broken(lab, "I7");
	page_source_unmap(&lab->pages, stray, PAGE_BYTES);

	char *d = lab_malloc(lab, 1024);
	heap->list_order = LIST_LIFO; /* two holes of 1024, highest first */
	char *e = lab_malloc(lab, 1024);
	lab_malloc(lab, 1024);
	lab_free(lab, d);
	lab_free(lab, e);
	heap->list_order = LIST_ADDRESS;
	require_broken(lab, "I8");
	heap->list_order = LIST_LIFO;
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explains_malloc),
		cmocka_unit_test(explains_free_and_realloc),
		cmocka_unit_test(explanations_come_true),
		cmocka_unit_test(names_each_misuse),
		cmocka_unit_test(check_finds_each_broken_invariant),
	};
	return cmocka_run_group_tests_name("buddy, words", tests, NULL, NULL);
}
