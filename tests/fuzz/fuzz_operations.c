/*
 * fuzz_operations.c - libFuzzer: any bytes, as calls of an allocator.
 *
 *     allocator | knobs | call | call | call ...
 *
 * Every call is held against the contract (known.h): alignment, usable size,
 * contents of every byte, what a refused call leaves behind.  After each one
 * check() runs and the walk must tile the heap.  Calls of the page source are
 * refused where the input says so.
 *
 *     FUZZ_SAY=1 build/fuzz/tests/fuzz/fuzz_operations build/fuzz/found-...
 *
 * prints the calls of an input, to make a unit test of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocators/registry.h"
#include "tests/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum {
	LIMIT_BYTES = 64 << 20, /* of the heap                              */
	BLOCKS_MAX = 200,
	CALLS_MAX = 600,
	VERIFY_EVERY = 32, /* calls between two looks at all contents  */
	ALIGN_LOG2_MAX = 20,
};

/* What is left of the input; 0 behind its end. */
struct input {
	const uint8_t *data;
	size_t bytes;
	size_t size; /* the last one drawn */
};

static uint8_t take(struct input *input)
{
	if (input->bytes == 0)
		return 0;
	input->bytes--;
	return *input->data++;
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	static int wanted = -1;
	va_list args;

	if (wanted < 0)
		wanted = getenv("FUZZ_SAY") != NULL;
	if (!wanted)
		return;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
}

/* ---- the setting --------------------------------------------------------- */

/* Any but `system`: it has neither a walk nor pages that can be refused. */
static const struct allocator *take_allocator(struct input *input)
{
	size_t count = 0, number = take(input);

	while (allocator_registry[count] != NULL)
		count++;
	const struct allocator *found = allocator_registry[number % count];
	return found->ignores_page_source ? NULL : found;
}

/* A choice; or an end of the range, or a number between. */
static uint64_t take_value(struct input *input, const struct knob *knob)
{
	uint64_t byte = take(input), choices = 0;

	while (knob->choices != NULL && knob->choices[choices] != NULL)
		choices++;
	if (choices > 0)
		return byte % choices;
	if (byte % 4 == 0)
		return knob->min;
	if (byte % 4 == 1)
		return knob->max;
	if (!knob->power_of_two)
		return knob->min + byte / 4 * (knob->max - knob->min) / 64;
	uint64_t value = knob->min << byte / 4 % 24;
	return value > knob->max ? knob->max : value;
}

/* Up to three knobs are set, the others have their defaults. */
static void take_knobs(struct input *input, const struct knob *knobs,
                       struct knob_values *values)
{
	size_t count = 0, set = take(input) % 4;

	knob_defaults(knobs, values);
	while (knobs[count].name != NULL)
		count++;
	while (set-- > 0) {
		size_t i = take(input) % count;
		values->of[i] = take_value(input, &knobs[i]);
	}
}

/* NULL if the values do not go together, or leave no room for a heap. */
static struct lab *take_lab(struct input *input)
{
	const struct page_source_options options = {.kind = PAGE_SOURCE_ARENA,
	                                            .limit_bytes = LIMIT_BYTES};
	const struct allocator *allocator = take_allocator(input);
	struct knob_values values;
	char knobs[512];

	if (allocator == NULL)
		return NULL;
	take_knobs(input, allocator->knobs, &values);
	if (allocator->refuse != NULL && allocator->refuse(&values) != NULL)
		return NULL;
	knob_print(allocator->knobs, &values, true, knobs, sizeof knobs);
	say("%s:%s\n", allocator->name, knobs);
	return lab_open_on(allocator, knobs, &options);
}

/* ---- sizes --------------------------------------------------------------- */

/* Near the edges: small, powers of two, pages, what is live, far too much. */
static size_t draw_size(struct input *input, const struct known *known)
{
	size_t kind = take(input), number = take(input), off = kind / 6 % 5;

	switch (kind % 6) {
	case 0:
		return number;
	case 1:
		return number * 16 + off;
	case 2:
		return ((size_t)1 << number % 23) + off - 1;
	case 3:
		return PAGE_BYTES * (1 + number % 64) + 16 * off - 32;
	case 4:
		return known->count == 0
		               ? 1
		               : known->blocks[number % known->count].size +
		                         off;
	}
	return SIZE_MAX >> number % 20;
}

static size_t take_size(struct input *input, const struct known *known)
{
	return input->size = draw_size(input, known);
}

/* ---- calls --------------------------------------------------------------- */

enum call {
	CALL_MALLOC,
	CALL_ZERO,
	CALL_ALIGNED,
	CALL_REALLOC,
	CALL_FREE,
	CALL_FREE_ALL,
	CALL_TRIM,
	CALL_REFUSE,  /* the source will refuse                          */
	CALL_SERVE,   /* the source will refuse no longer                */
	CALL_ATTACH,  /* a second handle makes one call                  */
	CALL_EXPLAIN, /* says what malloc would do; changes nothing      */
};

