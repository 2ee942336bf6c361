/*
 * test_slab.c - slabs: their layout, their lists, the caches and the pages
 * below them.
 */
#include "lab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocators/slab/slab.h"

static struct kmem_cache_info info_of(const struct kmem_cache *cache)
{
	struct kmem_cache_info info;

	kmem_cache_info(cache, &info);
	return info;
}

static struct kmem_cache *cache_named(struct lab *lab, const char *name)
{
	struct kmem_cache *cache = NULL;

	while ((cache = kmem_cache_next(lab->heap, cache)) != NULL)
		if (strcmp(info_of(cache).name, name) == 0)
			return cache;
	fail_msg("there is no cache \"%s\"", name);
	return NULL;
}

static struct kmem_cache *make_cache(struct lab *lab, size_t size, size_t align)
{
	struct kmem_cache *cache = kmem_cache_create(
		lab->heap, &(struct kmem_cache_spec){.name = "test",
	                                             .size = size,
	                                             .align = align});

	assert_non_null(cache);
	return cache;
}

static void assert_slabs(const struct kmem_cache *cache, size_t full,
                         size_t partial, size_t empty)
{
	struct kmem_cache_info info = info_of(cache);

	assert_int_equal(info.full, full);
	assert_int_equal(info.partial, partial);
	assert_int_equal(info.empty, empty);
}

/* ---- layout --------------------------------------------------------------- */

/* The figures of the picture in slab_layout.c. */
static void lays_out_as_drawn(void **state)
{
	struct lab *lab = lab_open("slab");
	struct kmem_cache_info info = info_of(make_cache(lab, 384, 0));

	(void)state;
	assert_int_equal(info.slab_bytes, 4096);
	assert_int_equal(info.slots, 10);
	assert_int_equal(info.descriptor_bytes, 64);
	assert_int_equal(info.waste_bytes, 256);
	assert_int_equal(info.colours, 4);
	assert_false(info.off_slab);
	lab_close(lab);
}

static void puts_descriptors_on_or_off_the_slab(void **state)
{
	struct lab *lab = lab_open("slab");

	(void)state;
	assert_false(info_of(kmalloc_cache(lab->heap, 256)).off_slab);
	assert_true(info_of(kmalloc_cache(lab->heap, 512)).off_slab);
	/* Off the slab two halves of a page fit into a page. */
	assert_int_equal(info_of(kmalloc_cache(lab->heap, 2048)).slots, 2);
	assert_int_equal(info_of(kmalloc_cache(lab->heap, 2048)).slab_bytes,
	                 4096);
	lab_close(lab);

	lab = lab_open("slab:descriptors=on");
	assert_false(info_of(kmalloc_cache(lab->heap, 2048)).off_slab);
	assert_true(info_of(kmalloc_cache(lab->heap, 2048)).slab_bytes > 4096);
	lab_close(lab);

	lab = lab_open("slab:descriptors=off");
	assert_true(info_of(kmalloc_cache(lab->heap, 16)).off_slab);
	assert_int_equal(info_of(kmalloc_cache(lab->heap, 16)).slots, 256);
	lab_close(lab);
}

/* An off-slab descriptor is an object of an internal cache. */
static void takes_descriptors_from_a_cache(void **state)
{
	struct lab *lab = lab_open("slab");
	struct kmem_cache *descriptors = cache_named(lab, "slab-64");

	(void)state;
	assert_int_equal(info_of(descriptors).live, 0);
	void *a = lab_malloc(lab, 2048);
	assert_int_equal(info_of(descriptors).live, 1);
	lab_check_walk(lab, 1);
	lab_free(lab, a);
	assert_int_equal(info_of(descriptors).live, 1); /* kept warm */
	lab->allocator->trim(lab->heap);
	assert_int_equal(info_of(descriptors).live, 0);
	lab_close(lab);
}

static void gives_successive_slabs_other_colours(void **state)
{
	struct lab *lab = lab_open("slab");
	struct kmem_cache *cache = make_cache(lab, 384, 0);
	size_t offsets[6];

	(void)state;
	for (int slab = 0; slab < 6; slab++) {
		char *first = kmem_cache_alloc(cache);
		offsets[slab] = (uintptr_t)first % PAGE_BYTES;
		for (int i = 1; i < 10; i++)
			kmem_cache_alloc(cache);
	}
	const size_t expected[] = {0, 64, 128, 192, 0, 64};
	for (int slab = 0; slab < 6; slab++)
		assert_int_equal(offsets[slab], expected[slab]);
	assert_slabs(cache, 6, 0, 0);
	lab_check_walk(lab, 60);
	lab_close(lab);

	lab = lab_open("slab:colour=0");
	assert_int_equal(info_of(make_cache(lab, 384, 0)).colours, 1);
	lab_close(lab);
}

