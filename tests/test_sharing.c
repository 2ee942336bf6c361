/*
 * test_sharing.c - the count of shared lines, against a count from scratch.
 */
#include <stdlib.h>
#include <string.h>

#include "lab.h"

#include "harness/measure/sharing.h"

enum { SLOTS = 400, LINES = 256, THREADS = 5 };

static const uintptr_t BASE = 0x7e9000000000;

static struct sharing sharing;

static void add(uint32_t slot, uintptr_t offset, size_t bytes, uint32_t thread)
{
	struct sharing_block block = {BASE + offset, bytes, thread};

	assert_true(sharing_add(&sharing, slot, block, slot + 1));
}

static void expect(uint64_t lines, uint64_t shared)
{
	assert_int_equal(sharing.lines, lines);
	assert_int_equal(sharing.shared_lines, shared);
}

static void a_line_of_two_threads_is_shared(void **state)
{
	(void)state;
	assert_true(sharing_open(&sharing, SLOTS));
	add(0, 0, 8, 0);
	add(1, 8, 8, 0);
	expect(1, 0);
	add(2, 16, 8, 1);
	expect(1, 1);
	add(3, 24, 8, 2); /* a third thread: still one line */
	expect(1, 1);
	sharing_remove(&sharing, 2);
	expect(1, 1);
	sharing_remove(&sharing, 0);
	sharing_remove(&sharing, 1);
	expect(1, 0);
	sharing_remove(&sharing, 3);
	expect(0, 0);
	assert_int_equal(sharing.peak_event, 3);
	assert_int_equal(sharing.peak_shared_lines, 1);
	sharing_close(&sharing);
}

/* 60..63 in line 0, 64..127 line 1 for itself, 128..131 in line 2. */
static void a_block_meets_others_at_its_ends(void **state)
{
	(void)state;
	assert_true(sharing_open(&sharing, SLOTS));
	add(0, 60, 72, 0);
	expect(2, 0);
	add(1, 0, 60, 1);
	expect(2, 1);
	add(2, 132, 4, 1);
	expect(2, 2);
	add(3, 192, 0, 1); /* malloc(0) has a place, too */
	expect(3, 2);
	sharing_remove(&sharing, 0);
	expect(3, 0);
	assert_int_equal(sharing.peak_event, 3);
	assert_int_equal(sharing.peak_lines, 2);
	sharing_close(&sharing);
}

/* Lines in use and shared, the slow way. */
static void count(const struct sharing_block *blocks, uint64_t *lines,
                  uint64_t *shared)
{
	static uint32_t users[LINES + 2];

	memset(users, 0, sizeof users);
	for (int i = 0; i < SLOTS; i++) {
		if (blocks[i].bytes == 0)
			continue;
		uintptr_t end = blocks[i].start - BASE + blocks[i].bytes - 1;
		users[(blocks[i].start - BASE) / LINE_BYTES] |=
			1u << blocks[i].thread;
		users[end / LINE_BYTES] |= 1u << blocks[i].thread;
	}
	*lines = *shared = 0;
	for (int i = 0; i < LINES + 2; i++) {
		*lines += users[i] != 0;
		*shared += (users[i] & (users[i] - 1)) != 0;
	}
}

static void any_order_gives_the_count_from_scratch(void **state)
{
	struct sharing_block blocks[SLOTS] = {0};
	uint64_t lines, shared, peak = 0;

	(void)state;
	srand(1);
	assert_true(sharing_open(&sharing, SLOTS));
	for (int step = 0; step < 20000; step++) {
		uint32_t slot = (uint32_t)(rand() % SLOTS);
		if (blocks[slot].bytes != 0) {
			sharing_remove(&sharing, slot);
			blocks[slot].bytes = 0;
		} else {
			add(slot, (uintptr_t)(rand() % (LINES * LINE_BYTES)),
			    1 + (size_t)(rand() % LINE_BYTES),
			    (uint32_t)(rand() % THREADS));
			blocks[slot] = sharing.blocks[slot];
		}
		count(blocks, &lines, &shared);
		expect(lines, shared);
		peak = shared > peak ? shared : peak;
	}
	assert_int_equal(sharing.peak_shared_lines, peak);
	sharing_close(&sharing);
}

/* More lines than the table first has room for. */
static void the_table_grows(void **state)
{
	enum { MANY = 20000 };

	(void)state;
	assert_true(sharing_open(&sharing, 2 * MANY));
	for (uint32_t i = 0; i < MANY; i++) {
		add(2 * i, (uintptr_t)i * LINE_BYTES, 8, 0);
		add(2 * i + 1, (uintptr_t)i * LINE_BYTES + 8, 8, 1);
	}
	expect(MANY, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		sharing_remove(&sharing, 2 * i);
	expect(MANY, 0);
	sharing_close(&sharing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_of_two_threads_is_shared),
		cmocka_unit_test(a_block_meets_others_at_its_ends),
		cmocka_unit_test(any_order_gives_the_count_from_scratch),
		cmocka_unit_test(the_table_grows),
	};
	return cmocka_run_group_tests_name("shared lines", tests, NULL, NULL);
}
