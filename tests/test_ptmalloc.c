/*
 * test_ptmalloc.c - one arena of ptmalloc: chunks, bins, the top, mapped chunks,
 * and the thread cache before them.
 *
 * "bare" is a heap without thread cache and fast bins, where each free merges at
 * once; most tests build their heap in it.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "account.h"
#include "allocators/common/bits.h"
#include "allocators/ptmalloc/bins.h"

#define BARE "ptmalloc:tcache=0,fast_max=0"

/* Free bytes of a tier, by the walk and by usage, which must agree. */
static size_t tier(struct lab *lab, const char *name)
{
	const char *wrong = account_wrong(lab, -1);
	struct heap_usage usage = account_usage(lab);

	if (wrong != NULL)
		fail_msg("%s", wrong);
	return usage_tier(&usage, name);
}

static size_t usable(struct lab *lab, const void *block)
{
	return lab->allocator->usable_size(lab->heap, block);
}

static struct arena *main_arena(struct lab *lab)
{
	return &pt_of(lab->heap)->main;
}

/* ---- chunks --------------------------------------------------------------- */

/*
 * 8 bytes of tag, then rounding to 16: never more than 15 bytes, 7.5 in the mean
 * over any 16 sizes in a row; below 25 bytes the smallest chunk, 24 usable.
 */
static void chunks_round_as_derived(void **state)
{
	struct lab *lab = lab_open(BARE);
	size_t waste = 0, worst = 0;

	(void)state;
	for (size_t size = 0; size <= 24; size++)
		assert_int_equal(
			usable(lab, lab->allocator->malloc(lab->thread, size)),
			24);
	for (size_t size = 25; size < 25 + 16 * 100; size++) {
		void *block = lab->allocator->malloc(lab->thread, size);
		size_t over = usable(lab, block) - size;
		waste += over;
		worst = over > worst ? over : worst;
	}
	assert_int_equal(worst, 15);
	assert_int_equal(2 * waste, 15 * 16 * 100);
	lab_close(lab);
}

/* The last 8 usable bytes are the next chunk's prev_bytes. */
static void a_live_chunk_borrows_from_the_next(void **state)
{
	struct lab *lab = lab_open(BARE);
	char *a = lab_malloc(lab, 40), *b = lab_malloc(lab, 40);

	(void)state;
	assert_ptr_equal(b, a + 48);
	memset(a, 0xff, 40);
	assert_int_equal(block_chunk(b)->prev_bytes, ~(size_t)0);
	lab_check(lab);
	lab_free(lab, a);
	assert_int_equal(block_chunk(b)->prev_bytes, 48);
	assert_false(chunk_prev_in_use(block_chunk(b)));
	lab_close(lab);
}