/* E10: header, colouring and tail waste at most 1/8 of a slab. */
static void assert_small_waste(const struct kmem_cache_info *info)
{
	if (info->waste_bytes * 8 > info->slab_bytes)
		fail_msg("cache %s, slots of %zu: %zu of %zu bytes wasted",
		         info->name, info->slot_bytes, info->waste_bytes,
		         info->slab_bytes);
	assert_true(info->slots * info->slot_bytes + info->waste_bytes ==
	            info->slab_bytes +
	                    (info->off_slab ? info->descriptor_bytes : 0));
}

static void wastes_at_most_an_eighth_in_every_cache(void **state)
{
	static const char *const settings[] = {
		"slab", "slab:descriptors=on,kmalloc_max=128K,spacing=eighth",
		"slab:descriptors=off,kmalloc_max=128K,spacing=quarter",
		"slab:slab_min=64K,spacing=double,kmalloc_max=256",
		"slab:colour=4096"};

	(void)state;
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		struct lab *lab = lab_open(settings[i]);
		for (size_t size = 1; size <= KMEM_OBJECT_MAX;
		     size += size < 4096 ? 1 : 997) {
			struct kmem_cache *cache = make_cache(lab, size, 0);
			struct kmem_cache_info info = info_of(cache);
			assert_small_waste(&info);
			assert_true(kmem_cache_destroy(cache));
		}
		struct kmem_cache *cache = NULL;
		int caches = 0;
		while ((cache = kmem_cache_next(lab->heap, cache)) != NULL) {
			struct kmem_cache_info info = info_of(cache);
			assert_small_waste(&info);
			caches++;
		}
		assert_true(caches > 6 + 4);
		lab_close(lab);
	}
}

/* ---- the life of slabs and objects ---------------------------------------- */

static void moves_slabs_between_the_lists(void **state)
{
	struct lab *lab = lab_open("slab");
	struct kmem_cache *cache = make_cache(lab, 384, 0);
	void *object[11];

	(void)state;
	assert_slabs(cache, 0, 0, 0);
	object[0] = kmem_cache_alloc(cache);
	assert_slabs(cache, 0, 1, 0);
	for (int i = 1; i < 10; i++)
		object[i] = kmem_cache_alloc(cache);
	assert_slabs(cache, 1, 0, 0);
	object[10] = kmem_cache_alloc(cache);
	assert_slabs(cache, 1, 1, 0);
	kmem_cache_free(cache, object[10]);
	assert_slabs(cache, 1, 0, 1);
	lab_check(lab);
	lab_check_walk(lab, 10);
	kmem_cache_free(cache, object[4]);
	assert_slabs(cache, 0, 1, 1);
	/* The partial slab is used up before the empty one. */
	assert_ptr_equal(kmem_cache_alloc(cache), object[4]);
	assert_slabs(cache, 1, 0, 1);
	assert_ptr_equal(kmem_cache_alloc(cache), object[10]);
	assert_slabs(cache, 1, 1, 0);
	lab_close(lab);
}

/* A cache whose slabs hold one object: full and empty, never partial. */
static void does_without_partial_slabs_of_one_slot(void **state)
{
	struct lab *lab = lab_open("slab");
	struct kmem_cache *cache = kmalloc_cache(lab->heap, 4096);

	(void)state;
	assert_int_equal(info_of(cache).slots, 1);
	void *a = lab_malloc(lab, 4096);
	assert_slabs(cache, 1, 0, 0);
	lab_free(lab, a);
	assert_slabs(cache, 0, 0, 1);
	lab_check(lab);
	lab_close(lab);
}

