/*
 * test_page_threads.c - a page source that eight OS threads ask at once, and the
 * counts of its lock.
 */
#include <pthread.h>
#include <string.h>

#include "lab.h"

enum { THREADS = 8, ROUNDS = 400, HELD = 6 };

static struct page_source pages;

struct asker {
	pthread_t thread;
	unsigned char mark;
	bool is_wrong; /* it found a byte that is not its own */
};

static bool is_full_of(const unsigned char *start, size_t bytes,
                       unsigned char mark)
{
	return start[0] == mark && memcmp(start, start + 1, bytes - 1) == 0;
}

/* Ranges of its own, some grown by a resize, each full of its mark. */
static void *ask(void *ctx)
{
	struct asker *asker = ctx;
	unsigned char *held[HELD] = {NULL};
	size_t bytes[HELD] = {0};

	for (int round = 0; round < ROUNDS; round++) {
		int i = round % HELD;
		if (held[i] != NULL) {
			asker->is_wrong |=
				!is_full_of(held[i], bytes[i], asker->mark);
			page_source_unmap(&pages, held[i], bytes[i]);
		}
		bytes[i] = (size_t)(1 + round % 5) * PAGE_BYTES;
		held[i] = page_source_map(&pages, bytes[i], PAGE_BYTES);
		asker->is_wrong |= !is_full_of(held[i], bytes[i], 0);
		held[i] = page_source_resize(&pages, held[i], bytes[i],
		                             2 * bytes[i], PAGE_BYTES);
		bytes[i] *= 2;
		memset(held[i], asker->mark, bytes[i]);
	}
	for (int i = 0; i < HELD; i++)
		page_source_unmap(&pages, held[i], bytes[i]);
	return NULL;
}

/* A map takes the lock twice, for its two steps; an unmap and a resize once. */
static void require_counts(void)
{
	const uint64_t maps = THREADS * ROUNDS;

	assert_int_equal(pages.committed_bytes, 0);
	assert_int_equal(pages.reserved_bytes, 0);
	assert_int_equal(pages.calls[PAGE_RESERVE], maps);
	assert_int_equal(pages.calls[PAGE_COMMIT], maps);
	assert_int_equal(pages.calls[PAGE_RESIZE], maps);
	assert_int_equal(pages.calls[PAGE_RELEASE], maps);
	assert_int_equal(pages.refused, 0);
	assert_int_equal(counter_read(&pages.lock.acquired), 4 * maps);
	assert_in_range(counter_read(&pages.lock.waited), 0, 4 * maps);
	assert_in_range(pages.peak_committed_bytes, 10 * PAGE_BYTES,
	                THREADS * HELD * 10 * PAGE_BYTES);
}

static void many_ask_at_once(enum page_source_kind kind)
{
	const struct page_source_options options = {.kind = kind};
	struct asker askers[THREADS];

	assert_true(page_source_open(&pages, &options));
	for (int i = 0; i < THREADS; i++) {
		askers[i] = (struct asker){.mark = (unsigned char)(i + 1)};
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask,
		                                &askers[i]),
		                 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(askers[i].thread, NULL);
		assert_false(askers[i].is_wrong);
	}
	require_counts();
	page_source_close(&pages);
}

static void many_ask_the_system(void **state)
{
	(void)state;
	many_ask_at_once(PAGE_SOURCE_OS);
}

static void many_ask_an_arena(void **state)
{
	(void)state;
	many_ask_at_once(PAGE_SOURCE_ARENA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_ask_the_system),
		cmocka_unit_test(many_ask_an_arena),
	};
	return cmocka_run_group_tests_name("page threads", tests, NULL, NULL);
}
