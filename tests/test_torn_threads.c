/*
 * test_torn_threads.c - do the properties with threads bite?  first-fit behind
 * a lock that is wrong in one way each; the property that is made for it must
 * fail, in whatever way: a sentence, a signal, a time limit.
 *
 * The lock and what is wrong with it are static, for a vtable knows nothing of
 * its neighbours: each case runs in a child of its own.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "account.h"
#include "contract.h"

extern const struct allocator first_fit_allocator;

static const struct allocator *const inner = &first_fit_allocator;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t handles, abandoned;

/* What is wrong. */
static struct {
	bool free_is_open; /* free() takes no lock                   */
	bool trim_is_open;
	bool all_is_open;      /* as if there were one thread for ever   */
	bool usage_is_short;   /* one tier is left out                   */
	bool detach_forgets;   /* the handle is still counted            */
	bool detach_leaks;     /* a block stays with every handle        */
	bool child_stays_shut; /* fork_child does not drop the lock      */
	bool child_is_alone;   /* and does not count who was lost        */
	bool parent_stays_shut;
} wrong;

static void take(bool is_open)
{
	if (!is_open && !wrong.all_is_open)
		pthread_mutex_lock(&mutex);
}

static void drop(bool is_open)
{
	if (!is_open && !wrong.all_is_open)
		pthread_mutex_unlock(&mutex);
}

static struct thread_heap *torn_attach(struct heap *heap)
{
	take(false);
	handles++;
	if (wrong.detach_leaks)
		inner->malloc((struct thread_heap *)heap, 2000);
	drop(false);
	return inner->attach(heap);
}

static void torn_detach(struct thread_heap *self)
{
	(void)self;
	take(false);
	handles -= !wrong.detach_forgets;
	drop(false);
}

static void *torn_malloc(struct thread_heap *self, size_t size)
{
	take(false);
	void *block = inner->malloc(self, size);
	drop(false);
	return block;
}

static void *torn_zero_malloc(struct thread_heap *self, size_t size)
{
	take(false);
	void *block = inner->zero_malloc(self, size);
	drop(false);
	return block;
}

static void *torn_aligned_malloc(struct thread_heap *self, size_t align,
                                 size_t size)
{
	take(false);
	void *block = inner->aligned_malloc(self, align, size);
	drop(false);
	return block;
}

static void *torn_realloc(struct thread_heap *self, void *block, size_t size)
{
	take(false);
	block = inner->realloc(self, block, size);
	drop(false);
	return block;
}

static void torn_free(struct thread_heap *self, void *block)
{
	take(wrong.free_is_open);
	inner->free(self, block);
	drop(wrong.free_is_open);
}

static size_t torn_usable_size(struct heap *heap, const void *block)
{
	take(false);
	size_t bytes = inner->usable_size(heap, block);
	drop(false);
	return bytes;
}

static size_t torn_trim(struct heap *heap)
{
	take(wrong.trim_is_open);
	size_t bytes = inner->trim(heap);
	drop(wrong.trim_is_open);
	return bytes;
}

static void torn_stats(struct heap *heap, struct heap_stats *out)
{
	take(false);
	inner->stats(heap, out);
	drop(false);
}

static bool add_extent(void *ctx, const struct extent *extent)
{
	struct heap_usage *usage = ctx;

	if (extent->kind == EXTENT_LIVE)
		usage->live_bytes += extent->bytes;
	else if (extent->kind == EXTENT_METADATA)
		usage->metadata_bytes += extent->bytes;
	else if (extent->kind == EXTENT_SLACK)
		usage->slack_bytes += extent->bytes;
	else if (!wrong.usage_is_short || strcmp(extent->tier, "hole") != 0)
		usage_add_tier(usage, extent->tier, extent->bytes);
	return true;
}

static void torn_usage(struct heap *heap, struct heap_usage *out)
{
	*out = (struct heap_usage){0};
	take(false);
	inner->walk(heap, add_extent, out);
	out->handles = handles;
	out->abandoned = abandoned;
	drop(false);
}

static void torn_fork_prepare(struct heap *heap)
{
	(void)heap;
	take(false);
}

static void torn_fork_parent(struct heap *heap)
{
	(void)heap;
	drop(wrong.parent_stays_shut);
}

static void torn_fork_child(struct heap *heap, struct thread_heap *self)
{
	(void)heap;
	(void)self;
	if (!wrong.child_is_alone)
		abandoned += handles - 1;
	handles = 1;
	drop(wrong.child_stays_shut);
}

