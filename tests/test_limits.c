/*
 * test_limits.c - heaps of every setting in a process that the system keeps
 * short: of address space (RLIMIT_AS; `ulimit -v 40000` leaves a shell about 32
 * MiB), of mappings (vm.max_map_count), or of memory that can be dropped
 * (mlockall).  What the system refuses in earnest here, test_heap_refusals.c
 * refuses in every combination.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "account.h"
#include "known.h"
#include "settings.h"

enum { MIB = 1 << 20 };

/* ---- what a process can be short of -------------------------------------- */

/* All return NULL, or why the system has no such limit. */
struct limit {
	const char *(*impose)(void); /* in the child, and after lift() */
	void (*lift)(void);
	size_t blocks_max;
};

enum { SPACE_BYTES = 32 * MIB };

static const char *limit_space(void)
{
	unsigned long used_pages;
	FILE *file = fopen("/proc/self/statm", "r");
	static struct rlimit limit;

	if (limit.rlim_cur == 0) { /* as much as is used now, and 32 MiB */
		if (file == NULL || fscanf(file, "%lu", &used_pages) != 1)
			return "no /proc/self/statm";
		limit.rlim_cur = used_pages * PAGE_BYTES + SPACE_BYTES;
		limit.rlim_max = RLIM_INFINITY;
	}
	if (file != NULL)
		fclose(file);
	return setrlimit(RLIMIT_AS, &limit) == 0 ? NULL : "no RLIMIT_AS";
}

static void lift_space(void)
{
	const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_AS, &none);
}

static const char *lock_memory(void)
{
	return mlockall(MCL_CURRENT | MCL_FUTURE) == 0
	               ? NULL
	               : "mlockall is not allowed";
}

static void unlock_nothing(void)
{
}

/* A range of which every other page is a mapping of its own. */
enum { FILLER_PAGES = 1 << 18, MAPPINGS_LEFT = 12 };
static char *filler;

