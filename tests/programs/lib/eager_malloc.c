/*
 * eager_malloc.c - an allocator to record a program above, as unkind as one
 * may be: one list for all threads, so that a freed block is the
 * next one handed out, and a pause at every place where a stamp taken too early
 * or too late would let another thread in between.
 *
 *     free:    push, pause     a stamp after it comes after the next owner's
 *     malloc:  pause, pop      a stamp before it comes before the last owner's
 *
 * Blocks are cells of CELL_BYTES; larger ones come from the other end and are
 * not used again.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { CELL_BYTES = 8192, ARENA_BYTES = 1 << 26, PAUSE_EVERY = 8 };

struct cell {
	struct cell *next;
};

static _Alignas(64) char arena[ARENA_BYTES];
static char *bottom = arena;
static char *top = arena + ARENA_BYTES;
static struct cell *free_cells;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Often enough to meet every race, seldom enough to end. */
static void pause_here(void)
{
	static _Atomic unsigned turn;

	if (turn++ % PAUSE_EVERY == 0)
		sched_yield();
}

static void *take_locked(size_t size)
{
	if (size > (size_t)(top - bottom) - CELL_BYTES)
		return NULL;
	if (size > CELL_BYTES)
		return top -= (size + 63) / 64 * 64;
	struct cell *cell = free_cells;
	if (cell != NULL) {
		free_cells = cell->next;
		return cell;
	}
	bottom += CELL_BYTES;
	return bottom - CELL_BYTES;
}

static void *take(size_t size)
{
	pause_here();
	pthread_mutex_lock(&lock);
	void *block = take_locked(size);
	pthread_mutex_unlock(&lock);
	if (block == NULL)
		errno = ENOMEM;
	return block;
}

static void give(void *block)
{
	if (block == NULL || (char *)block >= top)
		return;
	pthread_mutex_lock(&lock);
	struct cell *cell = block;
	cell->next = free_cells;
	free_cells = cell;
	pthread_mutex_unlock(&lock);
	pause_here();
}

/* None of these calls another by its name, which the recorder answers to. */

void *malloc(size_t size)
{
	return take(size);
}

void free(void *block)
{
	give(block);
}

void *calloc(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		bytes = SIZE_MAX;
	void *block = take(bytes);
	return block == NULL ? NULL : memset(block, 0, bytes);
}

/* Always moves, so that the old address goes to somebody else meanwhile. */
void *realloc(void *block, size_t size)
{
	if (size == 0) {
		give(block);
		return NULL;
	}
	void *moved = take(size);
	if (moved == NULL || block == NULL)
		return moved;
	size_t readable =
		(char *)block >= top
			? (size_t)(arena + ARENA_BYTES - (char *)block)
			: CELL_BYTES;
	memcpy(moved, block, size < readable ? size : readable);
	give(block);
	return moved;
}
