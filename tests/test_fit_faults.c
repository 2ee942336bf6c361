/*
 * test_fit_faults.c - check() names a broken heap, free a broken caller.
 */
#include <string.h>

#include "allocators/common/misuse.h"
#include "fit_lab.h"

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
		cmocka_unit_test(check_names_the_broken_invariant),
		cmocka_unit_test(misuse_is_diagnosed),
	};
	return cmocka_run_group_tests_name("fit: faults", tests, NULL, NULL);
}