/* Two full slabs, one slot freed in each: which is filled first? */
static void orders_partial_slabs(void **state)
{
	(void)state;
	for (int lifo = 0; lifo < 2; lifo++) {
		struct lab *lab = lab_open(lifo ? "slab:partial=lifo" : "slab");
		struct kmem_cache *cache = make_cache(lab, 384, 0);
		void *object[20];
		for (int i = 0; i < 20; i++)
			object[i] = kmem_cache_alloc(cache);
		kmem_cache_free(cache, object[3]);
		kmem_cache_free(cache, object[13]);
		assert_ptr_equal(kmem_cache_alloc(cache),
		                 object[lifo ? 13 : 3]);
		lab_close(lab);
	}
}

static int constructed, destructed;

static void construct(void *object, size_t size)
{
	memset(object, 0xC0, size);
	constructed++;
}

static void destruct(void *object, size_t size)
{
	assert_int_equal(((unsigned char *)object)[size - 1], 0xC0);
	destructed++;
}

static void constructs_once_per_slot_not_per_allocation(void **state)
{
	struct lab *lab = lab_open("slab");
	struct kmem_cache *cache = kmem_cache_create(
		lab->heap, &(struct kmem_cache_spec){.name = "warm",
	                                             .size = 384,
	                                             .construct = construct,
	                                             .destruct = destruct});

	(void)state;
	constructed = destructed = 0;
	for (int i = 0; i < 1000; i++) {
		unsigned char *object = kmem_cache_alloc(cache);
		assert_int_equal(object[200], 0xC0);
		kmem_cache_free(cache, object);
	}
	assert_int_equal(constructed, 10);
	assert_int_equal(destructed, 0);
	assert_int_equal(kmem_cache_shrink(cache), 4096);
	assert_int_equal(destructed, 10);
	kmem_cache_alloc(cache);
	assert_int_equal(constructed, 20);
	lab_close(lab);
}

/* Five slabs full, then all freed: `empty` of them stay. */
static void reaps_empty_slabs_over_the_limit(void **state)
{
	static const struct {
		const char *settings;
		size_t kept;
	} cases[] = {{"slab", 1}, {"slab:empty=0", 0}, {"slab:empty=3", 3}};

	(void)state;
	for (size_t n = 0; n < 3; n++) {
		struct lab *lab = lab_open(cases[n].settings);
		struct kmem_cache *cache = make_cache(lab, 384, 0);
		void *object[50];
		for (int i = 0; i < 50; i++)
			object[i] = kmem_cache_alloc(cache);
		assert_slabs(cache, 5, 0, 0);
		for (int i = 0; i < 50; i++) {
			kmem_cache_free(cache, object[i]);
			lab_check(lab);
		}
		assert_slabs(cache, 0, 0, cases[n].kept);
		assert_int_equal(kmem_cache_reap(lab->heap),
		                 cases[n].kept * 4096);
		assert_slabs(cache, 0, 0, 0);
		lab_close(lab);
	}
}

static void destroys_only_caches_without_objects(void **state)
{
	struct lab *lab = lab_open("slab");
	struct kmem_cache *cache = make_cache(lab, 100, 64);
	void *object = kmem_cache_alloc(cache);

	(void)state;
	assert_int_equal((uintptr_t)object % 64, 0);
	assert_int_equal(info_of(cache).slot_bytes, 128);
	errno = 0;
	assert_false(kmem_cache_destroy(cache));
	assert_int_equal(errno, EBUSY);
	kmem_cache_free(cache, object);
	assert_true(kmem_cache_destroy(cache));
	lab_close(lab);
}

static void refuses_caches_out_of_range(void **state)
{
	struct lab *lab = lab_open("slab");
	const struct kmem_cache_spec bad[] = {
		{.name = "none", .size = 0},
		{.name = "large", .size = KMEM_OBJECT_MAX + 1},
		{.name = "odd", .size = 8, .align = 24},
		{.name = "far", .size = 8, .align = 2 * KMEM_ALIGN_MAX}};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		errno = 0;
		assert_null(kmem_cache_create(lab->heap, &bad[i]));
		assert_int_equal(errno, EINVAL);
	}
	lab_close(lab);
}

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
			assert_int_equal(
				lab->allocator->usable_size(lab->heap, block),
				*class);
			lab_free(lab, block);
			lab->names = 0;
		}
		assert_null(kmalloc_cache(lab->heap, class[-1] + 1));
		lab_close(lab);
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
		assert_int_equal(lab->allocator->usable_size(lab->heap, block),
		                 pages[i] * PAGE_BYTES);
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
			size_t usable =
				lab->allocator->usable_size(lab->heap, block);
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
	lab->allocator->trim(lab->heap);
	assert_true(lab->pages.reserved_bytes < 2 * (4 << 20));
	lab_check(lab);
	lab_check_walk(lab, 0);
	lab_close(lab);
}

