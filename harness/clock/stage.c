/*
 * stage.c - everything in its place before the clock starts.
 */
#include "stage.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../allocators/common/bits.h"
#include "resident.h"

static bool fail(struct verdict *verdict, const char *what)
{
	return verdict_set(verdict,
	                   errno == ENOMEM ? VERDICT_OUT_OF_MEMORY
	                                   : VERDICT_FAILED,
	                   0, "%s: %s", what, strerror(errno));
}

/* A table of pointers, resident from the start. */
static void *make_table(size_t entries)
{
	void *table = malloc(entries * sizeof(void *));

	if (table != NULL)
		memset(table, 0, entries * sizeof(void *));
	return table;
}

/* Reads every page of the events, so that no fault for them is timed. */
static void read_events(const struct trace *trace)
{
	const volatile char *bytes = (const volatile char *)trace->ops;

	for (size_t at = 0; at < trace->events * sizeof *trace->ops;
	     at += PAGE_BYTES)
		(void)bytes[at];
}

static bool make_tables(struct stage *stage, const struct trace *trace,
                        struct verdict *verdict)
{
	struct loop *loop = &stage->loop;

	loop->trace = trace;
	loop->threads = make_table(trace->threads);
	loop->blocks = make_table((size_t)trace->slots + 1);
	read_events(trace);
	return (loop->threads != NULL && loop->blocks != NULL) ||
	       fail(verdict, "the slot table");
}

bool stage_open_tables(struct stage *stage, const struct allocator *allocator,
                       const struct trace *trace, struct verdict *verdict)
{
	*stage = (struct stage){.loop = {.allocator = allocator}};
	return make_tables(stage, trace, verdict);
}

bool stage_open(struct stage *stage, const struct allocator *allocator,
                const struct knob_values *values, const struct trace *trace,
                size_t limit_bytes, struct verdict *verdict)
{
	const struct page_source_options options = {
		.kind = PAGE_SOURCE_OS,
		.limit_bytes = limit_bytes,
	};
	struct loop *loop = &stage->loop;

	*stage = (struct stage){.loop = {.allocator = allocator}};
	if (!page_source_open(&stage->pages, &options) ||
	    !make_tables(stage, trace, verdict))
		return fail(verdict, "the page source");
	malloc_trim(0); /* what we freed before must not serve `system` */
	resident_reset_peak();
	stage->resident_before = resident_now() - resident_file_now();
	loop->heap = allocator->create(values, &stage->pages, &ONE_THREAD);
	if (loop->heap == NULL)
		return fail(verdict, "create");
	loop->threads[0] = allocator->attach(loop->heap);
	return loop->threads[0] != NULL || fail(verdict, "attach");
}

/* The largest request of the trace. */
static size_t largest_size(const struct trace *trace)
{
	size_t largest = 0;

	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		if (op->kind < TRACE_FREE && op->size > largest)
			largest = op->size;
	}
	return largest;
}

/*
 * The addresses lie as close as addresses can, and are faulted in: no real
 * allocator can be kinder to the cache.  Blocks overlap; nobody reads them.
 */
bool stage_open_null(struct stage *stage, const struct trace *trace,
                     enum touch touch, struct verdict *verdict)
{
	struct loop *loop = &stage->loop;
	/* Phases and thread marks use `slot` otherwise: room for all. */
	size_t entries = (size_t)trace->slots + trace->phase_count + 1;
	size_t starts = entries * MALLOC_ALIGN_BYTES;

	*stage = (struct stage){.loop = {.allocator = &null_allocator}};
	if (!make_tables(stage, trace, verdict))
		return false;
	loop->addresses = make_table(entries);
	if (loop->addresses == NULL)
		return fail(verdict, "the address table");
	stage->null_bytes = starts + largest_size(trace);
	char *memory = mmap(NULL, stage->null_bytes, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return fail(verdict, "the null allocator's addresses");
	stage->null_memory = memory;
	memset(memory, 0, touch > TOUCH_FIRST ? stage->null_bytes : starts);
	for (size_t slot = 0; slot < entries; slot++)
		loop->addresses[slot] =
			(struct thread_heap *)(memory +
		                               slot * MALLOC_ALIGN_BYTES);
	return true;
}

void stage_close(struct stage *stage)
{
	if (stage->null_memory != NULL)
		munmap(stage->null_memory, stage->null_bytes);
	page_source_close(&stage->pages);
	free(stage->loop.addresses);
	free(stage->loop.threads);
	free(stage->loop.blocks);
}
