/*
 * test_slab.c - object caches: how slabs are laid out, and their life.
 */
#include <errno.h>
#include <string.h>

#include "slab_lab.h"

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

/* ---- layout --------------------------------------------------------------- */

/* The figures of the picture in layout.c. */
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
	assert_slabs(descriptors, 0, 0, 0);
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

/* 251 slots are four words of bitmap. */
static void takes_the_lowest_free_slot(void **state)
{
	struct lab *lab = lab_open("slab");
	struct kmem_cache *cache = make_cache(lab, 16, 0);
	char *object[251];

	(void)state;
	for (int i = 0; i < 251; i++) {
		object[i] = kmem_cache_alloc(cache);
		assert_ptr_equal(object[i], object[0] + 16 * i);
	}
	assert_slabs(cache, 1, 0, 0);
	static const int freed[] = {200, 70, 250, 3};
	for (int i = 0; i < 4; i++) {
		kmem_cache_free(cache, object[freed[i]]);
		lab_check(lab);
	}
	static const int again[] = {3, 70, 200, 250};
	for (int i = 0; i < 4; i++)
		assert_ptr_equal(kmem_cache_alloc(cache), object[again[i]]);
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
		cmocka_unit_test(takes_the_lowest_free_slot),
		cmocka_unit_test(orders_partial_slabs),
		cmocka_unit_test(constructs_once_per_slot_not_per_allocation),
		cmocka_unit_test(reaps_empty_slabs_over_the_limit),
		cmocka_unit_test(destroys_only_caches_without_objects),
		cmocka_unit_test(refuses_caches_out_of_range),
	};
	return cmocka_run_group_tests_name("slab", tests, NULL, NULL);
}