/* ---- walk, lists, sentences ----------------------------------------------- */

/* The worked example of docs/slab.md. */
static void places_the_worked_example(void **state)
{
	struct lab *lab = lab_open("slab:kmalloc_max=2048");
	void *a = lab_malloc(lab, 2000);
	void *b = lab_malloc(lab, 2048);
	void *c = lab_malloc(lab, 1025);

	(void)state;
	assert_string_equal(lab_heap_string(lab),
	                    "|a 2048|b 2048|c 2048|. 2048|");
	lab_free(lab, b);
	assert_string_equal(lab_heap_string(lab),
	                    "|a 2048|. 2048|c 2048|. 2048|");
	lab_free(lab, a);
	lab_free(lab, c);
	lab_close(lab);
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

/* ---- random operations ---------------------------------------------------- */

static size_t random_size(void)
{
	size_t size = (size_t)1 << rand() % (rand() % 50 == 0 ? 23 : 15);

	return size + (size_t)rand() % size;
}

struct random_block {
	unsigned char *start;
	size_t size;
	unsigned char byte;
};

static void fill(struct random_block *block, void *start, size_t size)
{
	*block = (struct random_block){start, size, (unsigned char)rand()};
	memset(start, block->byte, size);
}

static void step_randomly(struct lab *lab, struct random_block *block)
{
	const struct allocator *slab = lab->allocator;
	size_t size = random_size();

	if (block->start == NULL) {
		void *start = rand() % 4 != 0
		                      ? slab->malloc(lab->thread, size)
		                      : slab->aligned_malloc(
						lab->thread,
						(size_t)1 << rand() % 21, size);
		if (start != NULL)
			fill(block, start, size);
		return;
	}
	assert_int_equal(block->start[0], block->byte);
	assert_int_equal(block->start[block->size - 1], block->byte);
	if (rand() % 3 != 0) {
		slab->free(lab->thread, block->start);
		block->start = NULL;
		return;
	}
	unsigned char *moved = slab->realloc(lab->thread, block->start, size);
	if (moved == NULL)
		return;
	size_t kept = size < block->size ? size : block->size;
	assert_int_equal(moved[0], block->byte);
	assert_int_equal(moved[kept - 1], block->byte);
	fill(block, moved, size);
}

static void run_randomly(struct lab *lab, int steps)
{
	struct random_block block[100] = {{0}};

	for (int step = 0; step < steps; step++) {
		step_randomly(lab, &block[rand() % 100]);
		lab_check(lab);
		if (rand() % 500 == 0)
			lab->allocator->trim(lab->heap);
		if (step % 10 == 0) {
			long live = 0;
			for (int i = 0; i < 100; i++)
				live += block[i].start != NULL;
			lab_check_walk(lab, live);
		}
	}
	for (int i = 0; i < 100; i++)
		lab->allocator->free(lab->thread, block[i].start);
	lab->allocator->trim(lab->heap);
	lab_check_walk(lab, 0);
}

static void keeps_its_invariants(void **state)
{
	static const char *const settings[] = {
		"slab", "slab:descriptors=off,empty=0",
		"slab:descriptors=on,keep=0,partial=lifo",
		"slab:spacing=eighth,kmalloc_max=128K,slab_min=16K,empty=4",
		"slab:kmalloc_max=256,arena=8M,colour=16"};

	(void)state;
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		srand((unsigned)i);
		struct lab *lab = lab_open(settings[i]);
		run_randomly(lab, 1500);
		lab_close(lab);
	}
}

/* ---- no memory ------------------------------------------------------------ */

static const struct allocator *slab_allocator_of(void)
{
	struct lab *lab = lab_open("slab");
	const struct allocator *slab = lab->allocator;

	lab_close(lab);
	return slab;
}

