/*
 * fidelity_known.c - a program for e2e_fidelity.sh: the same calls in every run,
 * and every byte that it asks for is written, but for those that are idle.
 *
 *     fidelity_known N        grows to N blocks of all sizes, frees a half, grows
 *                             with larger ones, resizes, frees all
 *     fidelity_known N idle   asks for 64 MiB besides, and never writes to it
 *     fidelity_known N sparse asks for large blocks besides, and writes to the
 *                             beginning of each, more or less of it
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long state = 1;

static size_t draw(size_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % below;
}

/* Small ones are many, large ones few. */
static size_t draw_size(unsigned log2_max)
{
	return 1 + draw((size_t)1 << (3 + draw(log2_max - 2)));
}

static void *take(size_t size)
{
	void *block = draw(8) == 0 ? calloc(1, size) : malloc(size);

	if (block == NULL)
		exit(1);
	return memset(block, 1, size);
}

static void grow(void **blocks, size_t count, unsigned log2_max)
{
	for (size_t i = 0; i < count; i++)
		if (blocks[i] == NULL)
			blocks[i] = take(draw_size(log2_max));
}

static void drop_half(void **blocks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (draw(2) == 0) {
			free(blocks[i]);
			blocks[i] = NULL;
		}
}

static void resize(void **blocks, size_t count)
{
	for (size_t i = 0; i < count; i += 16) {
		size_t size = draw_size(15);
		blocks[i] = realloc(blocks[i], size);
		if (blocks[i] == NULL)
			exit(1);
		memset(blocks[i], 2, size);
	}
}

/* Large ones, mostly untouched; a third is resized, and written further. */
static void spread(void **blocks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t size = 20000 + draw(1 << 20);
		blocks[i] = draw(2) == 0 ? calloc(1, size) : malloc(size);
		if (blocks[i] == NULL)
			exit(1);
		memset(blocks[i], 3, draw(size));
		if (i % 3 != 0)
			continue;
		blocks[i] = realloc(blocks[i], size * 2);
		if (blocks[i] == NULL)
			exit(1);
		memset(blocks[i], 4, size + draw(size));
	}
}

enum { LARGE = 40 };

/* Twice, so that the second ones lie where the first ones lay. */
static void sparse(void)
{
	static void *blocks[LARGE]; /* the last are live at the end */

	spread(blocks, LARGE);
	for (size_t i = 0; i < LARGE; i += 2)
		free(blocks[i]);
	spread(blocks, LARGE / 2);
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	bool is_idle = argc > 2;
	void *idle = is_idle ? malloc((size_t)64 << 20) : NULL;
	void **blocks = calloc(count, sizeof *blocks);

	if (blocks == NULL || (is_idle && idle == NULL))
		return 1;
	if (is_idle && strcmp(argv[2], "sparse") == 0)
		sparse();
	grow(blocks, count, 10);
	drop_half(blocks, count);
	grow(blocks, count, 13);
	resize(blocks, count);
	for (size_t i = 0; i < count; i++)
		free(blocks[i]);
	free(blocks);
	free(idle);
	return puts("done") < 0;
}
