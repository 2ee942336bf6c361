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
 *     locks p's shard: given up
 *     records malloc = p
 *
 * Picture.  The hash of an address picks the shard, then the place in it.
 *
 *     shards  | lock, entries, capacity, count | ...          64 of them
 *                       |
 *                       v
 *             | . | a | b | . | . | c | . | . |   a: kind, alignment, address
 *                                                    and size, 16 bytes
 *
 * Invariants.
 *     I1  a shard is at most 3/4 full, and longer than 2^20 entries never
 *     I2  between an entry and its home no place is empty
 *
 * Cost.     O(1), with a lock; 21 to 43 bytes a live block, 1 GiB at most.
 * Threads.  Any.  A forked child finds zeros (MADV_WIPEONFORK), which are open
 *           locks and empty shards, whoever held them.
 * Read next: session.c (who starts when), ../merge.c (the prelude).
 */
#include "live_table.h"

#include <pthread.h>
#include <sys/mman.h>

#include "writer.h"

enum {
	SHARD_BITS = 6,
	SHARDS = 1 << SHARD_BITS,
	FIRST_CAPACITY = 256, /* entries: a page */
	LAST_CAPACITY = 1 << 20,
};

struct live_entry {
	uint64_t head; /* raw_head() of the call that allocated it; 0: empty */
	uint64_t size;
};

struct shard {
	pthread_mutex_t lock;
	/* under lock */
	struct live_entry *entries;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
	uint64_t left_out;
	bool given_up;
};

static struct shard *shards;

/* What this thread's realloc released: it may have to be put back. */
static __thread struct live_entry released
	__attribute__((tls_model("initial-exec")));
/* A signal handler that allocates in the middle of an operation. */
static __thread bool is_inside __attribute__((tls_model("initial-exec")));

/* --- places --------------------------------------------------------------- */

static uint64_t hash_of(uint64_t address)
{
	return address * 0x9e3779b97f4a7c15u;
}

static struct shard *shard_of(uint64_t address)
{
	return &shards[hash_of(address) >> (64 - SHARD_BITS)];
}

static size_t home_of(const struct shard *shard, uint64_t head)
{
	uint64_t hash = hash_of(head & RAW_ADDRESS_MASK);

	return (hash << SHARD_BITS >> 40) & (shard->capacity - 1);
}

/* The place of the address, or the empty one that ends its search. */
static size_t probe(const struct shard *shard, uint64_t address)
{
	size_t at = home_of(shard, address);

	while (shard->entries[at].head != 0 &&
	       (shard->entries[at].head & RAW_ADDRESS_MASK) != address)
		at = (at + 1) & (shard->capacity - 1);
	return at;
}

static void *map_wiped(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (madvise(memory, bytes, MADV_WIPEONFORK) == 0)
		return memory;
	munmap(memory, bytes);
	return NULL;
}

/* Room for one more; false where the limit is reached, or memory's end. */
static bool shard_grow(struct shard *shard)
{
	struct shard larger = *shard;

	if (4 * (shard->count + 1) <= 3 * shard->capacity)
		return true;
	larger.capacity =
		shard->capacity == 0 ? FIRST_CAPACITY : 2 * shard->capacity;
	if (larger.capacity > LAST_CAPACITY)
		return false;
	larger.entries = map_wiped(larger.capacity * sizeof *larger.entries);
	if (larger.entries == NULL)
		return false;
	for (size_t i = 0; i < shard->capacity; i++) {
		struct live_entry entry = shard->entries[i];
		if (entry.head != 0)
			larger.entries[probe(&larger,
			                     entry.head & RAW_ADDRESS_MASK)] =
				entry;
	}
	if (shard->capacity > 0)
		munmap(shard->entries,
		       shard->capacity * sizeof *shard->entries);
	shard->entries = larger.entries;
	shard->capacity = larger.capacity;
	return true;
}

/* --- blocks --------------------------------------------------------------- */

/* A block that is there already was freed past us. */
static void put_locked(struct shard *shard, struct live_entry entry)
{
	if (!shard_grow(shard)) {
		shard->left_out++;
		return;
	}
	size_t at = probe(shard, entry.head & RAW_ADDRESS_MASK);
	shard->count += shard->entries[at].head == 0;
	shard->entries[at] = entry;
}

