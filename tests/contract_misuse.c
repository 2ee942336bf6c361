/*
 * contract_misuse.c - bugs of the caller that the checked build must stop at,
 * with the address of the block in the sentence.
 */
#include <stdio.h>
#include <string.h>

#include "contract.h"

struct mistake {
	struct lab *lab;
	void *block;
	int frees;
};

static void make(void *ctx)
{
	const struct mistake *mistake = ctx;

	for (int i = 0; i < mistake->frees; i++)
		mistake->lab->allocator->free(mistake->lab->thread,
		                              mistake->block);
}

static void expect_stop(const struct mistake *mistake)
{
	struct mistake copy = *mistake;
	char address[32];

	snprintf(address, sizeof address, "%p: ", mistake->block);
	lab_expect_misuse(make, &copy, address);
}

void double_free(const struct setting *setting)
{
	static const size_t sizes[] = {1, 100, 3000, 200000};

	struct lab *lab = contract_open(setting);
	for (int i = 0; i < 4; i++) {
		lab_malloc(lab, sizes[i]);
		void *block = lab_malloc(lab, sizes[i]);
		lab_malloc(lab, sizes[i]);
		expect_stop(&(struct mistake){lab, block, 2});
	}
	for (int i = 0; i < lab->names; i++)
		lab_free(lab, lab->named[i]);
	lab_close(lab);
}

void foreign_pointer(const struct setting *setting)
{
	static _Alignas(16) char ours[256];

	struct lab *lab = contract_open(setting);
	lab_malloc(lab, 100);
	expect_stop(&(struct mistake){lab, ours + 64, 1});
	expect_stop(&(struct mistake){lab, PAGE_ARENA_BASE + (1ul << 35), 1});
	lab_close(lab);
}

/* The bytes before the pointer are the caller's: zero, or anything else. */
void interior_pointer(const struct setting *setting)
{
	static const int contents[] = {0x00, 0x41};
	static const size_t offsets[] = {16, 64, 8, 1};

	struct lab *lab = contract_open(setting);
	char *small = lab_malloc(lab, 200);
	char *large = lab_malloc(lab, 100000);
	for (int i = 0; i < 2; i++) {
		memset(small, contents[i], 200);
		memset(large, contents[i], 100000);
		for (int j = 0; j < 4; j++) {
			expect_stop(
				&(struct mistake){lab, small + offsets[j], 1});
			expect_stop(
				&(struct mistake){lab, large + offsets[j], 1});
		}
	}
	expect_stop(&(struct mistake){lab, large + 8192, 1});
	lab_close(lab);
}
