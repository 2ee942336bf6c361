/*
 * cache.h - what the files of the slab allocator share: slabs, caches, heap.
 */
#ifndef ALLOCATORS_SLAB_CACHE_H
#define ALLOCATORS_SLAB_CACHE_H

#include <stdint.h>
#include <sys/queue.h>

#include "../common/misuse.h"
#include "pages.h"
#include "slab.h"

/* Slow paths stay out of the fast ones. */
#define NOINLINE __attribute__((noinline))

enum {
	SLAB_MAGIC = 0x51AB51AB,  /* first bytes of a descriptor             */
	SLAB_WASTE_SHARE = 8,     /* at most 1/8 of a slab [Bonwick94, 4]    */
	SLAB_BYTES_MAX = 2 << 20, /* a page block of an arena of 4 MiB       */
	SLAB_MIN_MAX = 64 << 10,  /* largest value of the knob slab_min      */
	DESCRIPTOR_CACHES = 5,    /* of 64, 128, ... 1024 bytes              */
	SIZE_CACHES_MAX = 96,
};

/* Where the descriptor of a slab lies; the values of a knob. */
enum slab_place { PLACE_AUTO, PLACE_ON, PLACE_OFF };

/* Where a slab that stops being full joins the partial list; a knob. */
enum partial_order { PARTIAL_FIFO, PARTIAL_LIFO };

struct slab_config {
	enum slab_place place;
	size_t slab_min_bytes;
	size_t colour_bytes; /* 0: no colouring                              */
	size_t empty_limit;  /* empty slabs kept, per cache                  */
	enum partial_order partial_order;
	size_t kmalloc_max; /* larger requests go to the pages               */
};

/*
 * The descriptor of a slab.  The magic comes first, because an object that is
 * overrun at the end of a slab hits the descriptor there.
 */
struct slab {
	uint32_t magic;
	uint32_t colour;     /* bytes before slot 0                          */
	uint32_t used;       /* live slots                                   */
	uint32_t first_word; /* free_bits has no bit below this word         */
	TAILQ_ENTRY(slab) link;
	struct kmem_cache *cache;
	char *slot0;
	uint64_t free_bits[]; /* bit i: slot i is free                       */
};

static_assert(sizeof(struct slab) == 48, "and a bit per slot");
static_assert(sizeof(struct slab) + SLAB_MIN_MAX / MALLOC_ALIGN_BYTES / 8 <=
                      64 << (DESCRIPTOR_CACHES - 1),
              "a descriptor cache holds the largest descriptor");

/* How a cache cuts a run of pages into slots; see layout.c. */
struct slab_layout {
	size_t slab_bytes;
	size_t slot_bytes;
	size_t slots;
	size_t words;            /* of free_bits                             */
	size_t descriptor_bytes; /* a multiple of 16                         */
	size_t colours;
	size_t colour_step;
	bool off_slab;
};

TAILQ_HEAD(slab_list, slab);

struct kmem_cache {
	TAILQ_ENTRY(kmem_cache) chain;
	struct slab_heap *heap;
	struct slab_layout layout;
	struct slab_list full, partial, empty;
	size_t empty_slabs;
	size_t next_colour;  /* of the next slab, 0..colours - 1              */
	size_t object_bytes; /* asked for; slots are rounded up              */
	void (*construct)(void *object, size_t size);
	void (*destruct)(void *object, size_t size);
	bool internal; /* its objects are metadata                           */
	char name[KMEM_NAME_MAX];
	char partial_name[KMEM_NAME_MAX + 8]; /* "size-64 partial"           */
	char empty_name[KMEM_NAME_MAX + 8];   /* "size-64 empty"             */
};

TAILQ_HEAD(cache_chain, kmem_cache);

/*
 * The heap, at the start of pages of its own.  The two kinds of cache that the
 * caches themselves need cannot come from a cache, so they lie here.
 */
struct slab_heap {
	struct page_source *source;
	size_t bytes; /* of this struct with its table, in whole pages       */
	struct slab_config config;
	struct heap_stats stats;
	struct kpages pages;
	struct cache_chain chain;
	struct kmem_cache cache_cache; /* of struct kmem_cache               */
	struct kmem_cache descriptor_cache[DESCRIPTOR_CACHES];
	struct kmem_cache *size_cache[SIZE_CACHES_MAX];
	struct kmem_cache *aligned_cache[PAGE_LOG2]; /* by log2, made late   */
	char message[256];  /* the last sentence of check()                   */
	uint8_t class_of[]; /* (size + 15) / 16 -> index in size_cache       */
};

static inline struct slab_heap *slab_heap_of(struct heap *heap)
{
	return (struct slab_heap *)heap;
}

/* ---- layout.c ---- */

/*
 * Plans slabs for objects of `size` bytes at multiples of `align`: the smallest
 * slab that wastes at most 1/8.  There is one for every size up to
 * KMEM_OBJECT_MAX.
 */
struct slab_layout slab_layout_plan(const struct slab_config *config,
                                    enum slab_place place, size_t size,
                                    size_t align);

/* Bytes of a slab that are not slots, its descriptor included wherever it is. */
size_t slab_layout_waste(const struct slab_layout *layout);

/* ---- cache.c ---- */

/* Fills in a cache and puts it on the chain; `place` overrides the knob. */
void slab_cache_init(struct slab_heap *heap, struct kmem_cache *cache,
                     const struct kmem_cache_spec *spec, enum slab_place place);

/* Frees slot `index` of a slab. */
void slab_put(struct kmem_cache *cache, struct slab *slab, size_t index);

/*
 * Gives empty slabs and free pages back to the source, because it has refused or
 * the harness asks for it; returns the bytes.  Preserves errno.
 */
size_t slab_heap_relieve(struct slab_heap *heap);

/* ---- diagnose.c: the checked build's look before a block is used ---- */

/* Stops unless `block` is live; `call` is the caller's: "free", "realloc". */
void slab_misuse_check_block(struct slab_heap *heap, const void *block,
                             const char *call);

/* The same, and the block must be an object of `cache`. */
void slab_misuse_check_object(struct kmem_cache *cache, const void *object);

static inline char *slab_start(const struct slab *slab)
{
	return slab->slot0 - slab->colour;
}

static inline char *slot_address(const struct slab *slab, size_t index)
{
	return slab->slot0 + index * slab->cache->layout.slot_bytes;
}

/* The slot that contains `address`, which lies behind slot0. */
static inline size_t slot_index(const struct slab *slab, const void *address)
{
	uint32_t offset = (uint32_t)((const char *)address - slab->slot0);
	return offset / (uint32_t)slab->cache->layout.slot_bytes;
}

static inline bool slot_is_free(const struct slab *slab, size_t index)
{
	return slab->free_bits[index / 64] >> (index % 64) & 1;
}

/* The lowest free slot of a slab that has one. */
static inline size_t slab_lowest_free(const struct slab *slab)
{
	size_t word = slab->first_word;

	while (slab->free_bits[word] == 0)
		word++;
	return word * 64 + (size_t)__builtin_ctzll(slab->free_bits[word]);
}

/* The slab that the next alloc of a cache takes from, NULL for a new one. */
static inline struct slab *cache_next_slab(const struct kmem_cache *cache)
{
	struct slab *slab = TAILQ_FIRST(&cache->partial);

	return slab != NULL ? slab : TAILQ_FIRST(&cache->empty);
}

#endif
