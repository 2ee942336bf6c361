/*
 * test_heap_refusals.c - heaps of every setting on a kernel that says no: every
 * block keeps its contents, what is to be zero is, and the accounts stay exact.
 */
#include <stdio.h>

#include "contract.h"
#include "moody_kernel.h"

enum { CALLS = 800, LIVE = 120 };

static const char *current; /* the setting that is tried */

static int say_current(void **state)
{
	(void)state;
	if (current != NULL)
		printf("# it failed with %s\n", current);
	current = NULL;
	return 0;
}

static const struct page_source_options on_moody = {.kind = PAGE_SOURCE_OS,
                                                    .kernel = &MOODY_KERNEL};

/* One life of a heap in which the kernel is in such a mood. */
static unsigned long live_through(const struct setting *setting,
                                  const struct moods *moods, uint64_t seed)
{
	struct known known;

	moody_calm();
	struct lab *lab =
		lab_open_on(setting->allocator, setting->knobs, &on_moody);
	assert_non_null(lab);
	known_start(&known, lab);
	contract_churn(&known, seed, CALLS / 4, LIVE, 20);
	known.may_refuse = true;
	moody = *moods;
	contract_churn(&known, seed + 1, CALLS, LIVE, 20);
	unsigned long refused = moody.refused;
	if (known.refused > 0)
		assert_true(lab->pages.refused > 0);
	lab->allocator->trim(lab->heap);
	known_verify(&known);
	moody_calm();
	known.may_refuse = false;
	contract_churn(&known, seed + 2, CALLS / 4, LIVE, 20);
	lab->allocator->trim(lab->heap);
	known_verify(&known);
	known_end(&known);
	lab_close(lab);
	return refused;
}

/* All settings with one mood; at least one of them has to have met it. */
static void live_all(const struct moods *moods)
{
	size_t count;
	const struct setting *settings = settings_collect(&count);
	unsigned long refused = 0;

	for (size_t i = 0; i < count; i++) {
		if (settings[i].allocator->ignores_page_source)
			continue;
		current = settings[i].name;
		refused += live_through(&settings[i], moods, i + 1);
	}
	current = NULL;
	assert_true(refused > count);
}

static void memory_that_is_locked_stays_but_is_zero(void **state)
{
	const struct moods locked = {.madvise = 1, .mmap_most = SIZE_MAX};

	(void)state;
	live_all(&locked);
}

static void nothing_can_be_unmapped(void **state)
{
	const struct moods moods = {.munmap = 1, .mmap_most = SIZE_MAX};

	(void)state;
	live_all(&moods);
}

static void some_calls_are_refused(void **state)
{
	const struct moods moods = {.mmap = 3,
	                            .munmap = 2,
	                            .mprotect = 3,
	                            .madvise = 2,
	                            .mremap = 2,
	                            .mmap_most = SIZE_MAX};

	(void)state;
	live_all(&moods);
}

static void no_call_is_granted(void **state)
{
	const struct moods moods = {.mmap = 1,
	                            .munmap = 1,
	                            .mprotect = 1,
	                            .madvise = 1,
	                            .mremap = 1,
	                            .mmap_most = SIZE_MAX};

	(void)state;
	live_all(&moods);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			memory_that_is_locked_stays_but_is_zero, say_current),
		cmocka_unit_test_teardown(nothing_can_be_unmapped, say_current),
		cmocka_unit_test_teardown(some_calls_are_refused, say_current),
		cmocka_unit_test_teardown(no_call_is_granted, say_current),
	};
	return cmocka_run_group_tests_name("heap refusals", tests, NULL, NULL);
}
