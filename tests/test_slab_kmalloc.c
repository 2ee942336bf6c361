/*
 * test_slab_kmalloc.c - malloc over slabs: classes, large blocks, the pages
 * below, the worked example of docs/slab.md, and the sentences that explain.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slab_lab.h"

/* ---- kmalloc -------------------------------------------------------------- */

/* Every size up to the limit, against a list made here by hand. */
static void chooses_the_smallest_class(void **state)
{
	static const size_t linux_row[] = {
		16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192, 0};
	static const size_t quarter_row[] = {16,  32,  48,  64,  80,  96, 112,
	                                     128, 160, 192, 224, 256, 0};
	static const struct {
		const char *settings;
		const size_t *row;
	} cases[] = {{"slab", linux_row},
	             {"slab:spacing=quarter,kmalloc_max=256", quarter_row}};

	(void)state;
	for (size_t n = 0; n < 2; n++) {
		struct lab *lab = lab_open(cases[n].settings);
		const size_t *class = cases[n].row;
		for (size_t size = 0;; size++) {
			if (size > *class)
				class ++;
			if (*class == 0)
				break;
			struct kmem_cache *cache =
				kmalloc_cache(lab->heap, size);
			assert_int_equal(info_of(cache).object_bytes, *class);
			void *block = lab_malloc(lab, size);
			assert_int_equal(lab_usable(lab, block), *class);
			lab_free(lab, block);
			lab->names = 0;
		}
		assert_null(kmalloc_cache(lab->heap, class[-1] + 1));
		lab_close(lab);
	}
}

/*
 * Mean of slot / size over three doublings, all scales alike: a size counts
 * 1 / size.
 */
static double mean_rounding(const char *settings)
{
	struct lab *lab = lab_open(settings);
	double sum = 0, weights = 0;

	for (size_t size = 1025; size <= 8192; size++) {
		size_t slot =
			info_of(kmalloc_cache(lab->heap, size)).slot_bytes;
		double weight = 1 / (double)size;
		sum += weight * (double)slot / (double)size;
		weights += weight;
	}
	lab_close(lab);
	return sum / weights;
}

/* With m classes a doubling: (1 / ln 2) (1/m + 1/(m+1) + ... + 1/(2m-1)). */
static void rounds_as_the_spacing_predicts(void **state)
{
	static const struct {
		const char *settings;
		double predicted;
	} cases[] = {{"slab:spacing=double", 1.4427},
	             {"slab:spacing=quarter", 1.0958},
	             {"slab:spacing=eighth", 1.0465}};

	(void)state;
	for (int i = 0; i < 3; i++) {
		double measured = mean_rounding(cases[i].settings);
		double error = measured / cases[i].predicted - 1;
		if (error < -.002 || error > .002)
			fail_msg("%s: %.4f, not %.4f", cases[i].settings,
			         measured, cases[i].predicted);
	}
}

static void gives_large_requests_whole_pages(void **state)
{
	struct lab *lab = lab_open("slab");
	static const size_t pages[] = {3, 5, 100, 511, 512, 513, 5000};

	(void)state;
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		void *block = lab_malloc(lab, pages[i] * PAGE_BYTES - 7);
		assert_non_null(block);
		memset(block, 1, pages[i] * PAGE_BYTES);
		assert_int_equal(lab_usable(lab, block), pages[i] * PAGE_BYTES);
		lab_check(lab);
		lab_check_walk(lab, (long)i + 1);
	}
	lab_close(lab);
}

static void aligns_up_to_a_mebibyte_and_beyond(void **state)
{
	static const size_t sizes[] = {0, 1, 100, 2000, 5000, 70000, 3 << 20};
	struct lab *lab = lab_open("slab");

	(void)state;
	for (size_t align = 16; align <= 2 << 20; align *= 2)
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			void *block = lab_aligned(lab, align, sizes[i]);
			assert_non_null(block);
			assert_int_equal((uintptr_t)block % align, 0);
			size_t usable = lab_usable(lab, block);
			assert_true(usable >= sizes[i]);
			memset(block, 2, usable);
		}
	lab_check(lab);
	lab_check_walk(lab, 18 * 7);
	/* The page map at its head keeps an arena's own alignment away. */
	errno = 0;
	assert_null(lab_aligned(lab, 4 << 20, 16));
	assert_int_equal(errno, ENOMEM);
	lab_close(lab);
}

