/*
 * touched.c - which pages of a block have the program's bytes?
 *
 * Idea.  The kernel knows which pages hold something, and forgets it where it is
 * told to: a page that was dropped (MADV_DONTNEED) comes back, as zeros, when it
 * is written to.  What a block of malloc holds at first is nobody's, and of
 * calloc it is zeros.  So the whole pages inside a new block are dropped before
 * the program gets it, and counted when the block ends.
 *
 * Picture.  A block of 23,000 bytes that the program has written 9,000 to:
 *
 *     pages    |       |       |       |       |       |       |
 *     block        [----------------------------------------]
 *     whole            | drop  | drop  | drop  | drop  |
 *     at its end   head| there | there |   -   |   -   |tail
 *     touched      [-----------------------]
 *
 * Words.
 *     whole    the pages that no other block has a part of
 *     head     the bytes before them.  Neighbours write to that page, too, so
 *              nothing can be seen; programs begin at the beginning: touched
 *     tail     the bytes behind them: touched if the last whole page is.  Of an
 *              earlier last page only what is in front of its zeros counts:
 *              in a replay the block begins elsewhere in its page
 *     fresh    the part of a block whose bytes nobody has written yet: all of a
 *              new one, what was added of a resized one
 *
 * How many pages are touched is kept, not which ones.
 *
 * Only blocks that were dropped are in the table; it is asked by the address, and
 * walked at the end of the program for the blocks that nobody frees.  A block
 * that is not in it counts as touched from end to end: it has no whole page, was
 * live before the recording, or the table was full.  A realloc that copies
 * writes to the new pages itself, and they count: so does an allocator's in a
 * replay.
 *
 * Invariants.
 *     I1  an entry lies where probing from its home finds it: no gap between
 *     I2  a page with bytes of the program is never dropped
 *
 * Cost.     A call of the kernel for each large block at its begin, four at its
 *           end, and a fault for each page that it touches.
 * Threads.  Any; one lock.  A forked child finds zeros (MADV_WIPEONFORK).
 * Sources.  madvise(2); [proc(5)] for what is counted (resident.c).
 * Read next: writer.c, where it is called; ../merge.c.
 */
#include "touched.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>

#include "next.h"
#include "resident.h"

enum {
	ENTRIES_LOG2 = 18,
	ENTRIES = 1 << ENTRIES_LOG2,
	ENTRIES_MAX = ENTRIES / 4 * 3, /* large blocks live at a time */
};

struct entry {
	uint64_t address; /* 0: none */
	uint64_t size;    /* as the program asked for it */
};

struct table {
	pthread_mutex_t lock;
	uint32_t count;
	struct entry entries[ENTRIES];
};

static struct table *table;

/* The block that this thread's realloc is about. */
struct resized {
	bool is_known;   /* false: nothing is known of its bytes      */
	uint64_t size;   /* 0: it was not in the table                */
	uint64_t usable; /* the most bytes that it can hold           */
};
static __thread struct resized resized
	__attribute__((tls_model("initial-exec")));
/* A signal handler that allocates in the middle of an operation. */
static __thread bool is_inside __attribute__((tls_model("initial-exec")));

/* --- whole pages ---------------------------------------------------------- */

struct range {
	uint64_t start, end;
};

static uint64_t page_up(uint64_t address)
{
	return (address + RESIDENT_PAGE_BYTES - 1) / RESIDENT_PAGE_BYTES *
	       RESIDENT_PAGE_BYTES;
}

/* Those inside [start, end), perhaps none: then end <= start. */
static struct range whole_pages(uint64_t start, uint64_t end)
{
	return (struct range){page_up(start),
	                      end / RESIDENT_PAGE_BYTES * RESIDENT_PAGE_BYTES};
}

static bool has_pages(struct range range)
{
	return range.start < range.end;
}

/* False where the kernel keeps them, as it does locked ones. */
static bool drop(struct range range)
{
	return !has_pages(range) ||
	       madvise((void *)(uintptr_t)range.start, range.end - range.start,
	               MADV_DONTNEED) == 0;
}

/* Of the last page that is there; the rest of it is as it was dropped. */
static uint64_t written_of_last(const struct resident *resident)
{
	return resident_written(resident->end - RESIDENT_PAGE_BYTES);
}