static const struct allocator *torn(void)
{
	static struct allocator allocator;

	allocator = *inner;
	allocator.has_locks = true;
	allocator.attach = torn_attach;
	allocator.detach = torn_detach;
	allocator.malloc = torn_malloc;
	allocator.zero_malloc = torn_zero_malloc;
	allocator.aligned_malloc = torn_aligned_malloc;
	allocator.realloc = torn_realloc;
	allocator.free = torn_free;
	allocator.usable_size = torn_usable_size;
	allocator.trim = torn_trim;
	allocator.stats = torn_stats;
	allocator.usage = torn_usage;
	allocator.fork_prepare = torn_fork_prepare;
	allocator.fork_parent = torn_fork_parent;
	allocator.fork_child = torn_fork_child;
	return &allocator;
}

/* ---- a property in a child ---------------------------------------------- */

static property *to_run;

static void run_it(void **state)
{
	const struct setting setting = {.allocator = torn(), .knobs = ""};

	(void)state;
	to_run(&setting);
}

/* Whether the property holds of what is torn. */
static bool holds(property *run)
{
	int status;

	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct CMUnitTest tests[] = {cmocka_unit_test(run_it)};
		int nowhere = open("/dev/null", O_WRONLY);
		dup2(nowhere, STDOUT_FILENO);
		dup2(nowhere, STDERR_FILENO);
		cmocka_set_test_filter(NULL);
		alarm(5);
		to_run = run;
		_exit(cmocka_run_group_tests(tests, NULL, NULL) != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	memset(&wrong, 0, sizeof wrong);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* What two threads do to each other is chance: it has many of them. */
static bool holds_always(property *run, bool *mistake)
{
	for (int i = 0; i < 40; i++) {
		*mistake = true;
		if (!holds(run))
			return false;
	}
	return true;
}

static void the_sound_one_passes(void **state)
{
	(void)state;
	assert_true(holds(threads_of_private_work));
	assert_true(holds(threads_free_for_each_other));
	assert_true(holds(threads_come_and_go));
	assert_true(holds(counts_and_trim_beside_threads));
	assert_true(holds(usage_is_the_walk));
	assert_true(holds(detach_flushes));
	assert_true(holds(lives_leave_nothing_behind));
	assert_true(holds(a_lone_thread_forks));
	assert_true(holds(a_thread_forks_beside_others));
}

static void no_lock_at_all(void **state)
{
	(void)state;
	assert_false(holds_always(threads_of_private_work, &wrong.all_is_open));
	assert_false(holds_always(threads_come_and_go, &wrong.all_is_open));
}

static void a_free_without_the_lock(void **state)
{
	(void)state;
	assert_false(
		holds_always(threads_free_for_each_other, &wrong.free_is_open));
}

static void a_trim_without_the_lock(void **state)
{
	(void)state;
	assert_false(holds_always(counts_and_trim_beside_threads,
	                          &wrong.trim_is_open));
}

static void a_tier_that_usage_forgets(void **state)
{
	(void)state;
	wrong.usage_is_short = true;
	assert_false(holds(usage_is_the_walk));
}

static void a_handle_that_stays(void **state)
{
	(void)state;
	wrong.detach_forgets = true;
	assert_false(holds(detach_flushes));
}

static void a_block_that_stays_with_each_handle(void **state)
{
	(void)state;
	wrong.detach_leaks = true;
	assert_false(holds(lives_leave_nothing_behind));
}

static void a_child_that_finds_it_locked(void **state)
{
	(void)state;
	wrong.child_stays_shut = true;
	assert_false(holds(a_lone_thread_forks));
}

static void a_parent_that_finds_it_locked(void **state)
{
	(void)state;
	wrong.parent_stays_shut = true;
	assert_false(holds(a_lone_thread_forks));
}

static void a_child_that_forgets_the_others(void **state)
{
	(void)state;
	wrong.child_is_alone = true;
	assert_false(holds(a_thread_forks_beside_others));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sound_one_passes),
		cmocka_unit_test(no_lock_at_all),
		cmocka_unit_test(a_free_without_the_lock),
		cmocka_unit_test(a_trim_without_the_lock),
		cmocka_unit_test(a_tier_that_usage_forgets),
		cmocka_unit_test(a_handle_that_stays),
		cmocka_unit_test(a_block_that_stays_with_each_handle),
		cmocka_unit_test(a_child_that_finds_it_locked),
		cmocka_unit_test(a_parent_that_finds_it_locked),
		cmocka_unit_test(a_child_that_forgets_the_others),
	};
	return cmocka_run_group_tests_name("torn", tests, NULL, NULL);
}
