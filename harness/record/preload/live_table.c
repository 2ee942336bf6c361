/*
 * live_table.c - address -> size, for all threads at once.
 *
 * Idea.  A trace that begins in the middle of a program must begin with the
 * blocks that are live then.  So while it waits the recorder keeps a table of
 * them.  When recording starts, every call must be either in the table or in the
 * records, and none in both.  The table decides, under its locks: a call that
 * comes to a table that was given up is recorded.
 *
 *     thread A                      thread B
 *     p = next.malloc()
 *                                   locks all, copies, gives up, unlocks
 *     locks p's part: given up
 *     records malloc = p
 *
 * Picture.  A shadow of the heap: a word for every 16 bytes of addresses, made
 * in chunks, at the first block in each.  A hash table was twice as slow: its
 * places are far from each other where the blocks are neighbours.
 *
 *     address    | region 17 | chunk 14 | granule 12 | 4 |
 *                     |            |          |
 *     regions [ . p . . ]          |          |            1 GiB each
 *                 '-> [ . . . p . . ]         |            64 KiB each
 *                             '-> words [ 0 0 w 0 ... ]    16 bytes each
 *
 *     word   | size 48 | align_log2 8 | kind 8 |           0: no block
 *
 * Some allocators put blocks of up to 8 bytes into the upper half of a granule:
 * `odd` has a byte for each of them.
 *
 * Cost.     A lock (none in a process of one thread) and three loads; 36 KiB for
 *           each 64 KiB of addresses that blocks begin in, CHUNKS_MAX of them at
 *           most; untouched pages of them take no memory.
 * Threads.  Any.  Chunks share LOCKS locks.  A forked child finds zeros
 *           (MADV_WIPEONFORK): open locks, no chunks, whoever held them.
 * Read next: session.c (who starts when), ../merge.c (what comes first).
 */
#include "live_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>

enum {
	GRANULE_LOG2 = 4,
	CHUNK_LOG2 = 16,
	REGION_LOG2 = 30,
	GRANULES = 1 << (CHUNK_LOG2 - GRANULE_LOG2),
	CHUNKS = 1 << (REGION_LOG2 - CHUNK_LOG2),
	REGIONS = 1 << (47 - REGION_LOG2),
	LOCKS = 64,
	CHUNKS_MAX = 1 << 17, /* 8 GiB of addresses that are full of blocks */
	SLAB_CHUNKS = 64,     /* mapped at a time */
};

struct chunk {
	uint64_t words[GRANULES];
	uint8_t odd[GRANULES]; /* (size + 1) << 4 | kind */
};

static_assert(sizeof(struct chunk) == 36 * 1024, "whole pages");

struct region {
	struct chunk *chunks[CHUNKS]; /* each under its lock */
};

struct live_table {
	pthread_mutex_t locks[LOCKS];
	_Atomic bool given_up; /* written under all locks */
	_Atomic uint64_t left_out;
	/* under slab_lock */
	pthread_mutex_t slab_lock;
	struct chunk *slab;
	uint32_t slab_left, chunk_count;

	struct region *_Atomic regions[REGIONS];
};

static struct live_table *table;

/* A word, or 0: what this thread's realloc released. */
static __thread uint64_t released __attribute__((tls_model("initial-exec")));
/* A signal handler that allocates in the middle of an operation. */
static __thread bool is_inside __attribute__((tls_model("initial-exec")));

/* --- words -------------------------------------------------------------- */

static uint64_t word_of(enum raw_kind kind, size_t size, unsigned align_log2)
{
	return (uint64_t)size << 16 | align_log2 << 8 | (uint64_t)kind;
}

static uint64_t word_size(uint64_t word)
{
	return word >> 16;
}

enum { ODD_SIZE_MAX = 8 };

static uint64_t word_of_odd(uint8_t odd)
{
	if (odd == 0)
		return 0;
	return word_of(odd & 0xf, (size_t)(odd >> 4) - 1, 0);
}