static const enum call calls[] = {
	CALL_MALLOC,  CALL_MALLOC,   CALL_MALLOC,  CALL_MALLOC,  CALL_MALLOC,
	CALL_ZERO,    CALL_ALIGNED,  CALL_ALIGNED, CALL_REALLOC, CALL_REALLOC,
	CALL_REALLOC, CALL_FREE,     CALL_FREE,    CALL_FREE,    CALL_FREE,
	CALL_FREE,    CALL_FREE_ALL, CALL_TRIM,    CALL_REFUSE,  CALL_SERVE,
	CALL_ATTACH,  CALL_EXPLAIN,
};

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* The fault is set behind the back of the source, which is a test's right. */
static void refuse_calls(struct known *known, struct input *input)
{
	struct page_source *pages = &known->lab->pages;
	uint8_t byte = take(input);

	pages->options.fail_at = pages->refusable_calls + 1 + byte / 2 % 4;
	pages->options.fail_on = byte % 2 != 0;
	say("the source refuses call %d from now%s\n", byte / 2 % 4 + 1,
	    byte % 2 != 0 ? " and all after it" : "");
}

static void attach_second(struct known *known, size_t size)
{
	const struct allocator *allocator = known->lab->allocator;

	errno = 0;
	known->self = allocator->attach(known->lab->heap);
	if (known->self == NULL) {
		require(errno == ENOMEM, "attach: NULL without ENOMEM");
		known->self = known->lab->thread;
		return;
	}
	known_malloc(known, size);
	allocator->detach(known->self);
	known->self = known->lab->thread;
}

static void explain(struct known *known, size_t size)
{
	const struct allocator *allocator = known->lab->allocator;
	const struct request request = {.kind = REQUEST_MALLOC, .size = size};
	struct picture before;
	char sentence[256];

	if (allocator->explain == NULL)
		return;
	picture_take(&before, known->lab);
	memset(sentence, 'x', sizeof sentence);
	allocator->explain(known->lab->heap, &request, sentence,
	                   sizeof sentence);
	require(memchr(sentence, '\0', sizeof sentence) != NULL,
	        "explain: a sentence without end");
	picture_require_same(&before, known->lab);
	picture_drop(&before);
}

static size_t take_block(struct input *input, const struct known *known)
{
	return take(input) % known->count;
}

static void resize(struct known *known, struct input *input)
{
	if (known->count == 0)
		return;
	size_t block = take_block(input, known);
	size_t size = take_size(input, known);
	size += size == 0; /* the caller never passes 0 */
	say("realloc(%p, %zu)\n", (void *)known->blocks[block].start, size);
	known_realloc(known, block, size);
}

static void release(struct known *known, struct input *input)
{
	if (known->count == 0)
		return;
	size_t block = take_block(input, known);
	say("free(%p)\n", (void *)known->blocks[block].start);
	known_free(known, block);
}

static void allocate(struct known *known, struct input *input, enum call call)
{
	size_t align = (size_t)1 << take(input) % (ALIGN_LOG2_MAX + 1);
	size_t size = take_size(input, known);

	if (known->count >= BLOCKS_MAX)
		return;
	say("%s(%zu), aligned to %zu\n",
	    call == CALL_ZERO ? "zero_malloc" : "malloc", size,
	    call == CALL_ALIGNED ? align : MALLOC_ALIGN_BYTES);
	if (call == CALL_ZERO)
		known_zero(known, size);
	else if (call == CALL_ALIGNED)
		known_aligned(known, align, size);
	else
		known_malloc(known, size);
}

static void make_call(struct known *known, struct input *input, enum call call)
{
	struct lab *lab = known->lab;

	switch (call) {
	case CALL_MALLOC:
	case CALL_ZERO:
	case CALL_ALIGNED:
		allocate(known, input, call);
		break;
	case CALL_REALLOC:
		resize(known, input);
		break;
	case CALL_FREE:
		release(known, input);
		break;
	case CALL_FREE_ALL:
		say("free all\n");
		known_free_all(known);
		break;
	case CALL_TRIM:
		say("trim\n");
		lab->allocator->trim(lab->heap);
		break;
	case CALL_REFUSE:
		refuse_calls(known, input);
		break;
	case CALL_SERVE:
		lab->pages.options.fail_at = 0;
		break;
	case CALL_ATTACH:
		say("attach\n");
		attach_second(known, take_size(input, known));
		break;
	case CALL_EXPLAIN:
		explain(known, take_size(input, known));
		break;
	}
}

/* A refused call leaves the heap as it was, and is the source's doing. */
static void require_reason(struct lab *lab, const struct input *input,
                           const struct picture *before, uint64_t refused)
{
	picture_require_intact(before, lab);
	require(lab->pages.refused > refused || input->size > LIMIT_BYTES / 2,
	        "NULL, though the source refused nothing");
}

static void step(struct known *known, struct input *input)
{
	enum call call = calls[take(input) % (sizeof calls / sizeof *calls)];
	struct lab *lab = known->lab;
	uint64_t answered = known->refused, refused = lab->pages.refused;
	struct picture before;

	picture_take(&before, lab);
	make_call(known, input, call);
	if (known->refused > answered && call != CALL_ATTACH)
		require_reason(lab, input, &before, refused);
	picture_drop(&before);
	lab_check(lab);
	lab_check_walk(lab, (long)known->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct input input = {.data = data, .bytes = bytes};
	struct lab *lab = take_lab(&input);
	struct known known;

	if (lab == NULL)
		return 0;
	known_start(&known, lab);
	known.may_refuse = true;
	for (int i = 1; input.bytes > 0 && i < CALLS_MAX; i++) {
		step(&known, &input);
		if (i % VERIFY_EVERY == 0)
			known_verify(&known);
	}
	known_verify(&known);
	known_end(&known);
	lab_close(lab);
	return 0;
}