static const char *use_up_mappings(void)
{
	size_t page = 1;

	filler = mmap(NULL, (size_t)FILLER_PAGES * PAGE_BYTES, PROT_NONE,
	              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (filler == MAP_FAILED)
		return "no room for mappings";
	while (page < FILLER_PAGES &&
	       mprotect(filler + page * PAGE_BYTES, PAGE_BYTES, PROT_READ) == 0)
		page += 2;
	if (page >= FILLER_PAGES)
		return "max_map_count is above 262144";
	return mprotect(filler, 2 * MAPPINGS_LEFT * PAGE_BYTES, PROT_NONE) == 0
	               ? NULL
	               : "a mapping cannot be given back";
}

static void give_mappings_back(void)
{
	munmap(filler, (size_t)FILLER_PAGES * PAGE_BYTES);
}

static const struct limit little_space = {limit_space, lift_space, 1 << 13};
static const struct limit locked_memory = {lock_memory, unlock_nothing, 2000};
static const struct limit few_mappings = {use_up_mappings, give_mappings_back,
                                          3000};

/* ---- a heap's life ------------------------------------------------------- */

enum { BLOCKS_MAX = 1 << 13 };

struct held {
	unsigned char *start;
	size_t size;
};

/* A heap that is filled to the brim, in a child that reports to its parent. */
struct report {
	size_t live_bytes; /* when it was full */
	char wrong[256];
};

static struct held held[BLOCKS_MAX];
static size_t held_count;

static void fill(const struct held *block, size_t index)
{
	memset(block->start, (int)(index % 251 + 1), block->size);
}

static bool is_intact(const struct held *block, size_t index)
{
	unsigned char value = (unsigned char)(index % 251 + 1);

	return block->size == 0 ||
	       (block->start[0] == value &&
	        memcmp(block->start, block->start + 1, block->size - 1) == 0);
}

/* Small blocks mostly, a large one now and then. */
static size_t draw(uint64_t *random)
{
	size_t limit = (size_t)1 << random_between(random, 7, 16);

	if (random_between(random, 0, 499) == 0)
		limit = 900000;
	return random_between(random, 1, limit);
}

/* Allocates until a call is refused; the bytes that are live then. */
static size_t fill_up(struct lab *lab, uint64_t *random, size_t blocks_max)
{
	size_t live_bytes = 0;

	for (held_count = 0; held_count < blocks_max; held_count++) {
		struct held *block = &held[held_count];
		block->size = lab_fit_size(lab, draw(random));
		errno = 0;
		block->start = lab->allocator->malloc(lab->thread, block->size);
		if (block->start == NULL)
			break;
		fill(block, held_count);
		live_bytes += block->size;
	}
	return live_bytes;
}

/* Frees every other block, or all that are left; false if one has changed. */
static bool empty(struct lab *lab, size_t step)
{
	for (size_t i = 0; i < held_count; i += step) {
		if (held[i].start == NULL)
			continue;
		if (!is_intact(&held[i], i))
			return false;
		lab->allocator->free(lab->thread, held[i].start);
		held[i].start = NULL;
	}
	return true;
}

static bool is_zero(const struct held *block)
{
	return block->size == 0 ||
	       (block->start[0] == 0 &&
	        memcmp(block->start, block->start + 1, block->size - 1) == 0);
}

/* Where every other block was there are zero ones now; NULL, or what is not. */
static const char *refill(struct lab *lab)
{
	for (size_t i = 0; i < held_count; i += 2) {
		held[i].start =
			lab->allocator->zero_malloc(lab->thread, held[i].size);
		if (held[i].start == NULL)
			continue;
		if (!is_zero(&held[i]))
			return "zero_malloc's bytes are not zero";
		fill(&held[i], i);
	}
	return NULL;
}

/* Looking at a heap takes memory that does not count. */
static const char *look(struct lab *lab, const struct limit *limit)
{
	limit->lift();
	const char *wrong = account_heap_wrong(lab);
	const char *reason = limit->impose();
	return wrong != NULL ? wrong : reason;
}

static const char *use_up(struct lab *lab, const struct limit *limit,
                          struct report *report)
{
	uint64_t random = 1;

	report->live_bytes = fill_up(lab, &random, limit->blocks_max);
	if (held_count < limit->blocks_max && errno != ENOMEM)
		return "errno is not ENOMEM";
	const char *wrong = look(lab, limit);
	if (wrong != NULL)
		return wrong;
	if (!empty(lab, 2))
		return "a block lost its contents in the full heap";
	lab->allocator->trim(lab->heap);
	wrong = refill(lab);
	if (wrong != NULL)
		return wrong;
	if (!empty(lab, 1))
		return "a block lost its contents afterwards";
	lab->allocator->trim(lab->heap);
	return look(lab, limit);
}

static const char *live_with(const struct setting *setting,
                             const struct limit *limit, struct report *report)
{
	static struct lab lab;
	const struct page_source_options os = {.kind = PAGE_SOURCE_OS};
	char message[512];

	lab.allocator = setting->allocator;
	lab.single_thread = 1;
	knob_defaults(setting->allocator->knobs, &lab.values);
	if (!knob_parse(setting->allocator->knobs, setting->knobs, &lab.values,
	                message, sizeof message) ||
	    !page_source_open(&lab.pages, &os))
		return "the test itself";
	const char *wrong = limit->impose();
	if (wrong != NULL)
		return wrong;
	lab.heap = lab.allocator->create(&lab.values, &lab.pages,
	                                 &lab.single_thread);
	if (lab.heap == NULL && setting->derived && errno == ENOMEM)
		return NULL;
	if (lab.heap == NULL)
		return "create was refused";
	lab.thread = lab.allocator->attach(lab.heap);
	if (lab.thread == NULL)
		return "attach was refused";
	wrong = use_up(&lab, limit, report);
	if (wrong != NULL)
		return wrong;
	lab.allocator->detach(lab.thread);
	lab.allocator->destroy(lab.heap);
	return lab.pages.committed_bytes == 0 && lab.pages.reserved_bytes == 0
	               ? NULL
	               : "destroy left pages";
}

static struct report live_in_child(const struct setting *setting,
                                   const struct limit *limit)
{
	struct report *shared =
		mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
	             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	assert_ptr_not_equal(shared, MAP_FAILED);
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const char *wrong = live_with(setting, limit, shared);
		snprintf(shared->wrong, sizeof shared->wrong, "%s",
		         wrong == NULL ? "" : wrong);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (status != 0)
		fail_msg("%s: the child ended with status %x", setting->name,
		         status);
	struct report report = *shared;
	munmap(shared, sizeof *shared);
	return report;
}

/* Fails the test where a heap went wrong; what was live when it was full. */
static size_t live_under(const struct setting *setting,
                         const struct limit *limit)
{
	struct report report = live_in_child(setting, limit);

	if (report.wrong[0] != '\0')
		fail_msg("%s: %s", setting->name, report.wrong);
	if (getenv("VERBOSE") != NULL)
		printf("# %s: %.1f MiB live\n", setting->name,
		       (double)report.live_bytes / MIB);
	return report.live_bytes;
}

/*
 * What must be had of the 32 MiB at least.  Of a derived setting nothing but a
 * clean refusal: growth=1G, chunk=64M.
 */
static size_t least_live(const struct setting *setting)
{
	return setting->derived || setting->allocator->serves != NULL ? 0
	                                                              : 6 * MIB;
}

static void every_heap_lives_in_little_space(void **state)
{
	size_t count;
	const struct setting *settings = settings_collect(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		if (settings[i].allocator->ignores_page_source)
			continue;
		size_t live = live_under(&settings[i], &little_space);
		if (live < least_live(&settings[i]))
			fail_msg("%s: full with %zu bytes live",
			         settings[i].name, live);
	}
}

/* The settings that were chosen: 65,530 mappings take their time. */
static void live_with_chosen(const struct limit *limit)
{
	size_t count;
	const struct setting *settings = settings_collect(&count);

	for (size_t i = 0; i < count; i++)
		if (!settings[i].derived &&
		    !settings[i].allocator->ignores_page_source)
			live_under(&settings[i], limit);
}

/* In a child: it would stay. */
static bool is_possible(const struct limit *limit)
{
	int status;

	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const char *reason = limit->impose();
		if (reason != NULL)
			printf("# left out: %s\n", reason);
		fflush(NULL);
		_exit(reason != NULL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status == 0;
}

static void every_heap_lives_with_few_mappings(void **state)
{
	(void)state;
	if (!is_possible(&few_mappings))
		skip();
	live_with_chosen(&few_mappings);
}

static void every_heap_lives_in_locked_memory(void **state)
{
	(void)state;
	if (!is_possible(&locked_memory))
		skip();
	live_with_chosen(&locked_memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_heap_lives_in_little_space),
		cmocka_unit_test(every_heap_lives_with_few_mappings),
		cmocka_unit_test(every_heap_lives_in_locked_memory),
	};
	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
