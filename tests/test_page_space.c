/*
 * test_page_space.c - an OS source, and a heap of every setting on one, in a
 * process that may have little address space (RLIMIT_AS), as batch systems and
 * course servers set it: `ulimit -v 40000` leaves a shell about 32 MiB.
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
#include "allocators/common/bits.h"
#include "known.h"
#include "settings.h"

enum { MIB = 1 << 20 };

static bool is_zero(const char *start, size_t bytes)
{
	return start[0] == 0 && memcmp(start, start + 1, bytes - 1) == 0;
}

/* Leaves this process `bytes` of address space more than it has now. */
static bool limit_address_space(size_t bytes)
{
	unsigned long used_pages;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file == NULL || fscanf(file, "%lu", &used_pages) != 1)
		return false;
	fclose(file);
	const struct rlimit limit = {
		.rlim_cur = used_pages * PAGE_BYTES + bytes,
		.rlim_max = RLIM_INFINITY,
	};
	return setrlimit(RLIMIT_AS, &limit) == 0;
}

/* In a child without cmocka: the number of the first claim that is false. */
static int live_in_little_space(void)
{
	const struct page_source_options options = {.kind = PAGE_SOURCE_OS};
	struct page_source source;

	if (!limit_address_space(64 * MIB))
		return 1;
	if (!page_source_open(&source, &options))
		return 2;
	char *start = page_source_grow(&source, MIB);
	if (start == NULL || !is_zero(start, MIB))
		return 3;
	if (page_source_grow(&source, MIB) != start + MIB)
		return 4;
	char *chunk = page_source_map(&source, MIB, MIB);
	if (chunk == NULL || !is_aligned(chunk, MIB))
		return 5;
	errno = 0;
	if (page_source_grow(&source, 512 * MIB) != NULL || errno != ENOMEM)
		return 6;
	errno = 0;
	if (page_source_reserve(&source, 512 * MIB, PAGE_BYTES) != NULL ||
	    errno != ENOMEM)
		return 7;
	if (source.committed_bytes != 3 * MIB)
		return 8;
	const struct page_source_options arena_options = {
		.kind = PAGE_SOURCE_ARENA};
	struct page_source second;
	errno = 0;
	if (page_source_open(&second, &arena_options) || errno != ENOMEM)
		return 9;
	page_source_unmap(&source, chunk, MIB);
	page_source_close(&source);
	return 0;
}

static void little_address_space_is_enough(void **state)
{
	int status;

	(void)state;
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(live_in_little_space());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- every allocator ----------------------------------------------------- */

enum { SPACE_BYTES = 32 * MIB, BLOCKS_MAX = 1 << 13 };

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
static size_t fill_up(struct lab *lab, uint64_t *random)
{
	size_t live_bytes = 0;

	for (held_count = 0; held_count < BLOCKS_MAX; held_count++) {
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

/* Looking at a heap takes memory that does not count. */
static const char *look(struct lab *lab)
{
	const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit limit;

	getrlimit(RLIMIT_AS, &limit);
	setrlimit(RLIMIT_AS, &none);
	const char *wrong = account_heap_wrong(lab);
	setrlimit(RLIMIT_AS, &limit);
	return wrong;
}

static const char *use_up(struct lab *lab, struct report *report)
{
	uint64_t random = 1;

	report->live_bytes = fill_up(lab, &random);
	if (held_count < BLOCKS_MAX && errno != ENOMEM)
		return "errno is not ENOMEM";
	const char *wrong = look(lab);
	if (wrong != NULL)
		return wrong;
	if (!empty(lab, 2))
		return "a block lost its contents in the full heap";
	for (size_t i = 0; i < held_count; i += 2) {
		held[i].start =
			lab->allocator->malloc(lab->thread, held[i].size);
		if (held[i].start != NULL)
			fill(&held[i], i);
	}
	if (!empty(lab, 1))
		return "a block lost its contents afterwards";
	lab->allocator->trim(lab->heap);
	return look(lab);
}

static const char *live_with(const struct setting *setting,
                             struct report *report)
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
	if (!limit_address_space(SPACE_BYTES))
		return "no limit can be set";
	lab.heap = lab.allocator->create(&lab.values, &lab.pages,
	                                 &lab.single_thread);
	if (lab.heap == NULL && setting->derived && errno == ENOMEM)
		return NULL;
	if (lab.heap == NULL)
		return "create was refused";
	lab.thread = lab.allocator->attach(lab.heap);
	if (lab.thread == NULL)
		return "attach was refused";
	const char *wrong = use_up(&lab, report);
	if (wrong != NULL)
		return wrong;
	lab.allocator->detach(lab.thread);
	lab.allocator->destroy(lab.heap);
	return lab.pages.committed_bytes == 0 && lab.pages.reserved_bytes == 0
	               ? NULL
	               : "destroy left pages";
}

static struct report live_in_child(const struct setting *setting)
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
		const char *wrong = live_with(setting, shared);
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
		struct report report = live_in_child(&settings[i]);
		if (report.wrong[0] != '\0')
			fail_msg("%s: %s", settings[i].name, report.wrong);
		if (getenv("VERBOSE") != NULL)
			printf("# %s: %.1f MiB live in %d\n", settings[i].name,
			       (double)report.live_bytes / MIB,
			       SPACE_BYTES / MIB);
		if (report.live_bytes < least_live(&settings[i]))
			fail_msg("%s: full with %zu bytes live",
			         settings[i].name, report.live_bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(little_address_space_is_enough),
		cmocka_unit_test(every_heap_lives_in_little_space),
	};
	return cmocka_run_group_tests_name("page space", tests, NULL, NULL);
}