static void reallocs_in_place_within_a_class(void **state)
{
	struct lab *lab = lab_open("slab");
	const struct allocator *slab = lab->allocator;
	char *a = lab_malloc(lab, 100);

	(void)state;
	assert_ptr_equal(slab->realloc(lab->thread, a, 128), a);
	assert_ptr_equal(slab->realloc(lab->thread, a, 97), a);
	assert_int_equal(lab_stats(lab).moves, 0);
	strcpy(a, "kept");
	char *b = slab->realloc(lab->thread, a, 129);
	assert_true(b != a);
	assert_string_equal(b, "kept");
	char *c = slab->realloc(lab->thread, b, 20);
	assert_string_equal(c, "kept");
	assert_int_equal(slab->usable_size(lab->heap, c), 32);
	assert_int_equal(lab_stats(lab).moves, 2);
	lab_close(lab);
}

static void grows_large_blocks_into_free_pages(void **state)
{
	struct lab *lab = lab_open("slab");
	const struct allocator *slab = lab->allocator;
	char *a = lab_malloc(lab, 3 * PAGE_BYTES);
	char *b = lab_malloc(lab, 3 * PAGE_BYTES);

	(void)state;
	assert_ptr_equal(b, a + 4 * PAGE_BYTES);
	/* One page lies between them: a fourth page, but no fifth. */
	assert_ptr_equal(slab->realloc(lab->thread, a, 4 * PAGE_BYTES), a);
	lab_check(lab);
	lab_free(lab, b);
	assert_ptr_equal(slab->realloc(lab->thread, a, 20 * PAGE_BYTES), a);
	lab_check(lab);
	lab_check_walk(lab, 1);
	assert_ptr_equal(slab->realloc(lab->thread, a, 5 * PAGE_BYTES), a);
	assert_int_equal(slab->usable_size(lab->heap, a), 5 * PAGE_BYTES);
	lab_check(lab);
	void *c = lab_malloc(lab, 5 * PAGE_BYTES);
	assert_ptr_equal(c, a + 8 * PAGE_BYTES);
	assert_int_equal(lab_stats(lab).moves, 0);
	assert_true(slab->realloc(lab->thread, a, 9 * PAGE_BYTES) != a);
	assert_int_equal(lab_stats(lab).moves, 1);
	lab_close(lab);
}

static void shrinks_chunks_in_place(void **state)
{
	struct lab *lab = lab_open("slab");
	const struct allocator *slab = lab->allocator;
	char *a = lab_malloc(lab, 100 << 20);

	(void)state;
	a[0] = 7;
	size_t held = lab->pages.committed_bytes;
	assert_ptr_equal(slab->realloc(lab->thread, a, 10 << 20), a);
	assert_int_equal(held - lab->pages.committed_bytes, 90 << 20);
	lab_check(lab);
	lab_check_walk(lab, 1);
	char *b = slab->realloc(lab->thread, a, 11 << 20);
	assert_true(b != a);
	assert_int_equal(b[0], 7);
	lab_close(lab);
}

static void clears_what_was_used_before(void **state)
{
	struct lab *lab = lab_open("slab");
	const struct allocator *slab = lab->allocator;
	static const size_t sizes[] = {100, 3000, 20000};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (int round = 0; round < 2; round++) {
			char *block = slab->zero_malloc(lab->thread, sizes[i]);
			for (size_t at = 0; at < sizes[i]; at++)
				assert_int_equal(block[at], 0);
			memset(block, 1, sizes[i]);
			slab->free(lab->thread, block);
		}
	lab_close(lab);
}

/* ---- pages ---------------------------------------------------------------- */

static void keeps_and_trims_free_pages(void **state)
{
	struct lab *lab = lab_open("slab:keep=16");
	void *a = lab_malloc(lab, 16 * PAGE_BYTES);
	void *b = lab_malloc(lab, 16 * PAGE_BYTES);
	size_t held = lab->pages.committed_bytes;

	(void)state;
	lab_free(lab, a);
	assert_int_equal(lab->pages.committed_bytes, held);
	lab_free(lab, b); /* the limit is reached: b's pages go back */
	assert_int_equal(held - lab->pages.committed_bytes, 16 * PAGE_BYTES);
	lab_check(lab);
	assert_int_equal(lab->allocator->trim(lab->heap), 16 * PAGE_BYTES);
	lab_check(lab);
	lab_check_walk(lab, 0);
	lab_close(lab);
}

