/*
 * contract_threads.c - what holds while OS threads share a heap, when some of
 * them end, and when the process forks.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "account.h"
#include "contract.h"
#include "crew.h"

enum { SHIFTS = 2 };

static void require_account(struct lab *lab, long live)
{
	const char *wrong = account_wrong(lab, live);

	if (wrong != NULL)
		fail_msg("%s", wrong);
}

/*
 * First one thread alone, when no lock is needed; then all of them, and what
 * the one has left is there when they are done.
 */
static void share(const struct setting *setting, const struct crew_plan *plan)
{
	struct lab *lab = contract_open(setting);
	struct known known;

	known_start(&known, lab);
	contract_churn(&known, 3, 100, 30, 100);
	known_malloc(&known, 1000);
	struct crew *crew = crew_start(lab, plan);
	for (int shift = 0; shift < SHIFTS; shift++) {
		crew_work(crew);
		for (size_t i = 0; i < known.count; i++)
			known_realloc(&known, i, known.blocks[i].size + 1);
		if (shift == 0)
			known_end(&known);
		crew_verify(crew);
	}
	crew_end(crew);
	lab_close(lab);
}

void threads_of_private_work(const struct setting *setting)
{
	share(setting, &(struct crew_plan){.threads = CREW_MAX,
	                                   .calls = 2000,
	                                   .live = 60,
	                                   .size_max = 40000});
}

void threads_free_for_each_other(const struct setting *setting)
{
	share(setting, &(struct crew_plan){.threads = CREW_MAX,
	                                   .calls = 2000,
	                                   .live = 60,
	                                   .size_max = 20000,
	                                   .gifts_percent = 80});
}

void threads_come_and_go(const struct setting *setting)
{
	share(setting, &(struct crew_plan){.threads = CREW_MAX,
	                                   .calls = 1500,
	                                   .live = 40,
	                                   .size_max = 10000,
	                                   .gifts_percent = 40,
	                                   .attach_every = 25});
}

void counts_and_trim_beside_threads(const struct setting *setting)
{
	share(setting, &(struct crew_plan){.threads = CREW_MAX - 1,
	                                   .calls = 2000,
	                                   .live = 50,
	                                   .size_max = 60000,
	                                   .gifts_percent = 30,
	                                   .attach_every = 200,
	                                   .looks_on = true});
}

/* ---- usage --------------------------------------------------------------- */

void usage_is_the_walk(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct thread_heap *second = lab->allocator->attach(lab->heap);
	struct known known;

	assert_non_null(second);
	require_account(lab, 0);
	known_start(&known, lab);
	for (uint64_t turn = 0; turn < 20; turn++) {
		known.self = turn % 2 == 0 ? second : lab->thread;
		contract_churn(&known, turn, 60, 40, 60);
		known_malloc(&known, 70 * turn);
		require_account(lab, (long)known.count);
	}
	struct heap_usage usage = account_usage(lab);
	assert_int_equal(usage.handles, 2);
	assert_int_equal(usage.abandoned, 0);
	for (unsigned i = 0; i < usage.lock_count; i++)
		assert_int_equal(usage.locks[i].waited, 0);
	lab->allocator->detach(second);
	known.self = lab->thread;
	known_end(&known);
	require_account(lab, 0);
	assert_int_equal(account_usage(lab).handles, 1);
	lab_close(lab);
}

/* ---- handles that end ---------------------------------------------------- */

void detach_flushes(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct thread_heap *second = lab->allocator->attach(lab->heap);
	struct known known;

	assert_non_null(second);
	known_start(&known, lab);
	known.self = second;
	contract_churn(&known, 11, 300, 60, 100);
	known_free_all(&known);
	lab->allocator->detach(second);
	struct heap_usage usage = account_usage(lab);
	assert_int_equal(usage.handles, 1);
	assert_int_equal(usage.live_bytes, 0);
	assert_int_equal(account_thread_bytes(&usage), 0);
	require_account(lab, 0);
	known.self = lab->thread;
	known_end(&known);
	lab_close(lab);
}

/* A life of one handle: what it allocates is freed by it, or by another. */
static void live_and_go(struct lab *lab, uint64_t *random)
{
	struct thread_heap *self = lab->allocator->attach(lab->heap);
	void *blocks[40];

	assert_non_null(self);
	for (int i = 0; i < 40; i++) {
		blocks[i] = lab->allocator->malloc(
			self,
			lab_fit_size(lab, random_between(random, 1, 300)));
		assert_non_null(blocks[i]);
	}
	for (int i = 0; i < 40; i++)
		lab->allocator->free(i % 2 == 0 ? self : lab->thread,
		                     blocks[i]);
	lab->allocator->detach(self);
}

enum { LIVES = 100, LIVES_SLACK = 64 << 10 };

/* As many lives again need no more memory, but for a few pages. */
void lives_leave_nothing_behind(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	uint64_t random = 1;

	for (int i = 0; i < LIVES; i++)
		live_and_go(lab, &random);
	size_t before = lab->pages.committed_bytes;
	for (int i = 0; i < LIVES; i++)
		live_and_go(lab, &random);
	assert_in_range(lab->pages.committed_bytes, 0, before + LIVES_SLACK);
	lab_check(lab);
	lab_check_walk(lab, 0);
	lab_close(lab);
}

/* ---- fork ---------------------------------------------------------------- */

