/*
 * contract_realloc.c - resizing blocks, and requests that cannot be met.
 */
#include <errno.h>
#include <stdint.h>

#include "contract.h"

/* The next size of a block that is to grow and shrink by all kinds of steps. */
static size_t other_size(uint64_t *random, size_t size)
{
	switch (random_between(random, 0, 5)) {
	case 0:
		return size + random_between(random, 1, 64);
	case 1:
		return size / 2 + 1;
	case 2:
		return size * 2 < 1 << 20 ? size * 2 : 100;
	case 3:
		return size;
	case 4:
		return size > 20 ? size - random_between(random, 1, 16) : 3000;
	default:
		return random_between(random, 1, 40000);
	}
}

/* Up and down among sizes that may have pages of their own. */
static void resize_large(struct known *known)
{
	static const size_t sizes[] = {
		3 << 20, 5 << 20, (5 << 20) - 5000, 1200000,       2 << 20,
		1100000, 1 << 20, 300000,           (6 << 20) + 1, 4097,
		40000,   200000,  (2 << 20) + 1,
	};

	known_malloc(known, 100);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		known_realloc(known, 0, sizes[i]);
		known_verify(known);
	}
	known_free(known, 0);
}

/*
 * Four blocks that lie side by side at first, so that they find room to grow in
 * place, or have to move, or meet the hole that another has left.
 */
void realloc_keeps_contents(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	size_t rounds = setting->derived ? 60 : 300;
	uint64_t random = 17;
	struct known known;

	known_start(&known, lab);
	resize_large(&known);
	for (size_t i = 0; i < 4; i++)
		known_malloc(&known, 40 + i);
	for (size_t round = 0; round < rounds; round++) {
		size_t index = random_between(&random, 0, 3);
		known_realloc(&known, index,
		              other_size(&random, known.blocks[index].size));
		if (round % 16 == 0) {
			known_malloc(&known, 24); /* in the way */
			known_verify(&known);
		}
	}
	known_end(&known);
	lab_close(lab);
}

void realloc_of_null(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);

	for (size_t size = 1; size < 100000; size *= 3) {
		size_t served = lab_fit_size(lab, size);
		void *block =
			lab->allocator->realloc(lab->thread, NULL, served);
		assert_non_null(block);
		assert_true(lab_usable(lab, block) >= served);
		lab_check_walk(lab, 1);
		lab->allocator->free(lab->thread, block);
	}
	lab_close(lab);
}

static const size_t impossible[] = {
	(size_t)PTRDIFF_MAX + 1,
	(size_t)PTRDIFF_MAX + 4096,
	SIZE_MAX - 4096,
	SIZE_MAX - 32,
	SIZE_MAX - 15,
	SIZE_MAX - 1,
	SIZE_MAX,
};

/* Allowed by the type, too large for any address space. */
static const size_t hopeless[] = {
	PTRDIFF_MAX,     PTRDIFF_MAX - 15, PTRDIFF_MAX - 31, PTRDIFF_MAX - 4096,
	(size_t)1 << 62, (size_t)1 << 47,  (size_t)1 << 46,
};

enum {
	IMPOSSIBLE = sizeof impossible / sizeof impossible[0],
	HOPELESS = sizeof hopeless / sizeof hopeless[0],
};

static void request_all_ways(struct known *known, size_t size)
{
	known_malloc(known, size);
	known_zero(known, size);
	known_aligned(known, 16, size);
	known_aligned(known, 4096, size);
	known_aligned(known, 1 << 20, size);
	known_realloc(known, 0, size);
}

void impossible_sizes(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct picture before;
	struct known known;

	known_start(&known, lab);
	for (size_t i = 0; i < 12; i++)
		known_malloc(&known, i * 77);
	for (size_t i = 0; i < known.count; i++)
		known_free(&known, i);
	size_t live = known.count;
	known.may_refuse = true;
	picture_take(&before, lab);
	for (int i = 0; i < IMPOSSIBLE; i++)
		request_all_ways(&known, impossible[i]);
	picture_require_same(&before, lab);
	for (int i = 0; i < HOPELESS; i++)
		request_all_ways(&known, hopeless[i]);
	assert_int_equal(known.count, live);
	assert_int_equal(known.refused, 6 * (IMPOSSIBLE + HOPELESS));
	picture_require_intact(&before, lab);
	known_verify(&known);
	known_malloc(&known, 100);
	picture_drop(&before);
	known_end(&known);
	lab_close(lab);
}

enum { ROOM_BYTES = 256 << 10 };

void realloc_refused(const struct setting *setting)
{
	size_t initial = contract_initial_bytes(setting);
	struct lab *lab = contract_open_limited(setting, initial + ROOM_BYTES);
	struct picture before;
	struct known known;

	known_start(&known, lab);
	known_malloc(&known, 5000);
	known_malloc(&known, 50);
	known.may_refuse = true;
	picture_take(&before, lab);
	for (size_t i = 0; i < 2; i++) {
		known_realloc(&known, i, initial + 2 * ROOM_BYTES);
		picture_require_intact(&before, lab);
	}
	assert_int_equal(known.refused, 2);
	known_verify(&known);
	picture_drop(&before);
	known_end(&known);
	lab_close(lab);
}

static void fill_up(struct known *known, size_t size)
{
	struct picture before;
	bool answered;

	do {
		picture_take(&before, known->lab);
		answered = known_malloc(known, size);
		if (!answered)
			picture_require_intact(&before, known->lab);
		picture_drop(&before);
	} while (answered);
}

/* Fills a small source with large blocks, then with smaller and smaller. */
void out_of_memory(const struct setting *setting)
{
	size_t initial = contract_initial_bytes(setting);
	struct lab *lab = contract_open_limited(setting, initial + ROOM_BYTES);
	struct known known;

	known_start(&known, lab);
	known.may_refuse = true;
	if (initial < 4 * ROOM_BYTES)
		for (size_t size = 40000; size >= 500; size /= 9)
			fill_up(&known, size);
	known_malloc(&known, initial + 2 * ROOM_BYTES);
	assert_true(known.refused > 0);
	known_verify(&known);
	if (known.count > 0 && !never_reuses(setting)) {
		size_t size = known_last(&known)->size;
		known_free_all(&known);
		known.may_refuse = false;
		known_malloc(&known, size);
		known_verify(&known);
	}
	known_end(&known);
	lab_close(lab);
}
