/*
 * pages_check.c - the page heap verified (I1-I4 of pages.c), and the look-ups
 * that only checks make.
 */
#include <stdarg.h>
#include <stdio.h>

#include "arena.h"

struct arena *kpages_arena_around(const struct kpages *pages,
                                  const void *address)
{
	struct arena *arena;

	TAILQ_FOREACH (arena, &pages->arenas, by_address)
		if ((const char *)address >= (char *)arena &&
		    (const char *)address < page_address(arena, arena->pages))
			return arena;
	return NULL;
}

const struct page *kpages_free_block_around(const struct arena *arena,
                                            size_t number)
{
	for (unsigned k = 0; k < PAGE_ORDERS; k++) {
		size_t start = round_down(number, (size_t)1 << k);
		const struct page *page = &arena->page[start];
		if (start < arena->first)
			return NULL;
		if (page->use == PAGE_FREE &&
		    number < start + ((size_t)1 << page->order))
			return page;
	}
	return NULL;
}

/* What a check has counted so far, and where its sentence goes. */
struct page_check {
	const struct kpages *pages;
	size_t blocks[PAGE_ORDERS]; /* free blocks in the page maps */
	size_t free_backed;
	char *sentence;
	size_t capacity;
};

static bool broken(struct page_check *check, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool broken(struct page_check *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(check->sentence, check->capacity, format, args);
	va_end(args);
	return false;
}

static bool check_free_block(struct page_check *check,
                             const struct arena *arena, size_t number)
{
	unsigned order = arena->page[number].order;
	size_t count = (size_t)1 << order, buddy = number ^ count;
	const void *address = page_address(arena, number);

	if (order >= PAGE_ORDERS || number % count != 0 ||
	    number + count > arena->top)
		return broken(check,
		              "slab I1: the free block at %p is not an aligned "
		              "block of order %u below the top",
		              address, order);
	if (buddy + count <= arena->top &&
	    arena->page[buddy].use == PAGE_FREE &&
	    arena->page[buddy].order == order)
		return broken(check,
		              "slab I2: the free block at %p of order %u has a "
		              "free buddy",
		              address, order);
	check->blocks[order]++;
	for (size_t i = number; i < number + count; i++) {
		if (arena->page[i].use !=
		    (i == number ? PAGE_FREE : PAGE_INSIDE))
			return broken(check,
			              "slab I4: page %p is in the free "
			              "block at %p and in use",
			              (void *)page_address(arena, i), address);
		check->free_backed += arena->page[i].backed;
	}
	return true;
}

/* A slab's pages are verified with the slabs; here each is one page in use. */
static bool check_used(struct page_check *check, const struct arena *arena,
                       size_t number, size_t count)
{
	if (number + count > arena->top)
		return broken(check,
		              "slab I4: the large block at %p ends above the "
		              "top of its arena",
		              (void *)page_address(arena, number));
	for (size_t i = number; i < number + count; i++) {
		if (!arena->page[i].backed)
			return broken(check,
			              "slab I4: page %p is in use and not "
			              "committed",
			              (void *)page_address(arena, i));
		if (i > number && arena->page[i].use != PAGE_INSIDE)
			return broken(check,
			              "slab I4: page %p is inside the large "
			              "block at %p and something else",
			              (void *)page_address(arena, i),
			              (void *)page_address(arena, number));
	}
	return true;
}

static bool check_arena(struct page_check *check, const struct arena *arena)
{
	size_t used = 0, count;

	for (size_t number = arena->first; number < arena->top;
	     number += count) {
		const struct page *page = &arena->page[number];
		count = 1;
		if (page->use == PAGE_FREE) {
			if (!check_free_block(check, arena, number))
				return false;
			count = (size_t)1 << page->order;
			continue;
		}
		if (page->use == PAGE_LARGE)
			count = page->run_pages;
		else if (page->use != PAGE_SLAB)
			return broken(check, "slab I4: no block covers page %p",
			              (void *)page_address(arena, number));
		if (!check_used(check, arena, number, count))
			return false;
		used += count;
	}
	if (used != arena->used)
		return broken(check,
		              "slab I4: %zu pages of the arena at %p are in "
		              "use, it counts %zu",
		              used, (const void *)arena, arena->used);
	return true;
}

static bool check_chunk(struct page_check *check, const struct arena *chunk)
{
	const struct page *page = &chunk->page[chunk->first];

	if (page->use != PAGE_LARGE || page->run_pages != chunk->used ||
	    chunk->first + chunk->used != chunk->pages)
		return broken(check,
		              "slab I4: the chunk at %p is not one large block",
		              (const void *)chunk);
	return true;
}

/* One list against what the maps hold. */
static bool check_free_list(struct page_check *check, unsigned order)
{
	const struct kpages *pages = check->pages;
	const struct page *page;
	size_t listed = 0;
	bool backed = true;

	TAILQ_FOREACH (page, &pages->free[order], link) {
		if (page->use != PAGE_FREE || page->order != order)
			return broken(
				check,
				"slab I3: free list %u has a block that is "
				"not free or not of its order",
				order);
		if (page->backed && !backed)
			return broken(check,
			              "slab I3: free list %u has a block with "
			              "memory behind one without",
			              order);
		backed = page->backed;
		if (++listed > check->blocks[order])
			break;
	}
	if (listed != check->blocks[order] ||
	    (pages->nonempty >> order & 1) != (listed > 0))
		return broken(
			check,
			"slab I3: %zu free blocks have order %u, its list "
			"or bit says otherwise",
			check->blocks[order], order);
	return true;
}

bool kpages_check(struct kpages *pages, char *sentence, size_t capacity)
{
	struct page_check check = {
		.pages = pages, .sentence = sentence, .capacity = capacity};
	const struct arena *arena;

	TAILQ_FOREACH (arena, &pages->arenas, by_address)
		if (!(arena->is_chunk ? check_chunk(&check, arena)
		                      : check_arena(&check, arena)))
			return false;
	if (check.free_backed != pages->free_backed)
		return broken(&check,
		              "slab I4: %zu free pages are committed, the page "
		              "heap counts %zu",
		              check.free_backed, pages->free_backed);
	for (unsigned k = 0; k < PAGE_ORDERS; k++)
		if (!check_free_list(&check, k))
			return false;
	return true;
}
