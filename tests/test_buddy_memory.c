/*
 * test_buddy_memory.c - the buddy allocator and its source: what is committed
 * and given back, realloc in place, and a source that refuses.
 */
#include "lab.h"

#include <errno.h>
#include <string.h>

#include "allocators/registry.h"

enum { MIB = 1 << 20 };

/* ---- what is committed -------------------------------------------------- */

struct sums {
	size_t bytes[EXTENT_SLACK + 1]; /* by kind */
};

static bool add_extent(void *ctx, const struct extent *extent)
{
	struct sums *sums = ctx;

	sums->bytes[extent->kind] += extent->bytes;
	return true;
}

static struct sums sum_extents(struct lab *lab)
{
	struct sums sums = {0};

	lab->allocator->walk(lab->heap, add_extent, &sums);
	return sums;
}

/* Three pages of descriptors and map, whatever the arena could hold. */
static void metadata_is_paid_for_the_used_part_only(void **state)
{
	static const char *const allocator[] = {"buddy:max_block=1M",
	                                        "buddy:max_block=1G"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct lab *lab = lab_open(allocator[i]);
		lab_malloc(lab, 4096);
		assert_int_equal(lab->pages.committed_bytes, 4 * PAGE_BYTES);
		lab_malloc(lab, MIB / 2);
		struct sums sums = sum_extents(lab);
		assert_in_range(sums.bytes[EXTENT_METADATA] +
		                        sums.bytes[EXTENT_SLACK],
		                MIB / 32, MIB / 32 + 2 * PAGE_BYTES);
		lab_close(lab);
	}
}

static void trim_gives_the_top_back(void **state)
{
	struct lab *lab = lab_open("buddy");
	char *low = lab_malloc(lab, 4096);
	size_t before = lab->pages.committed_bytes;

	(void)state;
	char *high = lab_malloc(lab, 3 * MIB);
	lab_free(lab, high);
	size_t held = lab->pages.committed_bytes;
	assert_true(held > before + 8 * MIB); /* free() gives nothing back */
	lab_check_walk(lab, 1);
	assert_int_equal(lab->allocator->trim(lab->heap), held - before);
	assert_int_equal(lab->pages.committed_bytes, before);
	assert_int_equal(lab->allocator->trim(lab->heap), 0);
	lab_free(lab, low);
	lab->allocator->trim(lab->heap); /* the arena too */
	assert_int_equal(lab->pages.committed_bytes, PAGE_BYTES);
	assert_int_equal(lab->pages.reserved_bytes, PAGE_BYTES);
	memset(lab_malloc(lab, 100), 1, 100);
	lab_close(lab);
}

/* A block that was used before is cleared; a chunk is fresh each time. */
static void zero_malloc_clears(void **state)
{
	struct lab *lab = lab_open("buddy:max_block=1M");
	static const size_t sizes[] = {40, 4096, MIB, 2 * MIB};

	(void)state;
	for (int i = 0; i < 8; i++) {
		size_t size = sizes[i / 2];
		char *block = lab->allocator->zero_malloc(lab->thread, size);
		assert_non_null(block);
		for (size_t at = 0; at < size; at++)
			assert_true(block[at] == 0);
		memset(block, 0x77, size);
		lab_free(lab, block);
	}
	lab_close(lab);
}

/* ---- realloc ------------------------------------------------------------ */

