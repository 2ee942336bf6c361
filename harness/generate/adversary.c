/*
 * adversary.c - three sequences that make an allocator use as much as theory
 * says it can be made to use.
 *
 * All count in *units*.  A block of k units is requested as k * unit_bytes -
 * header_bytes, so that it occupies exactly k units in an allocator whose headers
 * take header_bytes.  None of them looks at addresses: they are plain traces.
 *
 * robson (M = units, n = 2^L the largest block).  Cycle i fills the memory with
 * blocks of 2^i units, then frees, of the blocks of each cycle, all but every
 * second, so that no hole left is large enough for the next cycle:
 *
 *     i = 0   |a|b|c|d|e|f|g|h|           free a c e g
 *     i = 1   | |b| |d| |f| |h|  ij|  kl|   no hole of two units
 *
 * First, best and next fit and the buddy system all end at M (1 + L/2) units.
 *
 * next-fit (m = units).  rounds times: x = malloc(m - 1), malloc(1), free(x).
 * A roving pointer that has the wilderness in its circle walks on and never comes
 * back to the holes: rounds * m units.  The other fits stay at m - 1 + rounds.
 *
 * buddy (r = largest_log2).  n = 2^(r+1) unit blocks; for k = 1..r: free every
 * block that does not start at a multiple of 2^k, then allocate n / 2^(k+1)
 * blocks of 2^k units.  Every aligned piece of 2^k stays occupied by one small
 * block, and buddy ends at (1 + r/2) n units.  Where buddy puts the blocks is
 * known without looking: one after the other.
 *
 * Sources.  [Robson74], [Knuth97, 2.5 exercise 41] (buddy), [Wilson95, 3.5] (why
 * a roving pointer spreads small blocks over the heap).
 */
#include "adversary.h"

#include <stdlib.h>

/* The blocks that one cycle allocated, in its order; NO_BLOCK once freed. */
struct cycle {
	uint32_t *blocks;
	uint64_t count;
};

static uint32_t allocate_units(struct program *program, uint64_t units)
{
	const struct settings *it = &program->spec->workload;
	struct birth birth = {.size = units * it->unit_bytes - it->header_bytes,
	                      .kind = TRACE_MALLOC};

	program->now++;
	return program_allocate(program, &birth);
}

static bool cycle_reserve(struct program *program, struct cycle *cycle,
                          uint64_t count)
{
	cycle->blocks = calloc(count, sizeof *cycle->blocks);
	if (cycle->blocks == NULL)
		program_fail_memory(program);
	return cycle->blocks != NULL;
}

static void cycle_allocate(struct program *program, struct cycle *cycle,
                           uint64_t units, uint64_t count)
{
	if (!cycle_reserve(program, cycle, count))
		return;
	while (cycle->count < count && !program->failed)
		cycle->blocks[cycle->count++] = allocate_units(program, units);
}

static void cycle_free_one(struct program *program, struct cycle *cycle,
                           uint64_t i)
{
	if (cycle->blocks[i] != NO_BLOCK && !program->failed)
		program_release(program, cycle->blocks[i], 0);
	cycle->blocks[i] = NO_BLOCK;
}

static void cycles_free(struct cycle *cycles, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		free(cycles[i].blocks);
}

/* Units that the blocks of a cycle occupy. */
static uint64_t cycle_live_units(const struct cycle *cycle, uint64_t units)
{
	uint64_t live = 0;

	for (uint64_t i = 0; i < cycle->count; i++)
		live += cycle->blocks[i] == NO_BLOCK ? 0 : units;
	return live;
}

static void play_robson(struct program *program)
{
	const struct settings *it = &program->spec->workload;
	struct cycle cycles[25] = {0};
	uint64_t largest = it->largest_log2;

	for (uint64_t i = 0; i <= largest && !program->failed; i++) {
		uint64_t live = 0;
		for (uint64_t j = 0; j < i; j++)
			live += cycle_live_units(&cycles[j], (uint64_t)1 << j);
		cycle_allocate(program, &cycles[i], (uint64_t)1 << i,
		               (it->units - live) >> i);
		for (uint64_t j = 0; j <= i && i < largest; j++)
			for (uint64_t k = 0; k < cycles[j].count; k++)
				if ((k + 1) % ((uint64_t)2 << (i - j)) != 0)
					cycle_free_one(program, &cycles[j], k);
	}
	cycles_free(cycles, largest + 1);
}

static void play_next_fit(struct program *program)
{
	const struct settings *it = &program->spec->workload;

	for (uint64_t i = 0; i < it->rounds && !program->failed; i++) {
		uint32_t large = allocate_units(program, it->units - 1);
		allocate_units(program, 1);
		if (!program->failed)
			program_release(program, large, 0);
	}
}

static void play_buddy(struct program *program)
{
	uint64_t largest = program->spec->workload.largest_log2;
	uint64_t units = (uint64_t)2 << largest;
	struct cycle cycles[25] = {0};

	cycle_allocate(program, &cycles[0], 1, units);
	for (uint64_t k = 1; k <= largest && !program->failed; k++) {
		uint64_t start = 0;
		for (uint64_t j = 0; j < k; j++) {
			for (uint64_t i = 0; i < cycles[j].count; i++) {
				if (start % ((uint64_t)1 << k) != 0)
					cycle_free_one(program, &cycles[j], i);
				start += (uint64_t)1 << j;
			}
		}
		cycle_allocate(program, &cycles[k], (uint64_t)1 << k,
		               units >> (k + 1));
	}
	cycles_free(cycles, largest + 1);
}

void adversary_play(struct program *program)
{
	static void (*const play[])(struct program *) = {
		[KIND_ROBSON] = play_robson,
		[KIND_NEXT_FIT] = play_next_fit,
		[KIND_BUDDY] = play_buddy,
	};

	play[program->spec->workload.kind](program);
}
