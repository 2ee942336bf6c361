/*
 * page_hash.c - the page map as a hash table, to see why nobody does that.
 *
 * Idea.  A table of (page, entry) pairs, found by a hash of the page number, and
 * next to it where the slot is taken.  It is small and knows nothing of address
 * spaces; but it moves when it grows, so every look-up needs the lock, and free()
 * looks up every block.  All threads then queue for one lock, however many
 * thread caches they have:  page_map=hash against page_map=2 is the experiment.
 *
 *     page 0x3f4801 --hash--> 5      slots  0 1 2 3 4 5 6 7 8
 *                                           . . a . . b c d .
 *                                                     ^ taken: look on; found
 *
 * Taking a page out moves those behind it up, so that no search stops short:
 *
 *     [b][c][d][ ]  - b  =>  [c][d][ ][ ]     c and d had hashed to b's slot
 *
 * Invariants.
 *     I3  at most half of the slots are used (check.c)
 *
 * Cost.     O(1) and a lock; 16 bytes a slot, two to four slots a page
 * Threads.  One lock around everything.
 * Sources.  [Knuth98, 6.4] linear probing, algorithms L and R.
 *
 * Read next: metadata.c, where descriptors lie.
 */
#include "page_hash.h"

#include "../common/bits.h"

enum { SLOTS_MIN = PAGE_BYTES / sizeof(struct tcm_hash_slot) };

void tcm_page_hash_open(struct tcm_page_hash *hash, struct page_source *source,
                        const char *single_thread)
{
	*hash = (struct tcm_page_hash){.source = source,
	                               .single_thread = single_thread};
}

void tcm_page_hash_close(struct tcm_page_hash *hash)
{
	if (hash->slots != NULL)
		page_source_unmap(hash->source, hash->slots,
		                  hash->capacity * sizeof *hash->slots);
}

/* Fibonacci hashing: the high bits of a product [Knuth98, 6.4]. */
static size_t home_of(const struct tcm_page_hash *hash, uintptr_t page)
{
	uint64_t product = page * 0x9e3779b97f4a7c15u;

	return product >> (64 - log2_floor(hash->capacity));
}

/* The slot of the page, or the free one where it would be put. */
static struct tcm_hash_slot *slot_of(const struct tcm_page_hash *hash,
                                     uintptr_t page)
{
	size_t mask = hash->capacity - 1, i = home_of(hash, page);

	while (hash->slots[i].page != page && hash->slots[i].page != 0)
		i = (i + 1) & mask;
	return &hash->slots[i];
}

static void put(struct tcm_page_hash *hash, uintptr_t page, uint64_t entry)
{
	struct tcm_hash_slot *slot = slot_of(hash, page);

	hash->used += slot->page == 0;
	slot->page = page;
	slot->entry = entry;
}

/* Frees the slot, and moves up what would no longer be found behind it. */
static void take_out(struct tcm_page_hash *hash, uintptr_t page)
{
	size_t mask = hash->capacity - 1;
	struct tcm_hash_slot *slot = slot_of(hash, page);

	if (slot->page == 0)
		return;
	hash->used--;
	size_t hole = (size_t)(slot - hash->slots);
	for (size_t i = (hole + 1) & mask; hash->slots[i].page != 0;
	     i = (i + 1) & mask) {
		size_t home = home_of(hash, hash->slots[i].page);
		if (((i - home) & mask) < ((i - hole) & mask))
			continue; /* it may stay: its home is behind the hole */
		hash->slots[hole] = hash->slots[i];
		hole = i;
	}
	hash->slots[hole].page = 0;
}

/* Moves everything into a table of `capacity` slots. */
static bool grow(struct tcm_page_hash *hash, size_t capacity)
{
	struct tcm_page_hash old = *hash;
	size_t bytes = capacity * sizeof *hash->slots;
	void *slots = page_source_map(hash->source, bytes, PAGE_BYTES);

	if (slots == NULL)
		return false;
	hash->slots = slots;
	hash->capacity = capacity;
	hash->used = 0;
	for (size_t i = 0; i < old.capacity; i++)
		if (old.slots[i].page != 0)
			put(hash, old.slots[i].page, old.slots[i].entry);
	tcm_page_hash_close(&old);
	counter_set(&hash->bytes, bytes);
	return true;
}

bool tcm_page_hash_reserve(struct tcm_page_hash *hash, size_t pages)
{
	size_t capacity = hash->capacity == 0 ? SLOTS_MIN : hash->capacity;
	bool is_done = true;

	while (capacity < 2 * pages)
		capacity *= 2;
	lock_take(&hash->lock, hash->single_thread);
	if (capacity != hash->capacity)
		is_done = grow(hash, capacity);
	lock_drop(&hash->lock, hash->single_thread);
	return is_done;
}

uint64_t tcm_page_hash_get(struct tcm_page_hash *hash, uintptr_t page)
{
	uint64_t entry = 0;

	lock_take(&hash->lock, hash->single_thread);
	if (hash->capacity > 0 && page != 0) {
		const struct tcm_hash_slot *slot = slot_of(hash, page);
		entry = slot->page == page ? slot->entry : 0;
	}
	lock_drop(&hash->lock, hash->single_thread);
	return entry;
}

void tcm_page_hash_set(struct tcm_page_hash *hash, uintptr_t page, size_t pages,
                       uint64_t entry)
{
	lock_take(&hash->lock, hash->single_thread);
	for (uintptr_t at = page; at < page + pages; at++)
		if (entry != 0)
			put(hash, at, entry);
		else
			take_out(hash, at);
	lock_drop(&hash->lock, hash->single_thread);
}
