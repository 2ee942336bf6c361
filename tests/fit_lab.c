/*
 * fit_lab.c - scripts and random operations for the tests of the fit family.
 */
#include "fit_lab.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- scripts ------------------------------------------------------------ */

/* Blocks are named a, b, c... in the order in which they are made. */
void play(struct lab *lab, const char *script)
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

const char *blocks(struct lab *lab)
{
	lab_heap_string(lab);
	lab->allocator->walk(lab->heap, drop_wilderness, lab->text);
	return lab->text;
}

void expect(const char *allocator, const char *script, const char *heap)
{
	struct lab *lab = lab_open(allocator);

	play(lab, script);
	assert_string_equal(blocks(lab), heap);
	lab_check_walk(lab, -1);
	lab_close(lab);
}

struct fit_heap *inside(struct lab *lab)
{
	return (struct fit_heap *)lab->heap;
}

void *resize(struct lab *lab, void *block, size_t size)
{
	return lab->allocator->realloc(lab->thread, block, size);
}

/* ---- random operations -------------------------------------------------- */

/* xorshift64* [Vigna16] */
uint64_t draw(struct churn *churn, uint64_t below)
{
	uint64_t x = churn->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	churn->random = x;
	return (x * 0x2545F4914F6CDD1D >> 32) % below;
}

size_t draw_size(struct churn *churn)
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
	assert_true(lab_usable(lab, churn->block[i]) >= size);
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

void step(struct churn *churn)
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

const char *const settings[SETTINGS] = {
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