enum { OURS = 64, FORKS = 3, CHILD_SECONDS = 10, CHILD_ROUNDS = 1500 };

/* Blocks of the thread that forks, each full of its number. */
struct ours {
	struct lab *lab;
	unsigned char *blocks[OURS];
	size_t sizes[OURS];
	char *sentence; /* shared with the child: what is wrong there */
};

static bool take_block(struct ours *ours, struct thread_heap *self, size_t i)
{
	ours->sizes[i] = lab_fit_size(ours->lab, 1 + i * i * 7 % 3000);
	ours->blocks[i] = ours->lab->allocator->malloc(self, ours->sizes[i]);
	if (ours->blocks[i] == NULL)
		return false;
	memset(ours->blocks[i], (int)i, ours->sizes[i]);
	return true;
}

static bool is_ours(const struct ours *ours, size_t i)
{
	const unsigned char *block = ours->blocks[i];

	return ours->sizes[i] == 0 ||
	       (block[0] == i &&
	        memcmp(block, block + 1, ours->sizes[i] - 1) == 0);
}

/* Frees each block and allocates it anew, with one handle and with another. */
static const char *use_heap(struct ours *ours)
{
	const struct allocator *allocator = ours->lab->allocator;
	struct thread_heap *second = allocator->attach(ours->lab->heap);

	if (second == NULL)
		return "attach was refused";
	for (size_t round = 0; round < CHILD_ROUNDS; round++) {
		struct thread_heap *self =
			round / OURS % 2 == 0 ? ours->lab->thread : second;
		size_t i = round % OURS;
		if (!is_ours(ours, i))
			return "a block lost its contents";
		allocator->free(self, ours->blocks[i]);
		if (!take_block(ours, self, i))
			return "malloc was refused";
	}
	for (size_t i = 0; i < OURS; i++)
		allocator->free(second, ours->blocks[i]);
	allocator->detach(second);
	allocator->trim(ours->lab->heap);
	return NULL;
}

/* NULL, or what is wrong in the child. */
static const char *live_on(struct ours *ours, uint64_t others)
{
	struct heap_usage usage = account_usage(ours->lab);
	const char *wrong = NULL;

	if (usage.handles != 1)
		return "not one handle is left";
	if (usage.abandoned != others)
		return "the abandoned handles are not counted";
	wrong = account_heap_wrong(ours->lab);
	if (wrong == NULL)
		wrong = use_heap(ours);
	return wrong != NULL ? wrong : account_heap_wrong(ours->lab);
}

static void run_child(struct ours *ours, uint64_t others)
{
	struct lab *lab = ours->lab;

	alarm(CHILD_SECONDS);
	page_source_fork_child(&lab->pages);
	lab->allocator->fork_child(lab->heap, lab->thread);
	const char *wrong = live_on(ours, others);
	if (wrong != NULL)
		snprintf(ours->sentence, PAGE_BYTES, "%s", wrong);
	_exit(wrong != NULL);
}

static void fork_once(struct ours *ours, uint64_t others)
{
	struct lab *lab = ours->lab;
	int status;

	lab->allocator->fork_prepare(lab->heap);
	page_source_fork_prepare(&lab->pages);
	pid_t child = fork();
	if (child == 0)
		run_child(ours, others);
	page_source_fork_parent(&lab->pages);
	lab->allocator->fork_parent(lab->heap);
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		fail_msg("the child ended by signal %d", WTERMSIG(status));
	if (status != 0)
		fail_msg("in the child: %s", ours->sentence);
}

static void open_ours(struct ours *ours, struct lab *lab)
{
	*ours = (struct ours){.lab = lab};
	ours->sentence = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
	                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(ours->sentence, MAP_FAILED);
	for (size_t i = 0; i < OURS; i++)
		assert_true(take_block(ours, lab->thread, i));
}

static void close_ours(struct ours *ours)
{
	for (size_t i = 0; i < OURS; i++) {
		assert_true(is_ours(ours, i));
		ours->lab->allocator->free(ours->lab->thread, ours->blocks[i]);
	}
	munmap(ours->sentence, PAGE_BYTES);
}

/* Nobody else is there: the hooks alone. */
void a_lone_thread_forks(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct picture before;
	struct ours ours;

	open_ours(&ours, lab);
	picture_take(&before, lab);
	for (int i = 0; i < FORKS; i++)
		fork_once(&ours, 0);
	picture_require_same(&before, lab);
	picture_drop(&before);
	lab_share(lab);
	fork_once(&ours, 0);
	close_ours(&ours);
	lab_close(lab);
}

void a_thread_forks_beside_others(const struct setting *setting)
{
	const struct crew_plan plan = {.threads = CREW_MAX - 1,
	                               .calls = 2000,
	                               .live = 50,
	                               .size_max = 30000,
	                               .gifts_percent = 30};
	struct lab *lab = contract_open(setting);
	struct ours ours;

	open_ours(&ours, lab);
	struct crew *crew = crew_start(lab, &plan);
	crew_begin(crew);
	while (account_usage(lab).handles < CREW_MAX)
		usleep(200); /* until they are all at work */
	for (int i = 0; i < FORKS; i++) {
		fork_once(&ours, CREW_MAX - 1);
		usleep(2000);
	}
	close_ours(&ours);
	crew_stop(crew);
	crew_verify(crew);
	crew_end(crew);
	assert_int_equal(account_usage(lab).abandoned, 0);
	lab_close(lab);
}