/* The pages skipped to align the first run are free and have no memory. */
static void prefers_pages_with_memory(void **state)
{
	struct lab *lab = lab_open("slab");
	void *skipping = lab_malloc(lab, 16 * PAGE_BYTES);
	void *a = lab_malloc(lab, 16 * PAGE_BYTES);

	(void)state;
	assert_non_null(skipping);
	lab_free(lab, a);
	size_t held = lab->pages.committed_bytes;
	assert_ptr_equal(lab_malloc(lab, 3 * PAGE_BYTES), a);
	assert_int_equal(lab->pages.committed_bytes, held);
	lab_check(lab);
	lab_close(lab);
}

static void gives_arenas_back_when_all_is_free(void **state)
{
	struct lab *lab = lab_open("slab");
	void *block[12];

	(void)state;
	for (int i = 0; i < 12; i++)
		block[i] = lab_malloc(lab, 1 << 20);
	assert_true(lab->pages.reserved_bytes > 3 * (4 << 20));
	for (int i = 0; i < 12; i++)
		lab_free(lab, block[i]);
	size_t held = lab->pages.committed_bytes;
	size_t given = lab->allocator->trim(lab->heap);
	assert_int_equal(held - lab->pages.committed_bytes, given);
	assert_true(lab->pages.reserved_bytes < 2 * (4 << 20));
	lab_check(lab);
	lab_check_walk(lab, 0);
	lab_close(lab);
}

/* ---- walk, lists, sentences ----------------------------------------------- */

/* The worked example of docs/slab.md, line by line. */
static void places_the_worked_example(void **state)
{
	struct lab *lab = lab_open("slab");

	(void)state;
	void *a = lab_malloc(lab, 1000);
	lab_malloc(lab, 900);
	assert_string_equal(lab_heap_string(lab),
	                    "|a 1024|b 1024|. 1024|. 1024|");
	void *c = lab_malloc(lab, 2000);
	assert_string_equal(lab_heap_string(lab),
	                    "|a 1024|b 1024|. 1024|. 1024|c 2048|. 2048|");
	lab_free(lab, a);
	lab_malloc(lab, 600);
	assert_string_equal(lab_heap_string(lab),
	                    "|d 1024|b 1024|. 1024|. 1024|c 2048|. 2048|");
	lab_free(lab, c);
	assert_slabs(kmalloc_cache(lab->heap, 2000), 0, 0, 1);
	lab_malloc(lab, 3000);
	assert_string_equal(
		lab_heap_string(lab),
		"|d 1024|b 1024|. 1024|. 1024|. 2048|. 2048|e 4096|");
	assert_int_equal(lab->allocator->trim(lab->heap), PAGE_BYTES);
	assert_string_equal(lab_heap_string(lab),
	                    "|d 1024|b 1024|. 1024|. 1024|e 4096|");
	lab_close(lab);
}

enum { SLABS = 100, SLOTS = 63 };

/*
 * The question of docs/slab.md: of 100 full slabs of 64-byte blocks the first
 * block of each survives, or the last hundred blocks.  Returns the slabs left.
 */
static size_t slabs_after_survivors(bool (*survives)(int i))
{
	struct lab *lab = lab_open("slab");
	struct kmem_cache *cache = kmalloc_cache(lab->heap, 64);
	void *block[SLABS * SLOTS];

	for (int i = 0; i < SLABS * SLOTS; i++)
		block[i] = lab->allocator->malloc(lab->thread, 64);
	assert_slabs(cache, SLABS, 0, 0);
	size_t held = lab->pages.committed_bytes;
	for (int i = 0; i < SLABS * SLOTS; i++)
		if (!survives(i))
			lab_free(lab, block[i]);
	struct kmem_cache_info info = info_of(cache);
	assert_int_equal(info.live, SLABS);
	size_t left = info.full + info.partial;
	size_t given = lab->allocator->trim(lab->heap);
	assert_int_equal(given, (SLABS - left) * PAGE_BYTES);
	assert_int_equal(held - lab->pages.committed_bytes, given);
	lab_close(lab);
	return left;
}

static bool is_first_of_its_slab(int i)
{
	return i % SLOTS == 0;
}

static bool is_of_the_last_hundred(int i)
{
	return i >= SLABS * SLOTS - 100;
}

static void pins_slabs_by_single_objects(void **state)
{
	(void)state;
	assert_int_equal(slabs_after_survivors(is_first_of_its_slab), SLABS);
	assert_int_equal(slabs_after_survivors(is_of_the_last_hundred), 2);
}

struct listing {
	char text[4096];
};

static bool list_block(void *ctx, const struct free_block *block)
{
	struct listing *listing = ctx;
	size_t used = strlen(listing->text);

	snprintf(listing->text + used, sizeof listing->text - used, "%s %zu\n",
	         block->list, block->bytes);
	return true;
}

