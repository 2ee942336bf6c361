/*
 * contract_faults.c - the page source refuses its first call, then its second,
 * and so on, until a whole script runs without being refused anything.
 */
#include <errno.h>
#include <stdlib.h>

#include "contract.h"

enum step_kind { MALLOC, ZERO, ALIGNED, REALLOC, FREE, ATTACH, TRIM };

/* Blocks are numbered from the newest: 0 is the one allocated last. */
struct step {
	enum step_kind kind;
	size_t size;
	size_t align; /* of ALIGNED */
	size_t block; /* of REALLOC and FREE */
};

static const struct step script[] = {
	{MALLOC, 24, 0, 0},
	{MALLOC, 500, 0, 0},
	{ATTACH, 0, 0, 0},
	{MALLOC, 5000, 0, 0},
	{REALLOC, 9000, 0, 0},
	{ZERO, 70000, 0, 0},
	{FREE, 0, 0, 1},
	{ALIGNED, 300, 65536, 0},
	{MALLOC, 300000, 0, 0},
	{REALLOC, 700000, 0, 0},
	{MALLOC, 1, 0, 0},
	{FREE, 0, 0, 1},
	{MALLOC, 200, 0, 0},
	{MALLOC, 2000, 0, 0},
	{TRIM, 0, 0, 0},
	{REALLOC, 6000, 0, 0},
	{ALIGNED, 100000, 4096, 0},
	{MALLOC, 3 << 20, 0, 0},
	{FREE, 0, 0, 0},
	{FREE, 0, 0, 2},
	{ZERO, 1000, 0, 0},
	{MALLOC, 64, 0, 0},
	{TRIM, 0, 0, 0},
	{MALLOC, 40000, 0, 0},
	{FREE, 0, 0, 3},
	{MALLOC, 12000, 0, 0},
	{ALIGNED, 64, 1 << 20, 0},
	{REALLOC, 100000, 0, 1},
};

enum { STEPS = sizeof script / sizeof script[0] };

/* A second handle is attached, used for one block, detached. */
static void attach_once(struct known *known)
{
	struct lab *lab = known->lab;
	struct thread_heap *second;

	errno = 0;
	second = lab->allocator->attach(lab->heap);
	if (second == NULL) {
		assert_int_equal(errno, ENOMEM);
		known->refused++;
		return;
	}
	known->self = second;
	known_malloc(known, 333);
	known->self = lab->thread;
	lab->allocator->detach(second);
}

static void take_step(struct known *known, const struct step *step)
{
	size_t index = known->count - 1 - step->block;

	if (step->block >= known->count)
		index = 0; /* the block it means was refused */
	switch (step->kind) {
	case MALLOC:
		known_malloc(known, step->size);
		break;
	case ZERO:
		known_zero(known, step->size);
		break;
	case ALIGNED:
		known_aligned(known, step->align, step->size);
		break;
	case REALLOC:
		if (known->count > 0)
			known_realloc(known, index, step->size);
		break;
	case FREE:
		if (known->count > 0)
			known_free(known, index);
		break;
	case ATTACH:
		attach_once(known);
		break;
	case TRIM:
		known->lab->allocator->trim(known->lab->heap);
		break;
	}
}

/* Runs the script; true if the source had to refuse something. */
static bool run_script(const struct setting *setting, uint64_t fail_at,
                       bool fail_on)
{
	const struct page_source_options options = {.kind = PAGE_SOURCE_ARENA,
	                                            .fail_at = fail_at,
	                                            .fail_on = fail_on};
	struct known known;

	errno = 0;
	struct lab *lab =
		lab_open_on(setting->allocator, setting->knobs, &options);
	if (lab == NULL) { /* create() or attach() was refused */
		assert_int_equal(errno, ENOMEM);
		return true;
	}
	known_start(&known, lab);
	known.may_refuse = true;
	for (int i = 0; i < STEPS; i++) {
		struct picture before;
		uint64_t refused = known.refused;
		picture_take(&before, lab);
		take_step(&known, &script[i]);
		if (known.refused > refused && script[i].kind != ATTACH)
			picture_require_intact(&before, lab);
		picture_drop(&before);
		lab_check(lab);
		lab_check_walk(lab, (long)known.count);
	}
	bool refused = lab->pages.refused > 0;
	if (known.refused > 0)
		assert_true(refused);
	known_verify(&known);
	known_end(&known);
	lab_close(lab);
	return refused;
}

/* Derived settings try every fifth call only. */
static void refuse_each_call(const struct setting *setting, bool fail_on)
{
	uint64_t step = setting->derived ? 5 : 1;

	for (uint64_t fail_at = 1; run_script(setting, fail_at, fail_on);
	     fail_at += step)
		;
	assert_true(run_script(setting, 1, fail_on));
}

void one_refusal(const struct setting *setting)
{
	refuse_each_call(setting, false);
}

void refusals_from_one_on(const struct setting *setting)
{
	refuse_each_call(setting, true);
}
