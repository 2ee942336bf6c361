/*
 * test_heap_peak.c - the peak of a heap's resident memory: of pages that are
 * touched, and given back in each way that a page source knows.
 */
#include <string.h>
#include <sys/mman.h>

#include "allocators/common/page_source.h"
#include "harness/clock/heap_peak.h"
#include "harness/clock/heap_replay.h"
#include "lab.h"
#include "traces.h"

extern const struct allocator bump_allocator;

enum { MIB = 1 << 20 };

struct watched {
	struct page_source pages;
	struct heap_peak peak;
	uint64_t base; /* resident before: a sanitizer's shadow, else 0 */
};

static void watch(struct watched *watched)
{
	const struct page_source_options options = {
		.kind = PAGE_SOURCE_OS,
		.before_loss = heap_peak_look,
		.before_loss_ctx = &watched->peak,
	};
	struct heap_peak before = {0};

	*watched = (struct watched){0};
	heap_peak_look_closely(&before);
	watched->base = before.now;
	assert_true(page_source_open(&watched->pages, &options));
}

static uint64_t above(const struct watched *watched, uint64_t bytes)
{
	return bytes - watched->base;
}

static void what_is_not_touched_is_not_resident(void **state)
{
	struct watched w;

	(void)state;
	watch(&w);
	char *start = page_source_map(&w.pages, 8 * MIB, PAGE_BYTES);
	assert_non_null(start);
	memset(start, 1, 3 * MIB);
	heap_peak_look_closely(&w.peak);
	assert_int_equal(above(&w, w.peak.bytes), 3 * MIB);
	page_source_unmap(&w.pages, start, 8 * MIB);
	heap_peak_look_closely(&w.peak);
	assert_int_equal(above(&w, w.peak.bytes), 3 * MIB);
	assert_int_equal(above(&w, w.peak.now), 0);
	page_source_close(&w.pages);
}

/* Nobody looks between the touching and the call that gives the pages back. */
static void each_way_back_is_announced(void **state)
{
	struct watched w;

	(void)state;
	watch(&w);
	char *region = page_source_grow(&w.pages, 4 * MIB);
	memset(region, 1, 2 * MIB);
	page_source_shrink(&w.pages, 4 * MIB);
	assert_int_equal(above(&w, w.peak.bytes), 2 * MIB);
	char *map = page_source_map(&w.pages, 16 * MIB, PAGE_BYTES);
	memset(map, 1, 5 * MIB);
	page_source_purge(&w.pages, map, MIB);
	assert_int_equal(above(&w, w.peak.bytes), 5 * MIB);
	memset(map + MIB, 1, 8 * MIB);
	page_source_resize(&w.pages, map + MIB, 15 * MIB, MIB, 0);
	assert_int_equal(above(&w, w.peak.bytes), 8 * MIB);
	memset(map + MIB, 1, MIB);
	page_source_unmap(&w.pages, map + MIB, MIB);
	assert_int_equal(above(&w, w.peak.bytes), 8 * MIB);
	assert_int_equal(w.peak.looks, 3); /* the last had nothing new */
	page_source_close(&w.pages);
}

/* Another library's, such as jemalloc's where that is linked in. */
static void what_others_map_is_not_counted(void **state)
{
	struct watched w;
	char *foreign =
		mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE,
	             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)state;
	assert_ptr_not_equal(foreign, MAP_FAILED);
	watch(&w);
	char *own = page_source_map(&w.pages, MIB, PAGE_BYTES);
	memset(own, 1, MIB);
	memset(foreign, 1, 2 * MIB);
	heap_peak_look_closely(&w.peak);
	assert_int_equal(above(&w, w.peak.now), MIB);
	page_source_unmap(&w.pages, own, MIB);
	page_source_close(&w.pages);
	munmap(foreign, 2 * MIB);
}

/* The peak of a replay, above the harness's own. */
static uint64_t peak_of(const struct trace *trace, enum touch touch)
{
	const struct speed_options options = {.touch = touch};
	struct heap_replay replay = {0};
	struct heap_peak before = {0};
	struct knob_values knobs;

	knob_defaults(bump_allocator.knobs, &knobs);
	heap_peak_look_closely(&before);
	struct verdict verdict = heap_replay_run(&bump_allocator, &knobs, trace,
	                                         &options, &replay);
	assert_int_equal(verdict.kind, VERDICT_OK);
	return replay.peak.bytes - before.now;
}

static void a_replay_touches_what_was_touched(void **state)
{
	enum { SLACK = MIB / 8 }; /* the allocator's tables, pages in part */
	struct trace all = trace_of("a=1M b=8M c=calloc(4M) c:6M -a");
	struct trace some = trace_of("~1048576 a=1M ~2097152 b=8M ~0 c=calloc"
	                             "(4M) ~5242880 c:6M -a");

	(void)state;
	uint64_t pages = peak_of(&some, TOUCH_PAGES);
	assert_int_equal(peak_of(&all, TOUCH_PAGES), pages);
	assert_int_equal(peak_of(&all, TOUCH_RECORDED), pages);
	uint64_t recorded = peak_of(&some, TOUCH_RECORDED);
	/* bump moves c, and copies its 4 MiB. */
	assert_in_range(recorded, (1 + 2 + 5) * MIB, (1 + 2 + 5) * MIB + SLACK);
	assert_true(pages > recorded + 6 * MIB);
	trace_destroy(&all);
	trace_destroy(&some);
}

static void a_replay_touches_what_it_is_told(void **state)
{
	static const char text[] = "a=1M b=1M -a c=1M";
	struct speed_options options = {.touch = TOUCH_PAGES};
	struct heap_replay pages = {0}, none = {0};
	struct heap_peak before = {0};
	struct knob_values knobs;
	struct trace trace = trace_of(text);

	(void)state;
	knob_defaults(bump_allocator.knobs, &knobs);
	heap_peak_look_closely(&before);
	assert_int_equal(heap_replay_run(&bump_allocator, &knobs, &trace,
	                                 &options, &pages)
	                         .kind,
	                 VERDICT_OK);
	assert_true(pages.peak.bytes - before.now >= 3 * MIB);
	assert_true(pages.peak_committed_bytes >= 3 * MIB);
	options.touch = TOUCH_NONE;
	heap_replay_run(&bump_allocator, &knobs, &trace, &options, &none);
	assert_int_equal(none.peak_committed_bytes, pages.peak_committed_bytes);
	assert_true(pages.peak.bytes - none.peak.bytes > 2 * MIB);
	trace_destroy(&trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_touched_is_not_resident),
		cmocka_unit_test(each_way_back_is_announced),
		cmocka_unit_test(what_others_map_is_not_counted),
		cmocka_unit_test(a_replay_touches_what_it_is_told),
		cmocka_unit_test(a_replay_touches_what_was_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
