/*
 * stage.c - everything in its place before the clock starts.
 */
#include "stage.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>

#include "../../allocators/common/bits.h"
#include "../mapped.h"
#include "resident.h"

static bool fail(struct verdict *verdict, const char *what)
{
	return verdict_set(verdict,
	                   errno == ENOMEM ? VERDICT_OUT_OF_MEMORY
	                                   : VERDICT_FAILED,
	                   0, "%s: %s", what, strerror(errno));
}

/* Reads a byte of every page, so that no fault for them is timed. */
static void read_pages(const void *start, size_t bytes)
{
	const volatile char *at = start;

	for (size_t offset = 0; offset < bytes; offset += PAGE_BYTES)
		(void)at[offset];
}

/* The code of one loaded object: harness, allocators, libraries. */
static int read_code(struct dl_phdr_info *object, size_t size, void *ctx)
{
	(void)size;
	(void)ctx;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0 &&
		    (part->p_flags & PF_R) != 0)
			read_pages((const char *)object->dlpi_addr +
			                   part->p_vaddr,
			           part->p_memsz);
	}
	return 0;
}

static size_t table_bytes(size_t entries)
{
	return entries * sizeof(void *);
}

static bool make_tables(struct stage *stage, const struct trace *trace,
                        struct verdict *verdict)
{
	struct loop *loop = &stage->loop;

	loop->trace = trace;
	loop->threads = mapped_new_touched(table_bytes(trace->threads));
	loop->blocks =
		mapped_new_touched(table_bytes((size_t)trace->slots + 1));
	read_pages(trace->ops, trace->events * sizeof *trace->ops);
	dl_iterate_phdr(read_code, NULL);
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
	loop->heap = allocator->create(values, &stage->pages, &ONE_THREAD);
	if (loop->heap == NULL)
		return fail(verdict, "create");
	loop->threads[0] = allocator->attach(loop->heap);
	if (loop->threads[0] == NULL)
		return fail(verdict, "attach");
	stage->barrier_bytes = resident_now().anonymous_bytes;
	return true;
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
	loop->addresses = mapped_new_touched(table_bytes(entries));
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
	struct loop *loop = &stage->loop;

	if (stage->null_memory != NULL)
		munmap(stage->null_memory, stage->null_bytes);
	page_source_close(&stage->pages);
	mapped_free(loop->addresses);
	mapped_free(loop->threads);
	mapped_free(loop->blocks);
}