static void lists_free_slots_by_cache(void **state)
{
	struct lab *lab = lab_open("slab:kmalloc_max=2048");
	struct listing listing = {""};

	(void)state;
	lab_malloc(lab, 2048);
	lab_free(lab, lab_malloc(lab, 1024));
	lab->allocator->free_lists(lab->heap, list_block, &listing);
	assert_string_equal(listing.text, "size-1024 empty 1024\n"
	                                  "size-1024 empty 1024\n"
	                                  "size-1024 empty 1024\n"
	                                  "size-1024 empty 1024\n"
	                                  "size-2048 partial 2048\n");
	lab_close(lab);
}

static void explain(struct lab *lab, struct request request, char *sentence)
{
	lab->allocator->explain(lab->heap, &request, sentence, 512);
}

/* The last address in a sentence. */
static void *address_in(const char *sentence)
{
	const char *at = NULL, *next = sentence;

	while ((next = strstr(next, "0x")) != NULL)
		at = next++;
	assert_non_null(at);
	return (void *)strtoull(at, NULL, 16);
}

static void explains_where_slots_come_from(void **state)
{
	struct lab *lab = lab_open("slab");
	char sentence[512];
	void *blocks[70];

	(void)state;
	for (int i = 0; i < 70; i++) {
		explain(lab, (struct request){.size = 64}, sentence);
		blocks[i] = lab_malloc(lab, 64);
		if (strstr(sentence, "new arena") == NULL)
			assert_ptr_equal(address_in(sentence), blocks[i]);
		if (i == 0 || i == 63)
			assert_non_null(strstr(sentence,
			                       "cache size-64: no "
			                       "slab has a free slot"));
	}
	lab_free(lab, blocks[20]);
	lab_free(lab, blocks[8]);
	explain(lab, (struct request){.size = 50}, sentence);
	assert_non_null(strstr(sentence, "the first partial slab has 56 free "
	                                 "of 63"));
	explain(lab, (struct request){.kind = REQUEST_FREE, .block = blocks[0]},
	        sentence);
	assert_non_null(
		strstr(sentence, "slot 0 of a slab with 61 of 63 live"));
	lab_close(lab);
}

/* Whatever happens, the address is the one that was predicted. */
static void explains_random_requests(void **state)
{
	struct lab *lab = lab_open("slab");
	const struct allocator *slab = lab->allocator;
	void *block[200] = {0};
	char sentence[512];
	int predicted = 0;

	(void)state;
	srand(3);
	for (int step = 0; step < 4000; step++) {
		int i = rand() % 200;
		if (block[i] != NULL) {
			explain(lab,
			        (struct request){.kind = REQUEST_FREE,
			                         .block = block[i]},
			        sentence);
			assert_true(strlen(sentence) > 10);
			slab->free(lab->thread, block[i]);
			block[i] = NULL;
			continue;
		}
		struct request request = {.size = (size_t)1 << rand() % 19,
		                          .align = (size_t)1 << rand() % 14};
		explain(lab, request, sentence);
		block[i] = slab->aligned_malloc(lab->thread, request.align,
		                                request.size);
		if (strstr(sentence, "0x") == NULL)
			continue;
		assert_ptr_equal(address_in(sentence), block[i]);
		predicted++;
	}
	assert_true(predicted > 1500);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chooses_the_smallest_class),
		cmocka_unit_test(rounds_as_the_spacing_predicts),
		cmocka_unit_test(gives_large_requests_whole_pages),
		cmocka_unit_test(aligns_up_to_a_mebibyte_and_beyond),
		cmocka_unit_test(reallocs_in_place_within_a_class),
		cmocka_unit_test(grows_large_blocks_into_free_pages),
		cmocka_unit_test(shrinks_chunks_in_place),
		cmocka_unit_test(clears_what_was_used_before),
		cmocka_unit_test(keeps_and_trims_free_pages),
		cmocka_unit_test(prefers_pages_with_memory),
		cmocka_unit_test(gives_arenas_back_when_all_is_free),
		cmocka_unit_test(places_the_worked_example),
		cmocka_unit_test(pins_slabs_by_single_objects),
		cmocka_unit_test(lists_free_slots_by_cache),
		cmocka_unit_test(explains_where_slots_come_from),
		cmocka_unit_test(explains_random_requests),
	};
	return cmocka_run_group_tests_name("slab kmalloc", tests, NULL, NULL);
}
