/*
 * contract_random.c - random lives, the same in every run.
 *
 * A life is a row of phases.  Each has its own sizes, its own number of live
 * blocks to rise or fall to, and its own idea of who dies next, so that ramps,
 * plateaus, saw-teeth and changes of the size mix all occur.
 */
#include <stdio.h>

#include "contract.h"

enum mix { SMALL, POWERS, ANY, PAGES, LARGE };
enum death { AT_RANDOM, NEWEST, OLDEST };

struct phase {
	enum mix mix;
	enum death death;
	size_t live_percent; /* of the life's number of live blocks */
};

static const struct phase phases[] = {
	{SMALL, AT_RANDOM, 100}, {ANY, AT_RANDOM, 100},
	{POWERS, NEWEST, 20},    {PAGES, AT_RANDOM, 40},
	{SMALL, OLDEST, 100},    {LARGE, AT_RANDOM, 15},
	{ANY, OLDEST, 60},       {POWERS, AT_RANDOM, 100},
	{SMALL, NEWEST, 0},
};

enum { PHASES = sizeof phases / sizeof phases[0] };

static size_t draw_size(uint64_t *random, enum mix mix)
{
	size_t power = (size_t)1 << random_between(random, 3, 13);

	switch (mix) {
	case SMALL:
		return random_between(random, 0, 128);
	case POWERS:
		return power + random_between(random, 0, 2) - 1;
	case ANY:
		return random_between(random, power / 2, power);
	case PAGES:
		return random_between(random, 3000, 40000);
	case LARGE:
		break;
	}
	return random_between(random, 0, 7) == 0
	               ? random_between(random, 100000, 3000000)
	               : random_between(random, 1, 60000);
}

static void allocate(struct known *known, uint64_t *random, enum mix mix)
{
	size_t size = draw_size(random, mix);

	switch (random_between(random, 0, 11)) {
	case 0:
		known_zero(known, size);
		break;
	case 1:
		known_aligned(known, 1ul << random_between(random, 0, 13),
		              size);
		break;
	default:
		known_malloc(known, size);
	}
}

static size_t choose_victim(const struct known *known, uint64_t *random,
                            enum death death)
{
	switch (death) {
	case NEWEST:
		return known->count - 1;
	case OLDEST:
		return 0;
	case AT_RANDOM:
		break;
	}
	return random_between(random, 0, known->count - 1);
}

static void call_once(struct known *known, uint64_t *random,
                      const struct phase *phase, size_t live)
{
	size_t chance = random_between(random, 0, 99);
	size_t wish = live * phase->live_percent / 100;

	if (known->count > 0 && chance < 10) {
		known_realloc(known,
		              random_between(random, 0, known->count - 1),
		              draw_size(random, phase->mix) + 1);
		return;
	}
	if (known->count == 0 || chance < (known->count < wish ? 70 : 40))
		allocate(known, random, phase->mix);
	else
		known_free(known, choose_victim(known, random, phase->death));
}

/*
 * About `calls` calls with about `live` blocks at a time.  check() and the walk
 * every `verify_every` calls, all contents at the end of every phase (and those
 * of each block when it is resized or freed).
 */
void contract_churn(struct known *known, uint64_t seed, size_t calls,
                    size_t live, size_t verify_every)
{
	uint64_t random = seed;

	for (int i = 0; i < PHASES; i++) {
		for (size_t call = 1; call <= calls / PHASES + 1; call++) {
			call_once(known, &random, &phases[i], live);
			if (call % verify_every != 0)
				continue;
			lab_check(known->lab);
			lab_check_walk(known->lab, (long)known->count);
		}
		known_verify(known);
	}
}

void random_calls(const struct setting *setting)
{
	uint64_t lives = setting->derived ? 2 : 8;

	for (uint64_t seed = 1; seed <= lives; seed++) {
		struct lab *lab = contract_open(setting);
		struct known known;
		known_start(&known, lab);
		contract_churn(&known, seed, 250, 40, 1);
		known_end(&known);
		lab_close(lab);
	}
}

void random_calls_big_heap(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	size_t calls = setting->derived ? 2000 : 10000;
	struct known known;

	known_start(&known, lab);
	contract_churn(&known, 99, calls, calls / 8, calls / 20);
	known_end(&known);
	lab_close(lab);
}

static char knobs_drawn[256]; /* while random_knobs() runs */

int contract_say_knobs(void **state)
{
	(void)state;
	if (knobs_drawn[0] != '\0')
		printf("# it failed with %s\n", knobs_drawn);
	knobs_drawn[0] = '\0';
	return 0;
}

/* All knobs at once: what no list of chosen settings would think of. */
void random_knobs(const struct setting *setting)
{
	struct setting drawn;
	int tried = 0;

	for (uint64_t n = 1; tried < 60 && n < 1000; n++) {
		if (!settings_draw(setting->allocator, n, &drawn))
			continue;
		struct lab *lab = contract_open(&drawn);
		struct known known;
		tried++;
		snprintf(knobs_drawn, sizeof knobs_drawn, "%s", drawn.name);
		known_start(&known, lab);
		contract_churn(&known, n, 150, 30, 3);
		known_end(&known);
		lab_close(lab);
	}
	knobs_drawn[0] = '\0';
	assert_true(tried > 1);
}

struct outcome {
	uint64_t trail;
	struct heap_stats stats;
	size_t peak_committed_bytes;
	uint64_t calls[PAGE_CALLS];
};

static struct outcome live_once(const struct setting *setting)
{
	struct lab *lab = contract_open(setting);
	struct outcome outcome;
	struct known known;

	known_start(&known, lab);
	contract_churn(&known, 7, 300, 50, 100);
	outcome.trail = known.trail;
	outcome.stats = lab_stats(lab);
	outcome.peak_committed_bytes = lab->pages.peak_committed_bytes;
	for (int i = 0; i < PAGE_CALLS; i++)
		outcome.calls[i] = lab->pages.calls[i];
	known_end(&known);
	lab_close(lab);
	return outcome;
}

void same_calls_same_heap(const struct setting *setting)
{
	struct outcome first = live_once(setting);
	struct outcome second = live_once(setting);

	assert_int_equal(first.trail, second.trail);
	assert_int_equal(first.peak_committed_bytes,
	                 second.peak_committed_bytes);
	assert_memory_equal(first.calls, second.calls, sizeof first.calls);
	assert_memory_equal(&first.stats, &second.stats, sizeof first.stats);
}
