/*
 * diagnose.c - what a bad pointer points to.
 *
 * A live block proves itself by two equal tags at the right distance.  Where
 * that fails, the row of blocks is walked from its start: it leads to the block
 * that contains the pointer, or to the one whose tags were overwritten on the
 * way.  This costs nothing but time, and only where there is an error already.
 */
#include "diagnose.h"

#include "../common/misuse.h"

/* Whether the tags of a block between the first and the fence can be right. */
static bool tags_are_sound(const struct fit_heap *heap,
                           const struct block *block)
{
	size_t bytes = block_bytes(block);
	size_t above = (size_t)(heap->top - (const char *)block);

	return (block->tag & ~(size_t)LIVE) == bytes &&
	       bytes >= heap->min_block && bytes <= above &&
	       *block_footer(block) == block->tag;
}

/* The block that contains `address`, or the damaged one before it. */
static const struct block *block_around(const struct fit_heap *heap,
                                        const char *address)
{
	const struct block *block = heap->first;

	while (tags_are_sound(heap, block) &&
	       (const char *)block_after(block) <= address)
		block = block_after(block);
	return block;
}

static _Noreturn void report_damage(const struct fit_heap *heap,
                                    const struct block *block,
                                    const void *payload, const char *call)
{
	misuse(heap->policy->name, payload,
	       "%s found damaged tags: the block at %p, or one beside it, was "
	       "written past its end or before its start (header 0x%zx)",
	       call, (const void *)((const char *)block + TAG_BYTES),
	       block->tag);
}

static _Noreturn void explain_inner(const struct fit_heap *heap,
                                    const void *payload, const char *call)
{
	const char *name = heap->policy->name;
	const struct block *block = block_around(heap, payload);
	const char *start = (const char *)block + TAG_BYTES;

	if (!tags_are_sound(heap, block))
		report_damage(heap, block, payload, call);
	if (block_is_free(block) && payload == start)
		misuse(name, payload, "double free: %s of a block that is free",
		       call);
	if (block_is_free(block))
		misuse(name, payload,
		       "double free or interior pointer: %s of an address "
		       "inside the hole at %p",
		       call, (const void *)block);
	misuse(name, payload,
	       "interior pointer: %s of an address %td bytes from the start of "
	       "the %zu bytes at %p",
	       call, (const char *)payload - start,
	       block_bytes(block) - TAGS_BYTES, (const void *)start);
}

/* Merging will read the tags on both sides. */
static void require_sound_neighbours(const struct fit_heap *heap,
                                     const struct block *block,
                                     const char *call)
{
	const struct block *after = block_after(block);
	const void *payload = (const char *)block + TAG_BYTES;
	size_t before = tag_before(block);

	if (after != fence(heap) && !tags_are_sound(heap, after))
		report_damage(heap, after, payload, call);
	if (before != LIVE && (before & LIVE) == 0 &&
	    (before > (size_t)((const char *)block - (const char *)heap) ||
	     !tags_are_sound(heap, hole_before(block))))
		explain_inner(heap, (const char *)block - 1, call);
}

void require_live(const struct fit_heap *heap, const void *payload,
                  const char *call)
{
	const char *name = heap->policy->name;
	const char *first = (const char *)heap->first + TAG_BYTES;
	const char *address = payload;

	if (address < first || address >= heap->end)
		misuse(name, payload,
		       "foreign pointer: %s of an address outside the heap",
		       call);
	if (address > heap->top && address < heap->touched)
		misuse(name, payload,
		       "double free: %s of a block that is free and part of "
		       "the wilderness",
		       call);
	if (address > heap->top)
		misuse(name, payload,
		       "foreign pointer: %s of an address in the wilderness, "
		       "where no block has been yet",
		       call);
	const struct block *block = payload_block(payload);
	if (!is_aligned(payload, MALLOC_ALIGN_BYTES) ||
	    !tags_are_sound(heap, block) || block_is_free(block))
		explain_inner(heap, payload, call);
	require_sound_neighbours(heap, block, call);
}

static bool can_be_hole(const struct fit_heap *heap, const struct block *other)
{
	return other == &heap->chain ||
	       (other >= heap->first && other < fence(heap) &&
	        is_aligned((const char *)other + TAG_BYTES,
	                   MALLOC_ALIGN_BYTES));
}

void require_linked(const struct fit_heap *heap, const struct block *hole)
{
	if (!can_be_hole(heap, hole->next) || !can_be_hole(heap, hole->prev) ||
	    hole->next->prev != hole || hole->prev->next != hole)
		misuse(heap->policy->name, (const char *)hole + TAG_BYTES,
		       "written after it was freed: the links of the hole at "
		       "%p, or of one it is linked with, are damaged",
		       (const void *)hole);
}
