/*
 * test_jemalloc_threads.c - the jemalloc-style allocator under many OS threads,
 * at settings that send every call through its locks.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "account.h"
#include "crew.h"

/* Small caches, chunks and steps: flushes, spares and purges at each turn. */
static const char *const harsh[] = {
	"jemalloc:arenas=1,cache_slots=0,chunk=64K",
	"jemalloc:arenas=2,cache_slots=3,chunk=64K,gc=1",
	"jemalloc:arenas=3,chunk=256K,gc=2,purge=decay,decay=1,ahead=0",
	"jemalloc:classes=2006,gc=5,lg_dirty_mult=32,stagger=4",
};

static void crews_at_harsh_settings(void **state)
{
	const struct crew_plan plan = {.threads = CREW_MAX,
	                               .calls = 3000,
	                               .live = 60,
	                               .size_max = 70000,
	                               .gifts_percent = 60,
	                               .attach_every = 40};

	(void)state;
	for (size_t i = 0; i < sizeof harsh / sizeof *harsh; i++) {
		struct lab *lab = lab_open(harsh[i]);
		struct crew *crew = crew_start(lab, &plan);
		for (int shift = 0; shift < 2; shift++) {
			crew_work(crew);
			crew_verify(crew);
		}
		crew_end(crew);
		lab_close(lab);
	}
}

enum { NOW_MAX = 10000000 };

/* Time passes in steps while threads work, so that decay purges beside them. */
static void decay_beside_threads(void **state)
{
	const struct crew_plan plan = {.threads = CREW_MAX - 1,
	                               .live = 50,
	                               .size_max = 30000,
	                               .gifts_percent = 30};
	struct lab *lab =
		lab_open("jemalloc:arenas=2,gc=1,purge=decay,decay=160");

	(void)state;
	struct crew *crew = crew_start(lab, &plan);
	crew_begin(crew);
	for (uint64_t now = 0;
	     now < 2000 || (lab_stats(lab).shrinks == 0 && now < NOW_MAX);
	     now += 10) {
		page_source_set_now(&lab->pages, now);
		void *block = lab->allocator->malloc(lab->thread, 70000);
		lab->allocator->free(lab->thread, block); /* past the cache */
		sched_yield();
	}
	crew_stop(crew);
	crew_verify(crew);
	assert_true(lab_stats(lab).shrinks > 0);
	crew_end(crew);
	lab_close(lab);
}

/* ---- one makes, another frees ------------------------------------------- */

enum { RING = 512, ITEMS = 100000, ITEM_BYTES = 256 };

struct belt {
	struct lab *lab;
	_Atomic(void *) slot[RING];
};

static void *consume(void *ctx)
{
	struct belt *belt = ctx;
	const struct allocator *allocator = belt->lab->allocator;
	struct thread_heap *self = allocator->attach(belt->lab->heap);

	for (int i = 0; i < ITEMS; i++) {
		_Atomic(void *) *slot = &belt->slot[i % RING];
		void *item;
		/* Meets the producer's release. */
		while ((item = atomic_load_explicit(
				slot, memory_order_acquire)) == NULL)
			sched_yield();
		allocator->free(self, item);
		atomic_store_explicit(slot, NULL, memory_order_release);
	}
	allocator->detach(self);
	return NULL;
}

static void produce(struct belt *belt)
{
	for (int i = 0; i < ITEMS; i++) {
		_Atomic(void *) *slot = &belt->slot[i % RING];
		/* Meets the consumer's release. */
		while (atomic_load_explicit(slot, memory_order_acquire) != NULL)
			sched_yield();
		char *item = belt->lab->allocator->malloc(belt->lab->thread,
		                                          ITEM_BYTES);
		item[0] = (char)i;
		atomic_store_explicit(slot, item, memory_order_release);
	}
}

/*
 * At most RING blocks are in flight: the heap holds them, what two caches hold,
 * and what waits in the consumer's cache for its turn; not 100,000 of them.
 */
static void a_belt_does_not_blow_up(void **state)
{
	static struct belt belt;
	pthread_t consumer;

	(void)state;
	belt.lab = lab_open("jemalloc");
	lab_share(belt.lab);
	assert_int_equal(pthread_create(&consumer, NULL, consume, &belt), 0);
	produce(&belt);
	pthread_join(consumer, NULL);
	struct heap_usage usage = account_usage(belt.lab);
	assert_int_equal(usage.live_bytes, 0);
	assert_true(usage.flushes > ITEMS / 200);
	assert_in_range(belt.lab->pages.peak_committed_bytes, 0,
	                4 * RING * ITEM_BYTES);
	lab_close(belt.lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crews_at_harsh_settings),
		cmocka_unit_test(decay_beside_threads),
		cmocka_unit_test(a_belt_does_not_blow_up),
	};

	return cmocka_run_group_tests_name("jemalloc threads", tests, NULL,
	                                   NULL);
}
