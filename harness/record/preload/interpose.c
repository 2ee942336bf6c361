/*
 * interpose.c - malloc and its family, in front of the program's own.
 *
 * Idea.  Each function asks the next allocator and writes a record.  Records
 * of all threads carry stamps from one counter, and the stamps alone decide the
 * order of the trace, so a stamp must be taken while the block is certainly
 * ours: after malloc has handed it out, before free gives it away.
 *
 *     thread A                         thread B
 *     stamp 7: free(p)
 *     next.free(p)
 *                                      next.malloc() = p
 *                                      stamp 8: malloc = p
 *
 * Were free's stamp taken after the call, A could be interrupted before taking
 * it: the trace would allocate p at stamp 7 while it is live, and free B's
 * block at stamp 8.  The same with malloc's stamp taken before the call.
 * realloc does both, so it needs two stamps; a realloc that fails cancels the
 * first one.
 *
 * Words.
 *     next      the allocator that the program would have had (next.h)
 *     stamp     1, 2, 3... in the order of the trace (session.h)
 *
 * Not here.  operator new and delete: the C++ library's call malloc and free.
 * A program that brings its own, or its own malloc in the program file, is not
 * seen.  malloc_usable_size, mallopt, mallinfo and malloc_trim go straight to
 * the next allocator, whose blocks they are.
 *
 * Threads.  Any; no locks.  errno is what the next allocator left.
 *
 * Read next: session.h (fork and exec), writer.h (the files), ../merge.c (what
 * becomes of the records).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "next.h"
#include "session.h"
#include "writer.h"

#define EXPORT __attribute__((visibility("default")))

/* Not every libc header declares these; the definitions must match. */
EXPORT void *memalign(size_t align, size_t size);
EXPORT void *valloc(size_t size);
EXPORT void *pvalloc(size_t size);
EXPORT void cfree(void *block);

EXPORT void *malloc(size_t size)
{
	bool recording = session_enter();
	void *block = next.malloc(size);

	if (recording && block != NULL)
		writer_record(RAW_MALLOC, block, size, 0);
	return block;
}

EXPORT void *calloc(size_t count, size_t size)
{
	bool recording = session_enter();
	void *block = next.calloc(count, size);

	/* It succeeded, so the product did not overflow. */
	if (recording && block != NULL)
		writer_record(RAW_CALLOC, block, count * size, 0);
	return block;
}

EXPORT void free(void *block)
{
	bool recording = session_enter();

	if (next_is_bootstrap(block))
		return;
	if (recording)
		writer_record(RAW_FREE, block, 0, 0);
	next.free(block);
}

/* In glibc up to 2.25 another name of free; old programs still call it. */
EXPORT void cfree(void *block)
{
	free(block);
}

/* A block from before `next` was known: it stays behind, its bytes move. */
static void *leave_bootstrap(void *block, size_t size)
{
	size_t bytes = next_bootstrap_bytes(block);
	void *moved = malloc(size);

	if (moved != NULL)
		memcpy(moved, block, bytes < size ? bytes : size);
	return moved;
}

/*
 * realloc(block, 0): glibc frees and returns NULL; jemalloc frees and returns a
 * block of no bytes.
 */
static void *recorded_realloc_to_zero(void *block)
{
	writer_record(RAW_FREE, block, 0, 0);
	void *moved = next.realloc(block, 0);
	if (moved != NULL)
		writer_record(RAW_MALLOC, moved, 0, 0);
	return moved;
}

static void *recorded_realloc(void *block, size_t size)
{
	writer_record(RAW_RELEASE, block, 0, 0);
	void *moved = next.realloc(block, size);
	if (moved != NULL)
		writer_record(RAW_ACQUIRE, moved, size, 0);
	else
		writer_record(RAW_CANCEL, block, 0, 0);
	return moved;
}

EXPORT void *realloc(void *block, size_t size)
{
	bool recording = session_enter();

	if (block == NULL)
		return malloc(size);
	if (next_is_bootstrap(block))
		return leave_bootstrap(block, size);
	if (!recording)
		return next.realloc(block, size);
	if (size == 0)
		return recorded_realloc_to_zero(block);
	return recorded_realloc(block, size);
}

/* glibc's calls realloc through the symbol, which would record twice. */
EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(block, bytes);
}

/* The power of two that `align` is rounded up to, as memalign does. */
static unsigned log2_up(size_t align)
{
	unsigned log2 = 0;

	while (log2 < 63 && ((size_t)1 << log2) < align)
		log2++;
	return log2;
}

static void *record_aligned(bool recording, void *block, size_t align,
                            size_t size)
{
	if (recording && block != NULL)
		writer_record(RAW_ALIGNED, block, size, log2_up(align));
	return block;
}

EXPORT void *memalign(size_t align, size_t size)
{
	bool recording = session_enter();

	return record_aligned(recording, next.memalign(align, size), align,
	                      size);
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
	bool recording = session_enter();

	return record_aligned(recording, next.aligned_alloc(align, size), align,
	                      size);
}

EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
	bool recording = session_enter();
	int error = next.posix_memalign(out, align, size);

	if (error == 0)
		record_aligned(recording, *out, align, size);
	return error;
}

EXPORT void *valloc(size_t size)
{
	bool recording = session_enter();

	return record_aligned(recording, next.valloc(size),
	                      (size_t)sysconf(_SC_PAGESIZE), size);
}

/* pvalloc promises whole pages, so those are the bytes requested. */
EXPORT void *pvalloc(size_t size)
{
	bool recording = session_enter();
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return record_aligned(recording, next.pvalloc(size), page,
	                      (size + page - 1) / page * page);
}
