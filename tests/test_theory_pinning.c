/*
 * test_theory_pinning.c - one live block in each span against a number that was
 * known before: E15 pinning.
 */
#include <stdlib.h>

#include "lab.h"

/* a / b is `wanted`, within a share of it. */
static void expect_share(const char *allocator, size_t a, size_t b,
                         double wanted, double tolerance)
{
	double found = (double)a / (double)b;

	if (found < wanted * (1 - tolerance) ||
	    found > wanted * (1 + tolerance))
		fail_msg("%s: %.3f, not within %g %% of %g", allocator, found,
		         100 * tolerance, wanted);
}

enum { SPANS = 256, OBJECT = 64 };

struct pinned {
	size_t retained_bytes; /* beyond the empty heap; metadata apart     */
	size_t kept;           /* blocks, one in each span                  */
	size_t refill_bytes;   /* footprint that a refill of 7/8 added      */
};

static bool add_metadata(void *ctx, const struct extent *extent)
{
	if (extent->kind == EXTENT_METADATA)
		*(size_t *)ctx += extent->bytes;
	return true;
}

/* Pages for blocks: what is committed, descriptors and maps apart. */
static size_t block_bytes(struct lab *lab)
{
	size_t metadata = 0;

	lab->allocator->walk(lab->heap, add_metadata, &metadata);
	return lab->pages.committed_bytes - metadata;
}

/* What a thread has cached goes back, and all that can, to the source. */
static void flush(struct lab *lab)
{
	lab->allocator->detach(lab->thread);
	lab->allocator->trim(lab->heap);
	lab->thread = lab->allocator->attach(lab->heap);
	assert_non_null(lab->thread);
}

static int by_address(const void *a, const void *b)
{
	const char *first = *(char *const *)a, *second = *(char *const *)b;

	return (first > second) - (first < second);
}

/* Frees all but the lowest block of each span; how many stay, at the front. */
static size_t free_all_but_one(struct lab *lab, char **blocks, size_t count,
                               size_t span)
{
	uintptr_t last = 0;
	size_t kept = 0;

	qsort(blocks, count, sizeof *blocks, by_address);
	for (size_t i = 0; i < count; i++) {
		char *block = blocks[i];
		if ((uintptr_t)block / span != last)
			blocks[kept++] = block;
		else
			lab->allocator->free(lab->thread, block);
		last = (uintptr_t)block / span;
	}
	return kept;
}

/*
 * Fills SPANS spans of `span` bytes with small objects and leaves one in each;
 * then asks for 7/8 of that memory in blocks of 1008 bytes.
 */
static struct pinned pin(const char *allocator, size_t span)
{
	enum { REFILL = 1008 };
	size_t count = SPANS * span / OBJECT;
	char **blocks = calloc(count, sizeof *blocks);
	struct lab *lab = lab_open(allocator);
	struct pinned pinned;

	assert_non_null(blocks);
	flush(lab);
	size_t empty = block_bytes(lab);
	for (size_t i = 0; i < count; i++) {
		blocks[i] = lab->allocator->malloc(lab->thread, OBJECT);
		assert_non_null(blocks[i]);
	}
	pinned.kept = free_all_but_one(lab, blocks, count, span);
	flush(lab);
	size_t held = lab->pages.committed_bytes;
	pinned.retained_bytes = block_bytes(lab) - empty;
	for (size_t i = 0; i < SPANS * span / 1024 * 7 / 8; i++)
		assert_non_null(lab->allocator->malloc(lab->thread, REFILL));
	pinned.refill_bytes = lab->pages.committed_bytes > held
	                              ? lab->pages.committed_bytes - held
	                              : 0;
	free(blocks);
	lab_close(lab);
	return pinned;
}

/*
 * Retained / live = span / object.  With boundary tags the gaps serve other
 * sizes; pages of one size serve nobody else.
 */
static void one_block_pins_a_span(void **state)
{
	static const struct {
		const char *allocator;
		size_t span;
		bool refills; /* the gaps, without growing */
	} cases[] = {
		{"first-fit", 8192, true},
		{"best-fit", 8192, true},
		{"slab:keep=0,empty=0", 4096, false},
		{"ptmalloc", 8192, true},
		{"tcmalloc:length=64,transfer=0", 8192, false},
		{"jemalloc", 4096, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t span = cases[i].span;
		struct pinned it = pin(cases[i].allocator, span);
		expect_share(cases[i].allocator, it.retained_bytes / OBJECT,
		             it.kept, (double)span / OBJECT, .02);
		if (cases[i].refills)
			assert_int_equal(it.refill_bytes, 0);
		else
			assert_true(it.refill_bytes >= SPANS * span * 7 / 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_block_pins_a_span),
	};
	return cmocka_run_group_tests_name("theory of pinning", tests, NULL,
	                                   NULL);
}
