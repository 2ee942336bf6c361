/*
 * replayer.c - one event at a time.
 */
#include "replayer.h"

#include <errno.h>
#include <string.h>

#include "../mapped.h"

static bool fail_to_start(struct replayer *replayer, const char *what)
{
	return verdict_set(&replayer->verdict,
	                   errno == ENOMEM ? VERDICT_OUT_OF_MEMORY
	                                   : VERDICT_FAILED,
	                   0, "%s: %s", what, strerror(errno));
}

static bool attach(struct replayer *replayer, unsigned thread)
{
	errno = 0;
	replayer->threads[thread] = replayer->allocator->attach(replayer->heap);
	return replayer->threads[thread] != NULL ||
	       fail_to_start(replayer, "attach");
}

static size_t threads_bytes(const struct trace *trace)
{
	return trace->threads * sizeof(void *);
}

static size_t blocks_bytes(const struct trace *trace)
{
	return ((size_t)trace->slots + 1) * sizeof(void *);
}

bool replayer_open(struct replayer *replayer, const struct allocator *allocator,
                   const struct knob_values *values, const struct trace *trace,
                   size_t limit_bytes, enum oracle_depth depth)
{
	const struct page_source_options options = {
		.kind = PAGE_SOURCE_ARENA,
		.limit_bytes = limit_bytes,
	};

	*replayer = (struct replayer){.allocator = allocator, .trace = trace};
	if (!page_source_open(&replayer->pages, &options))
		return fail_to_start(replayer, "the arena");
	replayer->threads = mapped_new(threads_bytes(trace));
	replayer->blocks = mapped_new(blocks_bytes(trace));
	if (replayer->threads == NULL || replayer->blocks == NULL)
		return fail_to_start(replayer, "the slot table");
	errno = 0;
	replayer->heap =
		allocator->create(values, &replayer->pages, &ONE_THREAD);
	if (replayer->heap == NULL)
		return fail_to_start(replayer, "create");
	if (!oracle_open(&replayer->oracle, allocator, replayer->heap, trace,
	                 depth))
		return fail_to_start(replayer, "the oracle");
	return attach(replayer, 0);
}

void *replay_allocation(const struct allocator *allocator,
                        struct thread_heap *self, const struct trace_op *op,
                        void *old)
{
	switch (op->kind) {
	case TRACE_CALLOC:
		return allocator->zero_malloc(self, op->size);
	case TRACE_ALIGNED:
		return allocator->aligned_malloc(
			self, (size_t)1 << op->align_log2, op->size);
	case TRACE_REALLOC:
		return allocator->realloc(self, old, op->size);
	default:
		return allocator->malloc(self, op->size);
	}
}

bool replay_is_served(const struct allocator *allocator, struct heap *heap,
                      const struct trace_op *op, uint64_t event,
                      struct verdict *verdict)
{
	size_t align =
		op->kind == TRACE_ALIGNED ? (size_t)1 << op->align_log2 : 0;
	char why[256];

	return allocator->serves == NULL ||
	       allocator->serves(heap, op->size, align, why, sizeof why) ||
	       verdict_set(verdict, VERDICT_REFUSED, event, "%s", why);
}

bool replay_out_of_memory(const struct trace_op *op, uint64_t event,
                          size_t live_bytes, const struct page_source *pages,
                          struct verdict *verdict)
{
	return verdict_set(
		verdict, VERDICT_OUT_OF_MEMORY, event,
		"%s(%llu) returned NULL with %zu bytes live and %zu committed",
		trace_kind_name(op->kind), (unsigned long long)op->size,
		live_bytes, pages->committed_bytes);
}

static bool step_allocation(struct replayer *replayer,
                            const struct trace_op *op)
{
	struct oracle *oracle = &replayer->oracle;
	void **at = &replayer->blocks[op->slot];

	if (op->kind == TRACE_REALLOC)
		oracle_reallocating(oracle, op->slot);
	void *block = replay_allocation(replayer->allocator,
	                                replayer->threads[op->thread], op, *at);
	if (block == NULL && op->kind == TRACE_REALLOC)
		oracle_not_reallocated(oracle, op->slot);
	if (block == NULL)
		return replay_is_served(replayer->allocator, replayer->heap, op,
		                        replayer->event, &replayer->verdict) &&
		       replay_out_of_memory(
			       op, replayer->event, oracle->requested_bytes,
			       &replayer->pages, &replayer->verdict);
	*at = block;
	if (op->kind == TRACE_REALLOC)
		return oracle_reallocated(oracle, op, replayer->event, block,
		                          &replayer->verdict);
	return oracle_allocated(oracle, op, replayer->event, block,
	                        &replayer->verdict);
}

static bool step_free(struct replayer *replayer, const struct trace_op *op)
{
	void **block = &replayer->blocks[op->slot];

	if (op->slot < replayer->trace->slots &&
	    !oracle_freeing(&replayer->oracle, replayer->event, op->slot,
	                    &replayer->verdict))
		return false;
	replayer->allocator->free(replayer->threads[op->thread], *block);
	*block = NULL;
	return true;
}

bool replayer_step(struct replayer *replayer)
{
	const struct trace_op *op = &replayer->trace->ops[replayer->event];

	replayer->event++;
	page_source_set_now(
		&replayer->pages,
		replayer->is_paced ? replayer->trace->times[replayer->event - 1]
				   : replayer->event);
	switch (op->kind) {
	case TRACE_FREE:
		return step_free(replayer, op);
	case TRACE_THREAD_START:
		return attach(replayer, op->thread);
	case TRACE_THREAD_EXIT:
		replayer->allocator->detach(replayer->threads[op->thread]);
		replayer->threads[op->thread] = NULL;
		return true;
	case TRACE_PHASE:
		return true;
	default:
		return step_allocation(replayer, op);
	}
}

/* Frees what the program left; its first live thread does it. */
static void free_everything(struct replayer *replayer)
{
	struct thread_heap *self = NULL;

	for (uint32_t i = 0; i < replayer->trace->threads && self == NULL; i++)
		self = replayer->threads[i];
	if (self == NULL)
		self = replayer->threads[0] =
			replayer->allocator->attach(replayer->heap);
	for (uint32_t slot = 0; slot < replayer->trace->slots && self != NULL;
	     slot++)
		replayer->allocator->free(self, replayer->blocks[slot]);
}

static void tear_down(struct replayer *replayer)
{
	free_everything(replayer);
	if (replayer->allocator->check != NULL) {
		const char *broken = replayer->allocator->check(replayer->heap);
		if (broken != NULL)
			verdict_set(&replayer->verdict, VERDICT_BROKEN_HEAP,
			            replayer->event,
			            "after everything was freed: %s", broken);
	}
	for (uint32_t i = 0; i < replayer->trace->threads; i++)
		if (replayer->threads[i] != NULL)
			replayer->allocator->detach(replayer->threads[i]);
	replayer->allocator->destroy(replayer->heap);
	if (replayer->pages.committed_bytes != 0)
		verdict_set(&replayer->verdict, VERDICT_LEAK, replayer->event,
		            "%zu bytes are still held after destroy()",
		            replayer->pages.committed_bytes);
}

void replayer_close(struct replayer *replayer)
{
	if (replayer->verdict.kind == VERDICT_OK && replayer->heap != NULL)
		tear_down(replayer);
	oracle_close(&replayer->oracle);
	page_source_close(&replayer->pages);
	mapped_free(replayer->threads, threads_bytes(replayer->trace));
	mapped_free(replayer->blocks, blocks_bytes(replayer->trace));
}