/* The bytes of a block that are touched; false where nobody knows. */
static bool count(const struct entry *entry, uint64_t *bytes)
{
	uint64_t end = entry->address + entry->size;
	struct range whole = whole_pages(entry->address, end);
	struct resident resident;
	int cancel;

	/* Opening a file is a cancellation point; free must not be one. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	bool good = resident_count(whole.start, whole.end, &resident);
	pthread_setcancelstate(cancel, NULL);
	if (!good)
		return false;
	*bytes = whole.start - entry->address +
	         resident.pages * RESIDENT_PAGE_BYTES;
	if (resident.end == whole.end)
		*bytes += end - whole.end;
	else if (resident.end != 0)
		*bytes -= RESIDENT_PAGE_BYTES - written_of_last(&resident);
	return true;
}

/* --- the table, under its lock --------------------------------------------- */

static size_t home_of(uint64_t address)
{
	return (address >> 4) * 0x9e3779b97f4a7c15u >> (64 - ENTRIES_LOG2);
}

/* Where an address is, or the empty place where it would be. */
static size_t find_locked(uint64_t address)
{
	size_t at = home_of(address);

	while (table->entries[at].address != 0 &&
	       table->entries[at].address != address)
		at = (at + 1) % ENTRIES;
	return at;
}

static void put_locked(uint64_t address, uint64_t size)
{
	struct entry *entry = &table->entries[find_locked(address)];

	if (entry->address == 0 && table->count == ENTRIES_MAX)
		return;
	table->count += entry->address == 0;
	*entry = (struct entry){address, size};
}

/* Empties a place; entries behind it move up where it lies on their way. */
static void remove_locked(size_t hole)
{
	struct entry *entries = table->entries;

	table->count--;
	for (size_t at = (hole + 1) % ENTRIES; entries[at].address != 0;
	     at = (at + 1) % ENTRIES) {
		size_t home = home_of(entries[at].address);
		if ((at - home) % ENTRIES < (at - hole) % ENTRIES)
			continue;
		entries[hole] = entries[at];
		hole = at;
	}
	entries[hole].address = 0;
}

/* The entry of a block, which leaves the table; its address 0: none. */
static struct entry take_locked(uint64_t address)
{
	size_t at = find_locked(address);
	struct entry entry = table->entries[at];

	if (entry.address != 0)
		remove_locked(at);
	return entry;
}

/* Returns whether there is nobody to lock out. */
static bool table_lock(void)
{
	bool is_alone = __libc_single_threaded;

	is_inside = true;
	if (!is_alone)
		pthread_mutex_lock(&table->lock);
	return is_alone;
}

static void table_unlock(bool is_alone)
{
	if (!is_alone)
		pthread_mutex_unlock(&table->lock);
	is_inside = false;
}

bool touched_open(void)
{
	if (table != NULL)
		return true;
	table = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE,
	             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (table != MAP_FAILED &&
	    madvise(table, sizeof *table, MADV_WIPEONFORK) == 0)
		return true;
	if (table != MAP_FAILED)
		munmap(table, sizeof *table);
	table = NULL;
	return false;
}

/* --- blocks ---------------------------------------------------------------- */

static void put(uint64_t address, uint64_t size)
{
	bool is_alone = table_lock();

	put_locked(address, size);
	table_unlock(is_alone);
}

static struct entry take(uint64_t address)
{
	bool is_alone = table_lock();
	struct entry entry = take_locked(address);

	table_unlock(is_alone);
	return entry;
}

/* A block of `size` bytes begins, of which the first `used` are not fresh. */
static void begin_block(uint64_t address, uint64_t size, uint64_t used)
{
	uint64_t end = address + size;

	if (!has_pages(whole_pages(address, end)))
		return;
	if (used >= size || drop(whole_pages(address + used, end)))
		put(address, size);
}

/* A block ends; false if it is not known how much of it is touched. */
static bool end_block(uint64_t address, uint64_t *bytes)
{
	struct entry entry = take(address);

	resized.size = entry.size;
	return entry.address != 0 && count(&entry, bytes);
}

/* The other half of a realloc. */
static void begin_resized(uint64_t address, uint64_t size)
{
	begin_block(address, size, resized.is_known ? resized.usable : size);
	resized.is_known = false;
}

static void release(const void *block)
{
	resized.is_known = next.usable_size != NULL;
	if (resized.is_known)
		resized.usable = next.usable_size((void *)(uintptr_t)block);
}

bool touched_note(enum raw_kind kind, const void *block, size_t size,
                  uint64_t *bytes)
{
	uint64_t address = (uintptr_t)block;

	if (is_inside || block == NULL)
		return false;
	switch (kind) {
	case RAW_MALLOC:
	case RAW_CALLOC:
	case RAW_ALIGNED:
		begin_block(address, size, 0);
		return false;
	case RAW_FREE:
		return end_block(address, bytes);
	case RAW_RELEASE:
		release(block);
		return end_block(address, bytes);
	case RAW_ACQUIRE:
		begin_resized(address, size);
		return false;
	case RAW_CANCEL:
		if (resized.is_known && resized.size > 0)
			put(address, resized.size);
		resized.is_known = false;
		return false;
	default:
		return false;
	}
}

void touched_tell_all(touched_teller *tell)
{
	uint64_t bytes;

	if (is_inside) /* exit, in a signal handler */
		return;
	bool is_alone = table_lock();

	for (size_t i = 0; i < ENTRIES; i++) {
		struct entry *entry = &table->entries[i];
		if (entry->address != 0 && count(entry, &bytes))
			tell((const void *)(uintptr_t)entry->address, bytes);
		entry->address = 0;
	}
	table->count = 0;
	table_unlock(is_alone);
}