/* --- the shadow --------------------------------------------------------- */

static void *map_wiped(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (madvise(memory, bytes, MADV_WIPEONFORK) == 0)
		return memory;
	munmap(memory, bytes);
	return NULL;
}

static struct region *region_get(uint64_t address)
{
	struct region *_Atomic *place =
		&table->regions[address >> REGION_LOG2 & (REGIONS - 1)];
	struct region *region = *place;

	if (region != NULL)
		return region;
	struct region *made = map_wiped(sizeof *made);
	if (made == NULL ||
	    atomic_compare_exchange_strong(place, &region, made))
		return made;
	munmap(made, sizeof *made); /* another thread was first */
	return region;
}

static struct chunk *chunk_new(void)
{
	struct chunk *chunk = NULL;

	pthread_mutex_lock(&table->slab_lock);
	if (table->slab_left == 0 && table->chunk_count < CHUNKS_MAX) {
		table->slab = map_wiped(SLAB_CHUNKS * sizeof *table->slab);
		table->slab_left = table->slab != NULL ? SLAB_CHUNKS : 0;
	}
	if (table->slab_left > 0) {
		chunk = &table->slab[--table->slab_left];
		table->chunk_count++;
	}
	pthread_mutex_unlock(&table->slab_lock);
	return chunk;
}

/* NULL if no block began in it so far. */
static struct chunk *chunk_find(uint64_t address)
{
	struct region *region = region_get(address);

	if (region == NULL)
		return NULL;
	return region->chunks[address >> CHUNK_LOG2 & (CHUNKS - 1)];
}

/* NULL without memory. */
static struct chunk *chunk_make(uint64_t address)
{
	struct region *region = region_get(address);

	if (region == NULL)
		return NULL;
	struct chunk **place =
		&region->chunks[address >> CHUNK_LOG2 & (CHUNKS - 1)];
	if (*place == NULL)
		*place = chunk_new();
	return *place;
}

static size_t granule_of(uint64_t address)
{
	return address >> GRANULE_LOG2 & (GRANULES - 1);
}

static bool is_odd(uint64_t address)
{
	return (address & 8) != 0;
}

/* --- blocks, under the chunk's lock ------------------------------------- */

static void put_locked(uint64_t address, uint64_t word)
{
	struct chunk *chunk = chunk_make(address);
	uint64_t size = word_size(word);

	if (chunk == NULL || (is_odd(address) && size > ODD_SIZE_MAX))
		table->left_out++;
	else if (is_odd(address))
		chunk->odd[granule_of(address)] =
			(uint8_t)((size + 1) << 4 | (word & 0xf));
	else
		chunk->words[granule_of(address)] = word;
}

/* The block's word; 0 if it is not known. */
static uint64_t take_locked(uint64_t address)
{
	struct chunk *chunk = chunk_find(address);
	size_t at = granule_of(address);
	uint64_t word = 0;

	if (chunk == NULL)
		return 0;
	if (is_odd(address)) {
		word = word_of_odd(chunk->odd[at]);
		chunk->odd[at] = 0;
	} else {
		word = chunk->words[at];
		chunk->words[at] = 0;
	}
	return word;
}

static void note_locked(enum raw_kind kind, uint64_t address, size_t size,
                        unsigned align_log2)
{
	switch (kind) {
	case RAW_MALLOC:
	case RAW_CALLOC:
	case RAW_ALIGNED:
		put_locked(address, word_of(kind, size, align_log2));
		break;
	case RAW_ACQUIRE:
		put_locked(address, word_of(RAW_MALLOC, size, 0));
		released = 0;
		break;
	case RAW_FREE:
		take_locked(address);
		break;
	case RAW_RELEASE:
		released = take_locked(address);
		break;
	case RAW_CANCEL:
		if (released != 0)
			put_locked(address, released);
		released = 0;
		break;
	default: /* a thread's end changes no block */
		break;
	}
}