static void free_merges_on_both_sides(void **state)
{
	struct lab *lab = lab_open(BARE);
	void *block[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		block[i] = lab_malloc(lab, 24);
	lab_free(lab, block[1]);
	lab_free(lab, block[3]);
	assert_int_equal(lab_stats(lab).merges, 0);
	lab_free(lab, block[2]); /* [.][c][.] => [...] */
	assert_int_equal(lab_stats(lab).merges, 2);
	assert_int_equal(tier(lab, "unsorted"), 96);
	lab_free(lab, block[4]); /* [...][e][top => [top */
	assert_int_equal(lab_stats(lab).merges, 4);
	assert_int_equal(tier(lab, "unsorted"), 0);
	lab_check_walk(lab, 1);
	lab_close(lab);
}

/* ---- bins ----------------------------------------------------------------- */

static void bins_are_spaced_as_in_glibc(void **state)
{
	unsigned sizes_of[BINS] = {0}, used = 0;

	(void)state;
	for (size_t bytes = 32; bytes < 1 << 20; bytes += 16) {
		unsigned bin = pt_bin_of(bytes);
		assert_in_range(bin, 2, BINS - 1);
		assert_true(bin >= pt_bin_of(bytes - 16) || bytes == 32);
		sizes_of[bin]++;
	}
	for (int bin = 2; bin < 64; bin++)
		assert_int_equal(sizes_of[bin], 1);
	for (int bin = 64; bin <= 96; bin++)
		assert_int_equal(sizes_of[bin], 4); /* 64 bytes apart */
	assert_int_equal(pt_bin_of(3136 - 16), 96);
	assert_int_equal(pt_bin_of(3136), 97);
	assert_int_equal(pt_bin_of(10752 - 16), 111); /* 512 apart */
	assert_int_equal(pt_bin_of(10752), 112);
	assert_int_equal(pt_bin_of(45056 - 16), 120); /* 4096 apart */
	assert_int_equal(pt_bin_of(45056), 120);
	assert_int_equal(pt_bin_of(163840), 124); /* 32 KiB apart */
	assert_int_equal(pt_bin_of(786432 - 16), 126);
	assert_int_equal(pt_bin_of(1ul << 40), 126);
	for (int bin = 0; bin < BINS; bin++)
		used += sizes_of[bin] > 0;
	assert_int_equal(used, 125); /* 2..126 */
}

/* Frees blocks of these sizes that cannot merge; they are unsorted then. */
static void make_holes(struct lab *lab, const size_t *sizes, int count,
                       void **holes)
{
	for (int i = 0; i < count; i++) {
		holes[i] = lab_malloc(lab, sizes[i]);
		lab_malloc(lab, 24); /* in between */
	}
	for (int i = 0; i < count; i++)
		lab_free(lab, holes[i]);
}

static void a_freed_chunk_gets_one_chance(void **state)
{
	static const size_t sizes[] = {200, 300, 1500};
	struct lab *lab = lab_open(BARE);
	void *holes[3];

	(void)state;
	make_holes(lab, sizes, 3, holes);
	assert_int_equal(tier(lab, "unsorted"), 208 + 320 + 1520);
	/* exactly the second: the first, which is older, is sorted on the way */
	assert_ptr_equal(lab_malloc(lab, 300), holes[1]);
	assert_int_equal(tier(lab, "small bin"), 208);
	assert_int_equal(tier(lab, "unsorted"), 1520);
	assert_int_equal(lab_stats(lab).links, 2);
	/* nothing of this size: the third goes to its bin, and is split */
	assert_ptr_equal(lab_malloc(lab, 400), holes[2]);
	assert_int_equal(tier(lab, "large bin"), 0);
	assert_int_equal(tier(lab, "unsorted"), 1520 - 416);
	assert_int_equal(lab_stats(lab).splits, 1);
	lab_close(lab);
}

/* A row of small requests is cut from one chunk, each behind the last. */
static void small_requests_are_cut_from_the_last_remainder(void **state)
{
	static const size_t sizes[] = {2000};
	struct lab *lab = lab_open(BARE);
	void *hole;

	(void)state;
	make_holes(lab, sizes, 1, &hole);
	char *last = lab_malloc(lab, 40);
	assert_ptr_equal(last, hole);
	for (int i = 0; i < 10; i++) {
		char *next = lab_malloc(lab, 40);
		assert_ptr_equal(next, last + 48);
		last = next;
	}
	assert_ptr_equal(main_arena(lab)->last_remainder,
	                 block_chunk(last + 48));
	/* it is neither sorted nor searched for */
	assert_int_equal(tier(lab, "unsorted"), 2016 - 11 * 48);
	lab_close(lab);
}

static void small_bins_are_first_in_first_out(void **state)
{
	static const size_t sizes[] = {200, 200, 200};
	struct lab *lab = lab_open(BARE);
	void *holes[3];

	(void)state;
	make_holes(lab, sizes, 3, holes);
	lab_malloc(lab, 2000); /* sorts */
	assert_int_equal(tier(lab, "small bin"), 3 * 208);
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(lab_malloc(lab, 200), holes[i]);
	assert_int_equal(lab_stats(lab).exact_fits, 3);
	lab_close(lab);
}

/* 1600 1600 1600 | 1568 | 1552 1552: bin 73 of 1600.., 72 of 1536..1584. */
static void large_bins_give_the_shortest_that_fits(void **state)
{
	static const size_t sizes[] = {2504, 2200, 2504, 2408, 2504, 2200};
	struct lab *lab = lab_open(BARE);
	void *holes[6];

	(void)state;
	make_holes(lab, sizes, 6, holes);
	lab_malloc(lab, 9000); /* sorts */
	assert_int_equal(tier(lab, "large bin"), 3 * 2512 + 2 * 2208 + 2416);
	lab_check(lab);
	/* the first of its size is on the size list; the second goes first */
	void *second = lab_malloc(lab, 2504);
	assert_true(second == holes[2] || second == holes[4]);
	lab_check(lab);
	assert_ptr_equal(lab_malloc(lab, 2408), holes[3]);
	assert_ptr_equal(lab_malloc(lab, 2190), holes[5]); /* 2208 bytes */
	assert_ptr_equal(lab_malloc(lab, 2200), holes[1]);
	lab_check(lab);
	void *third = lab_malloc(lab, 2504);
	assert_true(third != second && third != holes[0]);
	assert_ptr_equal(lab_malloc(lab, 2504), holes[0]);
	assert_int_equal(tier(lab, "large bin"), 0);
	lab_check(lab);
	lab_close(lab);
}

/* A search skips equals: five of one size cost one link, not five. */
static void the_size_list_skips_equals(void **state)
{
	static const size_t sizes[] = {2984, 2984, 2984, 2984, 2984, 2950};
	struct lab *lab = lab_open(BARE);
	void *holes[6];

	(void)state;
	make_holes(lab, sizes, 6, holes);
	lab_malloc(lab, 9000); /* sorts: 6 unsorted, 5 insertions of a link */
	uint64_t links = lab_stats(lab).links;
	assert_int_equal(links, 6 + 5);
	lab_malloc(lab, 2966); /* longest; 2960; the first 2992 */
	assert_int_equal(lab_stats(lab).links, links + 3);
	lab_close(lab);
}

/* The first of its size merges away: the next takes its place on that list. */
static void the_next_of_its_size_steps_in(void **state)
{
	static const size_t sizes[] = {2504, 2504, 2504, 2408};
	struct lab *lab = lab_open(BARE);
	void *holes[4];

	(void)state;
	make_holes(lab, sizes, 4, holes);
	lab_malloc(lab, 9000); /* sorts */
	assert_non_null(block_chunk(holes[0])->by_size.next);
	lab_free(lab, lab->named[1]); /* between the first two */
	lab_check(lab);
	assert_int_equal(tier(lab, "unsorted"), 2 * 2512 + 32);
	assert_non_null(block_chunk(holes[2])->by_size.next);
	assert_int_equal(tier(lab, "large bin"), 2512 + 2416);
	lab_close(lab);
}

static void the_binmap_forgets_lazily(void **state)
{
	static const size_t sizes[] = {200};
	struct lab *lab = lab_open(BARE);
	const uint64_t bit = (uint64_t)1 << 208 / 16;
	void *hole;

	(void)state;
	make_holes(lab, sizes, 1, &hole);
	lab_malloc(lab, 2000); /* sorts */
	assert_true(main_arena(lab)->binmap[0] & bit);
	lab_malloc(lab, 200); /* empties the bin, and leaves its bit */
	assert_true(main_arena(lab)->binmap[0] & bit);
	lab_malloc(lab, 100); /* a search that comes by clears it */
	assert_false(main_arena(lab)->binmap[0] & bit);
	lab_close(lab);
}

/* ---- fast bins ------------------------------------------------------------ */

static void fast_bins_wait_for_consolidation(void **state)
{
	struct lab *lab = lab_open("ptmalloc:tcache=0");
	void *block[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		block[i] =
			lab_malloc(lab, 120); /* chunks of 128: the longest */
	void *longer = lab_malloc(lab, 121);
	lab_malloc(lab, 24);
	for (int i = 0; i < 3; i++)
		lab_free(lab, block[i]);
	lab_free(lab, longer);
	assert_int_equal(tier(lab, "fast bin"), 3 * 128);
	assert_int_equal(tier(lab, "unsorted"), 144);
	assert_int_equal(lab_stats(lab).merges, 0);
	assert_ptr_equal(lab_malloc(lab, 120), block[2]); /* last in */
	lab_malloc(lab, 1016);                            /* a large request */
	assert_int_equal(tier(lab, "fast bin"), 0);
	assert_int_equal(tier(lab, "small bin"), 256 + 144);
	assert_int_equal(lab_stats(lab).merges, 1);
	lab_close(lab);
}

static void a_long_free_chunk_consolidates(void **state)
{
	struct lab *lab = lab_open("ptmalloc:tcache=0");
	void *small = lab_malloc(lab, 24);
	void *shorter = lab_malloc(lab, (64 << 10) - 40);
	lab_malloc(lab, 24);
	void *longer = lab_malloc(lab, (64 << 10) - 8);
	lab_malloc(lab, 24);

	(void)state;
	lab_free(lab, small);
	lab_free(lab, shorter);
	assert_int_equal(tier(lab, "fast bin"), 32);
	lab_free(lab, longer);
	assert_int_equal(tier(lab, "fast bin"), 0);
	assert_int_equal(tier(lab, "unsorted"), 128 << 10);
	lab_close(lab);
}

static void fast_max_is_the_longest_request(void **state)
{
	static const struct {
		const char *setting;
		size_t longest; /* request that goes to a fast bin; 0: none */
	} cases[] = {
		{"ptmalloc:tcache=0,fast_max=0", 0},
		{"ptmalloc:tcache=0,fast_max=24", 24},
		{"ptmalloc:tcache=0,fast_max=64", 56},
		{"ptmalloc:tcache=0,fast_max=160", 152},
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct lab *lab = lab_open(cases[i].setting);
		void *block[12];
		for (size_t j = 0; j < 12; j++) {
			block[j] = lab_malloc(lab, 24 + 16 * j);
			lab_malloc(lab, 1);
		}
		for (size_t j = 0; j < 12; j++) {
			size_t before = tier(lab, "fast bin");
			lab_free(lab, block[j]);
			assert_int_equal(tier(lab, "fast bin") > before,
			                 24 + 16 * j <= cases[i].longest);
		}
		lab_close(lab);
	}
}

/* ---- thread cache --------------------------------------------------------- */

static void a_cache_holds_seven_of_each_size(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	void *small[9], *large[9];

	(void)state;
	for (int i = 0; i < 9; i++) {
		small[i] = lab_malloc(lab, 100);
		large[i] = lab_malloc(lab, 1032);
	}
	void *too_large = lab_malloc(lab, 1033);
	lab_malloc(lab, 24);
	lab_free(lab, too_large); /* merges with nothing: not a fast chunk */
	assert_int_equal(tier(lab, "thread cache"), 0);
	for (int i = 0; i < 9; i++) {
		lab_free(lab, small[i]);
		lab_free(lab, large[i]);
	}
	assert_int_equal(tier(lab, "thread cache"), 7 * (112 + 1040));
	assert_int_equal(tier(lab, "fast bin"), 2 * 112);
	for (int i = 6; i >= 0; i--)
		assert_ptr_equal(lab_malloc(lab, 100), small[i]);
	assert_int_equal(tier(lab, "thread cache"), 7 * 1040);
	lab_close(lab);
}

/* What is behind the chunk that was taken goes along, as far as there is room. */
static void a_cache_is_filled_from_a_fast_bin(void **state)
{
	struct lab *lab = lab_open("ptmalloc:tcache=3");
	void *block[9];

	(void)state;
	for (int i = 0; i < 9; i++)
		block[i] = lab_malloc(lab, 40);
	for (int i = 0; i < 9; i++)
		lab_free(lab, block[i]);
	for (int i = 0; i < 3; i++)
		lab_malloc(lab, 40); /* the cache is empty now */
	assert_int_equal(tier(lab, "fast bin"), 6 * 48);
	assert_int_equal(account_usage(lab).refills, 0);
	assert_ptr_equal(lab_malloc(lab, 40), block[8]);
	assert_int_equal(tier(lab, "fast bin"), 2 * 48);
	assert_int_equal(tier(lab, "thread cache"), 3 * 48);
	assert_int_equal(account_usage(lab).refills, 1);
	/* pushed last in, first out again: the order is turned round */
	assert_ptr_equal(lab_malloc(lab, 40), block[5]);
	lab_close(lab);
}

static void a_cache_is_filled_from_the_unsorted_list(void **state)
{
	struct lab *lab = lab_open("ptmalloc:tcache=2");
	void *block[8];

	(void)state;
	for (int i = 0; i < 8; i++) {
		block[i] = lab_malloc(lab, 200);
		lab_malloc(lab, 24);
	}
	for (int i = 0; i < 8; i++)
		lab_free(lab, block[i]); /* 2 cached, 6 unsorted */
	lab_malloc(lab, 200);
	lab_malloc(lab, 200);
	assert_int_equal(tier(lab, "unsorted"), 6 * 208);
	assert_ptr_equal(lab_malloc(lab, 200), block[2]); /* the oldest */
	assert_int_equal(tier(lab, "thread cache"), 2 * 208);
	assert_int_equal(tier(lab, "unsorted"), 3 * 208);
	assert_int_equal(account_usage(lab).refills, 1);
	lab_malloc(lab, 2000); /* sorts the rest */
	lab_malloc(lab, 200);
	lab_malloc(lab, 200);
	assert_int_equal(tier(lab, "small bin"), 3 * 208);
	assert_ptr_equal(lab_malloc(lab, 200), block[5]);
	assert_int_equal(tier(lab, "thread cache"), 2 * 208);
	assert_int_equal(tier(lab, "small bin"), 0);
	assert_int_equal(account_usage(lab).refills, 2);
	lab_close(lab);
}

/* Data that looks like the key is no double free. */
static void a_key_by_chance_is_looked_up(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	void **block = lab_malloc(lab, 40);

	(void)state;
	block[0] = block[1] = lab->thread;
	lab_free(lab, block);
	assert_int_equal(tier(lab, "thread cache"), 48);
	lab_close(lab);
}

/* ---- the top -------------------------------------------------------------- */

static void the_top_grows_by_pad(void **state)
{
	struct lab *lab = lab_open(BARE ",top_pad=64K");
	size_t before = lab->pages.committed_bytes;
	size_t top = tier(lab, "top");
	uint64_t grows = lab_stats(lab).grows;

	(void)state;
	lab_malloc(lab, top - 32 - 8); /* all but the shortest top and tags */
	assert_int_equal(lab->pages.committed_bytes, before);
	lab_malloc(lab, 1000);
	assert_int_equal(lab_stats(lab).grows, grows + 1);
	assert_int_equal(
		lab->pages.committed_bytes,
		before + round_up(1008 - 32 + 32 + (64 << 10), PAGE_BYTES));
	lab_close(lab);
}

static void a_long_top_is_trimmed(void **state)
{
	struct lab *lab = lab_open(BARE ",top_pad=4K,trim_threshold=256K");
	void *block[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		block[i] = lab_malloc(lab, 65536);
	size_t before = lab->pages.committed_bytes;
	for (int i = 4; i > 1; i--)
		lab_free(lab, block[i]);
	assert_int_equal(lab->pages.committed_bytes, before);
	lab_free(lab, block[1]); /* 4 * 65552 and what the top had */
	assert_int_equal(lab_stats(lab).shrinks, 1);
	assert_in_range(tier(lab, "top"), 4096, 3 * 4096);
	lab_close(lab);
}

/* Once all is freed: the top's pad and a page or two; after trim, those. */
static void an_empty_heap_is_small(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	void *blocks[2000];

	(void)state;
	for (size_t i = 0; i < 2000; i++)
		blocks[i] = lab->allocator->malloc(lab->thread, i * 37 % 5000);
	for (size_t i = 0; i < 2000; i++)
		lab->allocator->free(lab->thread, blocks[i]);
	lab->allocator->detach(lab->thread);
	lab->thread = lab->allocator->attach(lab->heap);
	assert_in_range(lab->pages.committed_bytes, 0,
	                (128 << 10) + 128 * 1024 + 3 * PAGE_BYTES);
	lab->allocator->trim(lab->heap);
	assert_in_range(lab->pages.committed_bytes, 0, 2 * PAGE_BYTES);
	lab_close(lab);
}

/* Whether the kernel has given this page any memory. */
static bool is_resident(void *page)
{
	unsigned char resident;

	assert_int_equal(mincore(page, PAGE_BYTES, &resident), 0);
	return resident & 1;
}

/* Blocks of two pages and some, each before a small one that stays. */
static void trim_drops_pages_inside_free_chunks(void **state)
{
	enum { BLOCKS = 8, BYTES = 3 * PAGE_BYTES };
	const struct page_source_options os = {.kind = PAGE_SOURCE_OS};
	struct lab *lab = lab_open_on(lab_find("ptmalloc"), "tcache=0", &os);
	char *large[BLOCKS], *small[BLOCKS];
	size_t most = 0;

	(void)state;
	for (int i = 0; i < BLOCKS; i++) {
		large[i] = memset(lab_malloc(lab, BYTES), 7, BYTES);
		small[i] = memset(lab_malloc(lab, 100), i + 1, 100);
	}
	for (int i = 0; i < BLOCKS; i++)
		lab_free(lab, large[i]);
	size_t committed = lab->pages.committed_bytes;
	char *page = (char *)round_up((size_t)large[3] + 32, PAGE_BYTES);
	assert_true(is_resident(page));
	size_t given = lab->allocator->trim(lab->heap);
	assert_int_equal(committed - lab->pages.committed_bytes, given);
	assert_in_range(lab->pages.dropped_bytes, BLOCKS * 2 * PAGE_BYTES,
	                BLOCKS * 3 * PAGE_BYTES);
	assert_false(is_resident(page));
	lab_check(lab);
	lab_check_walk(lab, BLOCKS);
	for (int i = 0; i < BLOCKS; i++)
		assert_int_equal(small[i][99], i + 1);
	for (int i = 0; i < BLOCKS; i++) {
		large[i] = lab->allocator->zero_malloc(lab->thread, BYTES);
		assert_int_equal(large[i][BYTES - 1] | large[i][0], 0);
		most = (size_t)large[i] > most ? (size_t)large[i] : most;
	}
	assert_true(most < (size_t)small[BLOCKS - 1]); /* in their places */
	for (int i = 0; i < BLOCKS; i++) {
		lab_free(lab, large[i]);
		lab_free(lab, small[i]);
	}
	lab_close(lab);
}

static void realloc_grows_into_top_and_free_chunk(void **state)
{
	struct lab *lab = lab_open(BARE);
	void *a = lab_malloc(lab, 100), *b = lab_malloc(lab, 1000);
	struct thread_heap *self = lab->thread;

	(void)state;
	assert_ptr_equal(lab->allocator->realloc(self, b, 5000), b); /* top */
	void *c = lab_malloc(lab, 24);
	lab_free(lab, b);
	assert_ptr_equal(lab->allocator->realloc(self, a, 900), a); /* free */
	assert_int_equal(usable(lab, a), 904);
	assert_int_equal(tier(lab, "unsorted"), 112 + 5008 - 912);
	assert_ptr_equal(lab->allocator->realloc(self, a, 50), a); /* shrinks */
	assert_int_equal(tier(lab, "unsorted"), 112 + 5008 - 64);
	assert_int_equal(lab_stats(lab).moves, 0);
	assert_ptr_not_equal(lab->allocator->realloc(self, a, 6000), a);
	assert_int_equal(lab_stats(lab).moves, 1);
	lab_check_walk(lab, 2);
	lab_free(lab, c);
	lab_close(lab);
}

/* ---- mapped chunks -------------------------------------------------------- */

static void a_threshold_rises_when_a_mapped_chunk_is_freed(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	struct pt_heap *heap = pt_of(lab->heap);
	uint64_t reserves = lab->pages.calls[PAGE_RESERVE];

	(void)state;
	void *below = lab_malloc(lab, (128 << 10) - 32);
	assert_int_equal(lab->pages.calls[PAGE_RESERVE], reserves);
	void *mapped = lab_malloc(lab, 200000);
	assert_int_equal(lab->pages.calls[PAGE_RESERVE], reserves + 1);
	assert_int_equal(usable(lab, mapped), 200704 - 32); /* 49 pages */
	lab_free(lab, mapped);
	assert_int_equal(counter_read(&heap->mmap_threshold), 200704 - 16);
	assert_int_equal(counter_read(&heap->trim_threshold),
	                 2 * (200704 - 16));
	assert_int_equal(lab->pages.calls[PAGE_RELEASE], 1);
	mapped = lab_malloc(lab, 200000); /* from the arena now */
	assert_int_equal(lab->pages.calls[PAGE_RESERVE], reserves + 1);
	lab_free(lab, mapped);
	void *huge =
		lab_malloc(lab, 40 << 20); /* above the highest threshold */
	lab_free(lab, huge);
	assert_int_equal(counter_read(&heap->mmap_threshold), 200704 - 16);
	lab_free(lab, below);
	lab_close(lab);
}

/* Cut shorter, and then freed: what was asked for first counts. */
static void a_threshold_rises_when_a_mapped_chunk_is_cut(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	const struct pt_heap *heap = pt_of(lab->heap);
	void *block = lab_malloc(lab, 200000);

	(void)state;
	assert_int_equal(counter_read(&heap->mmap_threshold), 128 << 10);
	block = lab->allocator->realloc(lab->thread, block, 150000);
	assert_int_equal(counter_read(&heap->mmap_threshold), 200704 - 16);
	lab->allocator->free(lab->thread, block);
	assert_int_equal(counter_read(&heap->mmap_threshold), 200704 - 16);
	lab_close(lab);
}

static void a_high_trim_threshold_is_not_lowered(void **state)
{
	struct lab *lab = lab_open("ptmalloc:trim_threshold=1M");
	struct pt_heap *heap = pt_of(lab->heap);

	(void)state;
	lab_free(lab, lab_malloc(lab, 200000));
	assert_int_equal(counter_read(&heap->mmap_threshold), 200704 - 16);
	assert_int_equal(counter_read(&heap->trim_threshold), 1 << 20);
	lab_close(lab);
}

static void fixed_thresholds_stay(void **state)
{
	struct lab *lab =
		lab_open("ptmalloc:thresholds=fixed,mmap_threshold=64K");
	struct pt_heap *heap = pt_of(lab->heap);

	(void)state;
	for (int i = 0; i < 3; i++) {
		uint64_t reserves = lab->pages.calls[PAGE_RESERVE];
		lab_free(lab, lab_malloc(lab, 200000));
		assert_int_equal(lab->pages.calls[PAGE_RESERVE], reserves + 1);
	}
	assert_int_equal(counter_read(&heap->mmap_threshold), 64 << 10);
	lab_close(lab);
}

static void at_most_mmap_max_chunks_are_mapped(void **state)
{
	struct lab *lab = lab_open("ptmalloc:mmap_max=2");
	uint64_t reserves = lab->pages.calls[PAGE_RESERVE];

	(void)state;
	for (int i = 0; i < 4; i++)
		lab_malloc(lab, 1 << 20);
	assert_int_equal(lab->pages.calls[PAGE_RESERVE], reserves + 2);
	lab_check_walk(lab, 4);
	lab_close(lab);
}

/* Nothing is copied: pages are added, or moved. */
static void mapped_chunks_are_resized_by_the_source(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	char *block = lab_malloc(lab, 1 << 20);
	char *other = lab_malloc(lab, 1 << 20);

	(void)state;
	memset(block, 7, 1 << 20);
	for (size_t size = 1 << 21; size <= 1 << 24; size *= 2) {
		block = lab->allocator->realloc(lab->thread, block, size);
		for (size_t i = 0; i < 1 << 20; i += 4096)
			assert_int_equal(block[i], 7);
		lab_check_walk(lab, 2);
	}
	assert_int_equal(lab->pages.calls[PAGE_RESIZE], 4);
	assert_int_equal(lab_stats(lab).moves, 0);
	block = lab->allocator->realloc(lab->thread, block, 5000);
	assert_int_equal(usable(lab, block), 8192 - 32);
	lab_check_walk(lab, 2);
	lab->allocator->free(lab->thread, block);
	lab_free(lab, other);
	lab_close(lab);
}

/* The lead of an aligned mapped chunk is slack, and stays when it is resized. */
static void an_aligned_mapped_chunk_has_a_lead(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	void *block = lab_aligned(lab, 1 << 16, 300000);

	(void)state;
	assert_true(chunk_is_mapped(block_chunk(block)));
	assert_int_equal((uintptr_t)block % (1 << 16), 0);
	assert_int_equal(account_usage(lab).slack_bytes, (1 << 16) - 32);
	assert_null(account_wrong(lab, 1));
	block = lab->allocator->realloc(lab->thread, block, 900000);
	lab_check_walk(lab, 1);
	lab->allocator->free(lab->thread, block);
	assert_int_equal(account_usage(lab).slack_bytes, 0);
	lab_close(lab);
}

/* ---- cleared memory ------------------------------------------------------- */

/* What the source gave and nobody used is zero, and is not touched for that. */
static void fresh_memory_is_not_cleared_again(void **state)
{
	const struct page_source_options os = {.kind = PAGE_SOURCE_OS};
	const struct allocator *allocator = lab_find("ptmalloc");
	struct lab *lab = lab_open_on(allocator, "", &os);
	enum { BYTES = 100000 };
	unsigned char resident[BYTES / PAGE_BYTES];

	(void)state;
	char *block = allocator->zero_malloc(lab->thread, BYTES);
	char *page = (char *)round_up((size_t)block, PAGE_BYTES);
	size_t pages = (BYTES - (size_t)(page - block)) / PAGE_BYTES;
	assert_int_equal(mincore(page, pages * PAGE_BYTES, resident), 0);
	for (size_t i = 0; i < pages; i++)
		assert_int_equal(resident[i] & 1, 0);
	memset(block, 1, BYTES);
	allocator->free(lab->thread, block);
	block = allocator->zero_malloc(lab->thread, BYTES + 8000);
	for (size_t i = 0; i < BYTES + 8000; i++)
		assert_int_equal(block[i], 0);
	lab_close(lab);
}

/* ---- locks ---------------------------------------------------------------- */

static uint64_t acquired(struct lab *lab, const char *name)
{
	struct heap_usage usage = account_usage(lab);

	for (unsigned i = 0; i < usage.lock_count; i++)
		if (strcmp(usage.locks[i].name, name) == 0)
			return usage.locks[i].acquired;
	fail_msg("no lock is called %s", name);
	return 0;
}

/* None in the thread cache. */
static void each_call_takes_its_lock_once(void **state)
{
	struct lab *lab = lab_open("ptmalloc:thresholds=fixed");
	uint64_t arena = acquired(lab, "arena");
	uint64_t mapped = acquired(lab, "mapped chunks");

	(void)state;
	void *small = lab_malloc(lab, 100);
	void *large = lab_malloc(lab, 2000);
	assert_int_equal(acquired(lab, "arena"), arena + 2);
	lab_free(lab, small);
	lab_free(lab, lab_malloc(lab, 100));
	assert_int_equal(acquired(lab, "arena"), arena + 2);
	lab_free(lab, large);
	assert_int_equal(acquired(lab, "arena"), arena + 3);
	assert_int_equal(acquired(lab, "mapped chunks"), mapped);
	void *huge = lab_malloc(lab, 1 << 20);
	assert_int_equal(acquired(lab, "mapped chunks"), mapped + 1);
	lab_free(lab, huge);
	assert_int_equal(acquired(lab, "mapped chunks"), mapped + 2);
	assert_int_equal(acquired(lab, "arena"), arena + 4);
	lab_close(lab);
}

/* ---- refusals ------------------------------------------------------------- */

/* The main arena cannot grow: a mapping, however small the request. */
static void a_refused_top_falls_back_to_a_mapping(void **state)
{
	struct lab *lab = lab_open(BARE);
	size_t top = tier(lab, "top");

	(void)state;
	lab_malloc(lab, top - 32 - 8);
	lab->pages.options.fail_at = lab->pages.refusable_calls + 1;
	void *block = lab_malloc(lab, 5000); /* pad refused, need granted */
	assert_false(chunk_is_mapped(block_chunk(block)));
	assert_in_range(tier(lab, "top"), 0, PAGE_BYTES);
	lab->pages.options.limit_bytes =
		lab->pages.committed_bytes + PAGE_BYTES;
	errno = 0;
	assert_null(lab->allocator->malloc(lab->thread, 9000));
	assert_int_equal(errno, ENOMEM);
	lab_check_walk(lab, 2);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_round_as_derived),
		cmocka_unit_test(a_live_chunk_borrows_from_the_next),
		cmocka_unit_test(free_merges_on_both_sides),
		cmocka_unit_test(bins_are_spaced_as_in_glibc),
		cmocka_unit_test(a_freed_chunk_gets_one_chance),
		cmocka_unit_test(
			small_requests_are_cut_from_the_last_remainder),
		cmocka_unit_test(small_bins_are_first_in_first_out),
		cmocka_unit_test(large_bins_give_the_shortest_that_fits),
		cmocka_unit_test(the_size_list_skips_equals),
		cmocka_unit_test(the_next_of_its_size_steps_in),
		cmocka_unit_test(the_binmap_forgets_lazily),
		cmocka_unit_test(fast_bins_wait_for_consolidation),
		cmocka_unit_test(a_long_free_chunk_consolidates),
		cmocka_unit_test(fast_max_is_the_longest_request),
		cmocka_unit_test(a_cache_holds_seven_of_each_size),
		cmocka_unit_test(a_cache_is_filled_from_a_fast_bin),
		cmocka_unit_test(a_cache_is_filled_from_the_unsorted_list),
		cmocka_unit_test(a_key_by_chance_is_looked_up),
		cmocka_unit_test(the_top_grows_by_pad),
		cmocka_unit_test(a_long_top_is_trimmed),
		cmocka_unit_test(trim_drops_pages_inside_free_chunks),
		cmocka_unit_test(an_empty_heap_is_small),
		cmocka_unit_test(realloc_grows_into_top_and_free_chunk),
		cmocka_unit_test(
			a_threshold_rises_when_a_mapped_chunk_is_freed),
		cmocka_unit_test(a_threshold_rises_when_a_mapped_chunk_is_cut),
		cmocka_unit_test(a_high_trim_threshold_is_not_lowered),
		cmocka_unit_test(fixed_thresholds_stay),
		cmocka_unit_test(at_most_mmap_max_chunks_are_mapped),
		cmocka_unit_test(mapped_chunks_are_resized_by_the_source),
		cmocka_unit_test(an_aligned_mapped_chunk_has_a_lead),
		cmocka_unit_test(fresh_memory_is_not_cleared_again),
		cmocka_unit_test(each_call_takes_its_lock_once),
		cmocka_unit_test(a_refused_top_falls_back_to_a_mapping),
	};
	return cmocka_run_group_tests_name("ptmalloc", tests, NULL, NULL);
}