/* A mixture that reserves, commits and gives back; false once it failed. */
static bool run_to_the_end(struct lab *lab)
{
	static const size_t sizes[] = {16, 2048, 100, 9000, 3 << 20, 700000};
	const struct allocator *slab = lab->allocator;

	for (int round = 0; round < 3; round++) {
		void *block[6];
		for (int i = 0; i < 6; i++) {
			errno = 0;
			block[i] = slab->malloc(lab->thread, sizes[i]);
			lab_check(lab);
			if (block[i] != NULL)
				continue;
			assert_int_equal(errno, ENOMEM);
			return false;
		}
		void *aligned = slab->aligned_malloc(lab->thread, 512, 10);
		void *grown = slab->realloc(lab->thread, block[3], 90000);
		lab_check(lab);
		if (aligned == NULL || grown == NULL)
			return false;
		for (int i = 0; i < 6; i++)
			slab->free(lab->thread, i == 3 ? grown : block[i]);
		slab->trim(lab->heap);
		lab_check_walk(lab, round + 1);
	}
	return true;
}

static void survives_every_refusal(void **state)
{
	const struct allocator *slab = slab_allocator_of();
	struct page_source_options options = {.kind = PAGE_SOURCE_ARENA};
	int refused = 0;

	(void)state;
	for (int fail_on = 0; fail_on < 2; fail_on++) {
		bool ended = false;
		for (uint64_t at = 1; !ended; at++) {
			options.fail_at = at;
			options.fail_on = fail_on;
			struct lab *lab = lab_open_on(slab, "", &options);
			if (lab == NULL)
				continue;
			run_to_the_end(lab);
			lab_check(lab);
			lab_check_walk(lab, -1);
			ended = lab->pages.refused == 0;
			refused += !ended;
			lab_close(lab);
		}
	}
	assert_true(refused > 20);
}

/* Under a hard limit empty slabs and free pages must not be in the way. */
static void reaps_before_it_fails(void **state)
{
	const struct allocator *slab = slab_allocator_of();
	const struct page_source_options options = {.kind = PAGE_SOURCE_ARENA,
	                                            .limit_bytes = 128 << 10};
	struct lab *lab = lab_open_on(slab, "empty=1000", &options);
	void *block[100] = {0};

	(void)state;
	int count = 0;
	while ((block[count] = lab_malloc(lab, 4000)) != NULL)
		count++;
	assert_true(count > 10);
	for (int i = 0; i < count; i++)
		lab_free(lab, block[i]);
	assert_int_equal(info_of(kmalloc_cache(lab->heap, 4000)).empty, count);
	void *large = lab_malloc(lab, (size_t)(count - 2) * PAGE_BYTES);
	assert_non_null(large);
	assert_int_equal(info_of(kmalloc_cache(lab->heap, 4000)).empty, 0);
	lab_check_walk(lab, 1);
	lab_close(lab);
}

/* ---- misuse --------------------------------------------------------------- */

static void free_twice(void *ctx)
{
	struct lab *lab = ctx;
	void *a = lab->allocator->malloc(lab->thread, 8);

	lab->allocator->malloc(lab->thread, 8);
	lab->allocator->free(lab->thread, a);
	lab->allocator->free(lab->thread, a);
}

static void free_large_twice(void *ctx)
{
	struct lab *lab = ctx;
	void *a = lab->allocator->malloc(lab->thread, 20000);

	lab->allocator->malloc(lab->thread, 8);
	lab->allocator->free(lab->thread, a);
	lab->allocator->free(lab->thread, a);
}

static void free_foreign(void *ctx)
{
	struct lab *lab = ctx;
	int on_the_stack;

	lab->allocator->free(lab->thread, &on_the_stack);
}

static void free_page_map(void *ctx)
{
	struct lab *lab = ctx;
	uintptr_t a = (uintptr_t)lab->allocator->malloc(lab->thread, 8);

	lab->allocator->free(lab->thread, (void *)(a & ~(uintptr_t)0x3FFFFF));
}

static void free_interior(void *ctx)
{
	struct lab *lab = ctx;
	char *a = lab->allocator->malloc(lab->thread, 100);

	lab->allocator->free(lab->thread, a + 16);
}

static void free_interior_of_large(void *ctx)
{
	struct lab *lab = ctx;
	char *a = lab->allocator->malloc(lab->thread, 20000);

	lab->allocator->free(lab->thread, a + PAGE_BYTES);
}

static void free_interior_of_chunk(void *ctx)
{
	struct lab *lab = ctx;
	char *a = lab->allocator->malloc(lab->thread, 20 << 20);

	lab->allocator->free(lab->thread, a + (9 << 20));
}