bool live_table_note(enum raw_kind kind, const void *block, size_t size,
                     unsigned align_log2)
{
	uint64_t address = (uintptr_t)block;
	pthread_mutex_t *lock =
		&table->locks[address >> CHUNK_LOG2 & (LOCKS - 1)];
	bool is_alone = __libc_single_threaded;

	if (is_inside)
		return true;
	is_inside = true;
	if (!is_alone)
		pthread_mutex_lock(lock);
	bool given_up = table->given_up;
	if (!given_up && block != NULL)
		note_locked(kind, address, size, align_log2);
	if (!is_alone)
		pthread_mutex_unlock(lock);
	is_inside = false;
	return !given_up;
}

void live_table_settle(enum raw_kind *kind, size_t *size)
{
	if (released == 0)
		return;
	if (*kind == RAW_CANCEL)
		*size = word_size(released);
	if (*kind == RAW_CANCEL || *kind == RAW_ACQUIRE)
		*kind = RAW_MALLOC;
	released = 0;
}

/* --- begin and end ------------------------------------------------------ */

bool live_table_open(void)
{
	if (table == NULL)
		table = map_wiped(sizeof *table);
	return table != NULL;
}

/* What is done with each block. */
typedef void visitor(void *context, uint64_t address, uint64_t word);

static void visit_chunk(const struct chunk *chunk, uint64_t address,
                        visitor *visit, void *context)
{
	for (size_t i = 0; i < GRANULES; i++, address += 1 << GRANULE_LOG2) {
		if (chunk->words[i] != 0)
			visit(context, address, chunk->words[i]);
		if (chunk->odd[i] != 0)
			visit(context, address + 8, word_of_odd(chunk->odd[i]));
	}
}

/* By address. */
static void visit_all(visitor *visit, void *context)
{
	for (uint64_t r = 0; r < REGIONS; r++) {
		const struct region *region = table->regions[r];
		for (uint64_t c = 0; region != NULL && c < CHUNKS; c++)
			if (region->chunks[c] != NULL)
				visit_chunk(region->chunks[c],
				            r << REGION_LOG2 | c << CHUNK_LOG2,
				            visit, context);
	}
}

static void count_records(void *context, uint64_t address, uint64_t word)
{
	size_t *records = context;

	(void)address;
	*records += word_size(word) < RAW_SIZE_IN_FRONT ? 1 : 2;
}

static void copy_block(void *context, uint64_t address, uint64_t word)
{
	struct raw_record **to = context;
	uint64_t size = word_size(word);

	if (size >= RAW_SIZE_IN_FRONT)
		*(*to)++ = (struct raw_record){raw_head(RAW_SIZE, 0, 0), size};
	*(*to)++ = (struct raw_record){
		raw_head(word & 0xff, address, word >> 8 & 0xff),
		raw_tail(0, size)};
}

size_t live_table_lock(void)
{
	size_t records = 0;

	is_inside = true;
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_lock(&table->locks[i]);
	visit_all(count_records, &records);
	return records;
}

void live_table_copy(struct raw_record *to)
{
	visit_all(copy_block, &to);
}

/* Its memory stays mapped, for threads that are on their way to its locks. */
static void drop_memory(void)
{
	for (uint64_t r = 0; r < REGIONS; r++) {
		struct region *region = table->regions[r];
		for (uint64_t c = 0; region != NULL && c < CHUNKS; c++)
			if (region->chunks[c] != NULL)
				madvise(region->chunks[c],
				        sizeof *region->chunks[c],
				        MADV_DONTNEED);
	}
}

void live_table_give_up(void)
{
	table->given_up = true;
	drop_memory();
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_unlock(&table->locks[i]);
	is_inside = false;
}

uint64_t live_table_left_out(void)
{
	return table->left_out;
}