/* Moves up what probing would lose behind the gap [Knuth98, 6.4]. */
static void close_gap_locked(struct shard *shard, size_t hole)
{
	size_t mask = shard->capacity - 1, at = hole;

	for (;;) {
		shard->entries[hole].head = 0;
		size_t home;
		do {
			at = (at + 1) & mask;
			if (shard->entries[at].head == 0)
				return;
			home = home_of(shard, shard->entries[at].head);
		} while (((at - home) & mask) < ((at - hole) & mask));
		shard->entries[hole] = shard->entries[at];
		hole = at;
	}
}

/* Returns what was taken; its head is 0 if the block is not known. */
static struct live_entry take_locked(struct shard *shard, uint64_t address)
{
	struct live_entry entry = {0, 0};

	if (shard->capacity == 0)
		return entry;
	size_t at = probe(shard, address);
	entry = shard->entries[at];
	if (entry.head == 0)
		return entry;
	shard->count--;
	close_gap_locked(shard, at);
	return entry;
}

static void note_locked(struct shard *shard, enum raw_kind kind,
                        uint64_t address, size_t size, unsigned align_log2)
{
	const struct live_entry none = {0, 0};

	switch (kind) {
	case RAW_MALLOC:
	case RAW_CALLOC:
	case RAW_ALIGNED:
		put_locked(shard,
		           (struct live_entry){
				   raw_head(kind, address, align_log2), size});
		break;
	case RAW_ACQUIRE:
		put_locked(shard,
		           (struct live_entry){raw_head(RAW_MALLOC, address, 0),
		                               size});
		released = none;
		break;
	case RAW_FREE:
		take_locked(shard, address);
		break;
	case RAW_RELEASE:
		released = take_locked(shard, address);
		break;
	case RAW_CANCEL:
		if (released.head != 0)
			put_locked(shard, released);
		released = none;
		break;
	default: /* a thread's end changes no block */
		break;
	}
}

bool live_table_note(enum raw_kind kind, const void *block, size_t size,
                     unsigned align_log2)
{
	struct shard *shard = shard_of((uintptr_t)block);

	if (is_inside)
		return true;
	is_inside = true;
	pthread_mutex_lock(&shard->lock);
	bool given_up = shard->given_up;
	if (!given_up && block != NULL)
		note_locked(shard, kind, (uintptr_t)block, size, align_log2);
	pthread_mutex_unlock(&shard->lock);
	is_inside = false;
	return !given_up;
}

void live_table_settle(enum raw_kind *kind, size_t *size)
{
	if (released.head == 0)
		return;
	if (*kind == RAW_CANCEL)
		*size = released.size;
	if (*kind == RAW_CANCEL || *kind == RAW_ACQUIRE)
		*kind = RAW_MALLOC;
	released.head = 0;
}

/* --- begin and end -------------------------------------------------------- */

bool live_table_open(void)
{
	if (shards == NULL)
		shards = map_wiped(SHARDS * sizeof *shards);
	return shards != NULL;
}

size_t live_table_lock(void)
{
	size_t records = 0;

	is_inside = true;
	for (int i = 0; i < SHARDS; i++) {
		struct shard *shard = &shards[i];
		pthread_mutex_lock(&shard->lock);
		records += shard->count;
		for (size_t at = 0; at < shard->capacity; at++)
			records += shard->entries[at].head != 0 &&
			           shard->entries[at].size >= RAW_SIZE_IN_FRONT;
	}
	return records;
}

void live_table_copy(struct raw_record *to)
{
	for (int i = 0; i < SHARDS; i++)
		for (size_t at = 0; at < shards[i].capacity; at++) {
			struct live_entry entry = shards[i].entries[at];
			if (entry.head == 0)
				continue;
			if (entry.size >= RAW_SIZE_IN_FRONT)
				*to++ = (struct raw_record){
					raw_head(RAW_SIZE, 0, 0), entry.size};
			*to++ = (struct raw_record){entry.head,
			                            raw_tail(0, entry.size)};
		}
}

void live_table_give_up(void)
{
	for (int i = 0; i < SHARDS; i++) {
		struct shard *shard = &shards[i];
		if (shard->capacity > 0)
			munmap(shard->entries,
			       shard->capacity * sizeof *shard->entries);
		shard->capacity = shard->count = 0;
		shard->given_up = true;
		pthread_mutex_unlock(&shard->lock);
	}
	is_inside = false;
}

uint64_t live_table_left_out(void)
{
	uint64_t left_out = 0;

	for (int i = 0; i < SHARDS; i++)
		left_out += shards[i].left_out;
	return left_out;
}