static void resizes_in_place(void **state)
{
	struct lab *lab = lab_open("buddy:max_block=1M");
	const struct allocator *buddy = lab->allocator;
	char *a = lab_malloc(lab, 32);

	(void)state;
	assert_ptr_equal(buddy->realloc(lab->thread, a, 600), a);
	assert_string_equal(lab_heap_string(lab), "|a 1024|. 1024|. 2048|");
	assert_ptr_equal(buddy->realloc(lab->thread, a, 5000), a);
	assert_string_equal(lab_heap_string(lab), "|a 8192|");
	lab_check_walk(lab, 1);
	assert_ptr_equal(buddy->realloc(lab->thread, a, 20000), a);
	assert_string_equal(lab_heap_string(lab), "|a 32768|");
	assert_ptr_equal(buddy->realloc(lab->thread, a, 3000), a);
	assert_string_equal(lab_heap_string(lab), "|a 4096|. 28672|");
	assert_int_equal(lab_stats(lab).moves, 0);
	lab_malloc(lab, 4096);
	assert_ptr_not_equal(buddy->realloc(lab->thread, a, 5000), a);
	assert_int_equal(lab_stats(lab).moves, 1);

	size_t before = lab->pages.committed_bytes;
	char *large = lab_malloc(lab, 3 * MIB);
	assert_ptr_equal(buddy->realloc(lab->thread, large, 2 * MIB), large);
	assert_int_equal(lab->pages.committed_bytes,
	                 before + 2 * MIB + PAGE_BYTES);
	char *small = buddy->realloc(lab->thread, large, 100);
	assert_ptr_not_equal(small, large);
	lab_check_walk(lab, 3);
	lab_close(lab);
}

/* ---- a source that refuses ---------------------------------------------- */

/* Fills what it can; true if no call was refused. */
static bool run_refused(const char *knobs, uint64_t fail_at, bool fail_on)
{
	const struct page_source_options options = {
		.kind = PAGE_SOURCE_ARENA,
		.fail_at = fail_at,
		.fail_on = fail_on,
	};
	static const size_t sizes[] = {10,      5000, MIB,    2 * MIB, 100,
	                               MIB / 2, 32,   300000, 3 * MIB, 70000};
	struct lab *lab = lab_open_on(allocator_find("buddy"), knobs, &options);
	void *block[10];

	if (lab == NULL)
		return false;
	for (int i = 0; i < 10; i++) {
		size_t before = lab->pages.committed_bytes;
		errno = 0;
		block[i] = lab_malloc(lab, sizes[i]);
		if (block[i] == NULL) {
			assert_int_equal(errno, ENOMEM);
			assert_int_equal(lab->pages.committed_bytes, before);
		}
		lab_check(lab);
		lab_check_walk(lab, -1);
	}
	void *grown = lab->allocator->realloc(lab->thread, block[0], 200000);
	if (grown != NULL)
		block[0] = grown;
	lab_check(lab);
	bool unharmed = lab->pages.refused == 0;
	for (int i = 0; i < 10; i++)
		lab_free(lab, block[i]);
	lab_close(lab);
	return unharmed;
}

static void survives_every_refusal(void **state)
{
	static const char *const knobs[] = {"max_block=1M",
	                                    "max_block=1M,merge=lazy"};

	(void)state;
	for (int i = 0; i < 4; i++) {
		uint64_t n = 1;
		while (!run_refused(knobs[i / 2], n, i % 2 == 1))
			n++;
		assert_true(n > 20); /* as many calls were tried */
	}
}

/* Each of three chunks is given up; what takes its place is walked in order. */
static void keeps_regions_in_address_order(void **state)
{
	struct lab *lab = lab_open("buddy:max_block=1M");
	void *block[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		block[i] = lab_malloc(lab, 3 << 20);
	for (int i = 0; i < 3; i++) {
		lab->allocator->free(lab->thread, block[i]);
		lab_check_walk(lab, 2);
		block[i] = lab->allocator->malloc(lab->thread, 3 << 20);
		lab_check_walk(lab, 3);
	}
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata_is_paid_for_the_used_part_only),
		cmocka_unit_test(trim_gives_the_top_back),
		cmocka_unit_test(zero_malloc_clears),
		cmocka_unit_test(resizes_in_place),
		cmocka_unit_test(survives_every_refusal),
		cmocka_unit_test(keeps_regions_in_address_order),
	};
	return cmocka_run_group_tests_name("buddy, memory", tests, NULL, NULL);
}