static void overrun_the_last_slot(void *ctx)
{
	struct lab *lab = ctx;
	char *first = lab->allocator->malloc(lab->thread, 64);
	char *last = first;

	for (int i = 1; i < 63; i++)
		last = lab->allocator->malloc(lab->thread, 64);
	memset(last, 0, 65);
	lab->allocator->free(lab->thread, first);
}

static void free_into_another_cache(void *ctx)
{
	struct lab *lab = ctx;
	struct kmem_cache *cache = make_cache(lab, 64, 0);

	kmem_cache_free(cache, lab->allocator->malloc(lab->thread, 64));
}

static void realloc_freed(void *ctx)
{
	struct lab *lab = ctx;
	void *a = lab->allocator->malloc(lab->thread, 8);

	lab->allocator->free(lab->thread, a);
	lab->allocator->realloc(lab->thread, a, 100);
}

static void stops_at_misuse(void **state)
{
	static const struct {
		void (*act)(void *ctx);
		const char *sentence;
	} cases[] = {
		{free_twice, "free of a free block (double free?): slot 0"},
		{free_large_twice, "its page is in the page heap"},
		{free_foreign, "foreign pointer: it is in no arena"},
		{free_page_map, "foreign pointer: no block was ever there"},
		{free_interior, "interior pointer: slot 0 of cache size-128"},
		{free_interior_of_large, "interior pointer: the block starts"},
		{free_interior_of_chunk, "interior pointer: the block starts"},
		{overrun_the_last_slot, "the descriptor of its slab"},
		{free_into_another_cache, "of an object of cache size-64"},
		{realloc_freed, "realloc of a free block"},
	};
	struct lab *lab = lab_open("slab");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		lab_expect_misuse(cases[i].act, lab, cases[i].sentence);
	lab_close(lab);
}

/* check() finds the damage that the block left, and says which invariant. */
static void names_the_broken_invariant(void **state)
{
	struct lab *lab = lab_open("slab");
	char *block = NULL;

	(void)state;
	for (int i = 0; i < 63; i++)
		block = lab_malloc(lab, 64);
	char saved = block[64];
	block[64] = 0;
	const char *sentence = lab->allocator->check(lab->heap);
	assert_non_null(sentence);
	assert_non_null(strstr(sentence, "slab I6: the descriptor at"));
	block[64] = saved;
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lays_out_as_drawn),
		cmocka_unit_test(puts_descriptors_on_or_off_the_slab),
		cmocka_unit_test(takes_descriptors_from_a_cache),
		cmocka_unit_test(gives_successive_slabs_other_colours),
		cmocka_unit_test(wastes_at_most_an_eighth_in_every_cache),
		cmocka_unit_test(moves_slabs_between_the_lists),
		cmocka_unit_test(does_without_partial_slabs_of_one_slot),
		cmocka_unit_test(orders_partial_slabs),
		cmocka_unit_test(constructs_once_per_slot_not_per_allocation),
		cmocka_unit_test(reaps_empty_slabs_over_the_limit),
		cmocka_unit_test(destroys_only_caches_without_objects),
		cmocka_unit_test(refuses_caches_out_of_range),
		cmocka_unit_test(chooses_the_smallest_class),
		cmocka_unit_test(gives_large_requests_whole_pages),
		cmocka_unit_test(aligns_up_to_a_mebibyte_and_beyond),
		cmocka_unit_test(reallocs_in_place_within_a_class),
		cmocka_unit_test(grows_large_blocks_into_free_pages),
		cmocka_unit_test(shrinks_chunks_in_place),
		cmocka_unit_test(clears_what_was_used_before),
		cmocka_unit_test(keeps_and_trims_free_pages),
		cmocka_unit_test(gives_arenas_back_when_all_is_free),
		cmocka_unit_test(places_the_worked_example),
		cmocka_unit_test(lists_free_slots_by_cache),
		cmocka_unit_test(explains_where_slots_come_from),
		cmocka_unit_test(explains_random_requests),
		cmocka_unit_test(keeps_its_invariants),
		cmocka_unit_test(survives_every_refusal),
		cmocka_unit_test(reaps_before_it_fails),
		cmocka_unit_test(stops_at_misuse),
		cmocka_unit_test(names_the_broken_invariant),
	};
	return cmocka_run_group_tests_name("slab", tests, NULL, NULL);
}
