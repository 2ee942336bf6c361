/*
 * loop.c - the loop, once per kind of touch, and the null allocator.
 */
#include "loop.h"

#include "../../allocators/common/heap_stats.h"
#include "../../allocators/common/knob.h"

const char *const touch_names[TOUCH_KINDS] = {
	[TOUCH_NONE] = "none",   [TOUCH_FIRST] = "first",
	[TOUCH_PAGES] = "pages", [TOUCH_RECORDED] = "recorded",
	[TOUCH_LINES] = "lines", [TOUCH_ALL] = "all",
};

#define RUN(touch, is_null)                                                    \
	static void __attribute__((noinline)) run_##touch##_##is_null(         \
		const struct loop *loop, uint64_t from, uint64_t to)           \
	{                                                                      \
		loop_replay(loop, from, to, touch, is_null);                   \
	}
RUN(TOUCH_NONE, false)
RUN(TOUCH_NONE, true)
RUN(TOUCH_FIRST, false)
RUN(TOUCH_FIRST, true)
RUN(TOUCH_PAGES, false)
RUN(TOUCH_PAGES, true)
RUN(TOUCH_RECORDED, false)
RUN(TOUCH_RECORDED, true)
RUN(TOUCH_LINES, false)
RUN(TOUCH_LINES, true)
RUN(TOUCH_ALL, false)
RUN(TOUCH_ALL, true)
#undef RUN

typedef void runner(const struct loop *loop, uint64_t from, uint64_t to);

void loop_run(const struct loop *loop, uint64_t from, uint64_t to,
              enum touch touch)
{
	static runner *const runners[TOUCH_KINDS][2] = {
		[TOUCH_NONE] = {run_TOUCH_NONE_false, run_TOUCH_NONE_true},
		[TOUCH_FIRST] = {run_TOUCH_FIRST_false, run_TOUCH_FIRST_true},
		[TOUCH_PAGES] = {run_TOUCH_PAGES_false, run_TOUCH_PAGES_true},
		[TOUCH_RECORDED] = {run_TOUCH_RECORDED_false,
	                            run_TOUCH_RECORDED_true},
		[TOUCH_LINES] = {run_TOUCH_LINES_false, run_TOUCH_LINES_true},
		[TOUCH_ALL] = {run_TOUCH_ALL_false, run_TOUCH_ALL_true},
	};
	runners[touch][loop->addresses != NULL](loop, from, to);
}

void loop_run_empty(const struct loop *loop, uint64_t from, uint64_t to)
{
	const struct trace_op *end = loop->trace->ops + to;

	for (const struct trace_op *op = loop->trace->ops + from; op < end;
	     op++)
		__asm__ volatile("" : : "r"(op->size), "r"(op->kind));
}

/* ---- null --------------------------------------------------------------- */

static void *null_malloc(struct thread_heap *self, size_t size)
{
	(void)size;
	return self;
}

static void *null_aligned_malloc(struct thread_heap *self, size_t align,
                                 size_t size)
{
	(void)align;
	(void)size;
	return self;
}

static void *null_realloc(struct thread_heap *self, void *block, size_t size)
{
	(void)block;
	(void)size;
	return self;
}

static void null_free(struct thread_heap *self, void *block)
{
	(void)self;
	(void)block;
}

static struct thread_heap *null_attach(struct heap *heap)
{
	return (struct thread_heap *)heap;
}

static void null_detach(struct thread_heap *self)
{
	(void)self;
}

static const struct knob no_knobs[] = {{0}};

/* Only what the loop calls: null is no allocator, it is the loop's floor. */
const struct allocator null_allocator = {
	.name = "null",
	.summary = "a preassigned address for each slot: the loop's floor",
	.source = "",
	.knobs = no_knobs,
	.ignores_page_source = true,
	.attach = null_attach,
	.detach = null_detach,
	.malloc = null_malloc,
	.zero_malloc = null_malloc,
	.aligned_malloc = null_aligned_malloc,
	.realloc = null_realloc,
	.free = null_free,
};
