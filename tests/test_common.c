/*
 * test_common.c - lock, counter, usage, scratch: what allocators with threads
 * share.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "allocators/common/heap_usage.h"
#include "allocators/common/lock.h"
#include "allocators/common/scratch.h"

enum { THREADS = 8, ROUNDS = 20000 };

static struct shared {
	struct lock lock;
	uint64_t sum; /* under the lock */
} shared;

static void *add_up(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < ROUNDS; i++) {
		lock_take(&shared.lock, &MANY_THREADS);
		shared.sum++;
		lock_drop(&shared.lock, &MANY_THREADS);
	}
	return NULL;
}

static void lock_keeps_others_out(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	memset(&shared, 0, sizeof shared);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, add_up, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(shared.sum, THREADS * ROUNDS);
	assert_int_equal(counter_read(&shared.lock.acquired), shared.sum);
	assert_true(counter_read(&shared.lock.waited) <= shared.sum);
}

static void try_fails_while_held(void **state)
{
	struct lock lock = {0};

	(void)state;
	assert_true(lock_try(&lock, &MANY_THREADS));
	assert_false(lock_try(&lock, &MANY_THREADS));
	lock_drop(&lock, &MANY_THREADS);
	assert_true(lock_try(&lock, &MANY_THREADS));
	lock_drop(&lock, &MANY_THREADS);
	assert_int_equal(counter_read(&lock.acquired), 2);
}

static void one_thread_skips_the_lock(void **state)
{
	struct lock lock = {0};

	(void)state;
	lock_take(&lock, &ONE_THREAD);
	assert_int_equal(atomic_load(&lock.held), 0);
	assert_true(lock_try(&lock, &ONE_THREAD));
	lock_drop(&lock, &ONE_THREAD);
	assert_int_equal(counter_read(&lock.acquired), 2);
	assert_int_equal(counter_read(&lock.waited), 0);
}

/* ---- waiting, while signals come ---------------------------------------- */

static struct {
	struct lock lock;
	atomic_bool done;
	int errno_after;
} held;

static void ignore(int signal)
{
	(void)signal;
}

static void *wait_for_it(void *ctx)
{
	(void)ctx;
	errno = 1234;
	lock_take(&held.lock, &MANY_THREADS);
	held.errno_after = errno;
	lock_drop(&held.lock, &MANY_THREADS);
	atomic_store(&held.done, true);
	return NULL;
}

/* free() must keep errno, and a signal ends a sleep with EINTR. */
static void waiting_keeps_errno(void **state)
{
	const struct sigaction action = {.sa_handler = ignore};
	pthread_t waiter;

	(void)state;
	sigaction(SIGUSR1, &action, NULL);
	lock_take(&held.lock, &MANY_THREADS);
	assert_int_equal(pthread_create(&waiter, NULL, wait_for_it, NULL), 0);
	for (int i = 0; i < 500; i++) {
		pthread_kill(waiter, SIGUSR1);
		usleep(20);
	}
	assert_false(atomic_load(&held.done));
	lock_drop(&held.lock, &MANY_THREADS);
	pthread_join(waiter, NULL);
	assert_int_equal(held.errno_after, 1234);
	assert_int_equal(counter_read(&held.lock.waited), 1);
}

static void usage_adds_by_name(void **state)
{
	struct heap_usage usage = {0};
	struct lock lock = {0};

	(void)state;
	lock_take(&lock, &ONE_THREAD);
	usage_add_tier(&usage, "central", 10);
	usage_add_tier(&usage, "thread cache", 3);
	usage_add_tier(&usage, "central", 5);
	usage_add_lock(&usage, "bin", &lock);
	usage_add_lock(&usage, "bin", &lock);
	assert_int_equal(usage.tier_count, 2);
	assert_int_equal(usage_tier(&usage, "central"), 15);
	assert_int_equal(usage_tier(&usage, "thread cache"), 3);
	assert_int_equal(usage_tier(&usage, "page heap"), 0);
	assert_int_equal(usage.lock_count, 1);
	assert_int_equal(usage.locks[0].acquired, 2);
}

static void block_set_finds_what_was_added(void **state)
{
	static char blocks[1000];
	struct block_set set;

	(void)state;
	assert_true(block_set_open(&set, 1000));
	for (int i = 0; i < 1000; i += 2) /* 7 and 1000 have no divisor */
		block_set_add(&set, &blocks[i * 7 % 1000], "cache");
	block_set_sort(&set);
	assert_null(block_set_twice(&set));
	for (int i = 0; i < 1000; i++) {
		const char *tier = block_set_tier(&set, &blocks[i]);
		if (i % 2 == 0)
			assert_string_equal(tier, "cache");
		else
			assert_null(tier);
	}
	block_set_add(&set, &blocks[500], "other");
	block_set_sort(&set);
	assert_ptr_equal(block_set_twice(&set), &blocks[500]);
	block_set_close(&set);
}

static void an_empty_block_set_is_empty(void **state)
{
	struct block_set set;

	(void)state;
	assert_true(block_set_open(&set, 0));
	block_set_sort(&set);
	assert_null(block_set_tier(&set, &set));
	assert_null(block_set_twice(&set));
	block_set_close(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lock_keeps_others_out),
		cmocka_unit_test(try_fails_while_held),
		cmocka_unit_test(one_thread_skips_the_lock),
		cmocka_unit_test(waiting_keeps_errno),
		cmocka_unit_test(usage_adds_by_name),
		cmocka_unit_test(block_set_finds_what_was_added),
		cmocka_unit_test(an_empty_block_set_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
