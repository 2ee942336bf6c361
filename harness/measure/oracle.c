/*
 * oracle.c - the truth about live blocks.
 *
 * A block's pattern is one 64-bit word, drawn from its slot and its event and
 * repeated from its start.  So a byte's expected value depends on the block and
 * the offset alone, and realloc to another address or size keeps it.
 */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

#include "../mapped.h"
#include "../splitmix64.h"

enum { EDGE_BYTES = 64, STEP_BYTES = 4096, WORD_BYTES = 8 };

/* More usable bytes than twice the request and this: no design gives those. */
static const size_t ABSURD_BYTES = (size_t)1 << 30;

static size_t blocks_bytes(uint32_t slots)
{
	return ((size_t)slots + 1) * sizeof(struct oracle_block);
}

bool oracle_open(struct oracle *oracle, const struct allocator *allocator,
                 struct heap *heap, const struct trace *trace,
                 enum oracle_depth depth)
{
	*oracle = (struct oracle){.allocator = allocator,
	                          .heap = heap,
	                          .trace = trace,
	                          .depth = depth,
	                          .slots = trace->slots};
	oracle->blocks = mapped_new(blocks_bytes(trace->slots));
	return oracle->blocks != NULL && shadow_open(&oracle->shadow);
}

void oracle_close(struct oracle *oracle)
{
	shadow_close(&oracle->shadow);
	mapped_free(oracle->blocks, blocks_bytes(oracle->slots));
	oracle->blocks = NULL;
}

bool oracle_open_view(struct oracle *view, const struct oracle *oracle,
                      uint32_t slots)
{
	*view = *oracle;
	view->slots = slots;
	view->requested_bytes = view->usable_bytes = view->live = 0;
	view->blocks = mapped_new(blocks_bytes(slots));
	return view->blocks != NULL;
}

void oracle_close_view(struct oracle *view)
{
	mapped_free(view->blocks, blocks_bytes(view->slots));
	view->blocks = NULL;
}

/* ---- the pattern -------------------------------------------------------- */

/* A stretch of the block that carries the pattern, [from, to). */
typedef bool stretch_visitor(const struct oracle_block *block, size_t from,
                             size_t to, size_t *bad);

static bool fill_stretch(const struct oracle_block *block, size_t from,
                         size_t to, size_t *bad)
{
	const char *word = (const char *)&block->pattern;

	(void)bad;
	for (; from < to && from % WORD_BYTES != 0; from++)
		block->start[from] = word[from % WORD_BYTES];
	for (; from + WORD_BYTES <= to; from += WORD_BYTES)
		memcpy(block->start + from, word, WORD_BYTES);
	for (; from < to; from++)
		block->start[from] = word[from % WORD_BYTES];
	return true;
}

/* False with the offset of the first wrong byte. */
static bool verify_stretch(const struct oracle_block *block, size_t from,
                           size_t to, size_t *bad)
{
	const char *word = (const char *)&block->pattern;

	for (; from < to; from++) {
		while (from % WORD_BYTES == 0 && from + WORD_BYTES <= to &&
		       memcmp(block->start + from, word, WORD_BYTES) == 0)
			from += WORD_BYTES;
		if (from < to &&
		    block->start[from] != word[from % WORD_BYTES]) {
			*bad = from;
			return false;
		}
	}
	return true;
}

/* Visits the stretches of a block of `bytes` that lie below `limit`. */
static bool each_stretch(const struct oracle_block *block,
                         enum oracle_depth depth, size_t bytes, size_t limit,
                         stretch_visitor *visit, size_t *bad)
{
	if (depth == ORACLE_PLACES)
		return true;
	if (depth == ORACLE_ALL || bytes <= 2 * EDGE_BYTES)
		return visit(block, 0, bytes < limit ? bytes : limit, bad);
	if (!visit(block, 0, EDGE_BYTES < limit ? EDGE_BYTES : limit, bad))
		return false;
	for (size_t at = STEP_BYTES;
	     at + WORD_BYTES <= bytes - EDGE_BYTES && at + WORD_BYTES <= limit;
	     at += STEP_BYTES)
		if (!visit(block, at, at + WORD_BYTES, bad))
			return false;
	return bytes > limit || visit(block, bytes - EDGE_BYTES, bytes, bad);
}

/* How many bytes of the block carry the pattern at this depth. */
static size_t patterned_bytes(const struct oracle *oracle,
                              const struct oracle_block *block)
{
	return oracle->depth == ORACLE_ALL ? block->usable : block->requested;
}

static void fill(const struct oracle *oracle, struct oracle_block *block)
{
	size_t bad;
	each_stretch(block, oracle->depth, patterned_bytes(oracle, block),
	             SIZE_MAX, fill_stretch, &bad);
}

static uint32_t slot_of(const struct oracle *oracle,
                        const struct oracle_block *block)
{
	return (uint32_t)(block - oracle->blocks);
}

/* The trace's own number for it, which a view's operations do not use. */
static uint32_t recorded_slot(const struct oracle *oracle,
                              const struct oracle_block *block)
{
	return oracle->trace->ops[block->born - 1].slot;
}

static bool lost(struct oracle *oracle, const struct oracle_block *block,
                 size_t offset, uint64_t event, struct verdict *verdict)
{
	const char *word = (const char *)&block->pattern;

	verdict_set(verdict, VERDICT_LOST_BYTES, event,
	            "byte %zu of the %zu-byte block at %p is 0x%02x and should "
	            "be 0x%02x",
	            offset, block->requested, (void *)block->start,
	            (unsigned char)block->start[offset],
	            (unsigned char)word[offset % WORD_BYTES]);
	verdict_add_history(verdict, oracle->trace,
	                    recorded_slot(oracle, block), event);
	return false;
}

/* ---- places ------------------------------------------------------------- */

/* For the message: O(slots). */
struct oracle_block *oracle_find_overlap(const struct oracle *oracle,
                                         const struct oracle_block *block)
{
	for (uint32_t slot = 0; slot < oracle->slots; slot++) {
		struct oracle_block *other = &oracle->blocks[slot];
		if (other != block && other->born != 0 &&
		    other->start < block->start + block->usable &&
		    block->start < other->start + other->usable)
			return other;
	}
	return NULL;
}

bool oracle_say_overlap(const struct oracle *oracle,
                        const struct oracle_block *block,
                        const struct oracle_block *other, uint64_t event,
                        uint64_t known, struct verdict *verdict)
{
	verdict_set(
		verdict, VERDICT_OVERLAP, event,
		"the block of %zu bytes at %p overlaps the live block of %zu "
		"bytes at %p",
		block->usable, (void *)block->start, other->usable,
		(void *)other->start);
	verdict_add_history(verdict, oracle->trace,
	                    recorded_slot(oracle, other), known);
	return false;
}

static bool overlap(const struct oracle *oracle,
                    const struct oracle_block *block, uint64_t event,
                    struct verdict *verdict)
{
	const struct oracle_block *other = oracle_find_overlap(oracle, block);

	if (oracle->shadow.out_of_memory)
		return verdict_set(verdict, VERDICT_FAILED, event,
		                   "no memory for the oracle");
	if (other == NULL)
		return verdict_set(verdict, VERDICT_OVERLAP, event,
		                   "the block of %zu bytes at %p shares its "
		                   "first or last 8 bytes with another",
		                   block->usable, (void *)block->start);
	return oracle_say_overlap(oracle, block, other, event, event, verdict);
}

static bool is_well_formed(const struct oracle_block *block, size_t align,
                           uint64_t event, struct verdict *verdict)
{
	if ((uintptr_t)block->start % align != 0)
		return verdict_set(verdict, VERDICT_MISALIGNED, event,
		                   "the block at %p is not a multiple of %zu",
		                   (void *)block->start, align);
	if (!shadow_reaches(block->start, block->requested))
		return verdict_set(verdict, VERDICT_BROKEN_HEAP, event,
		                   "no memory of %zu bytes can lie at %p",
		                   block->requested, (void *)block->start);
	if (block->usable < block->requested)
		return verdict_set(verdict, VERDICT_SHORT_BLOCK, event,
		                   "usable_size says %zu bytes for a request "
		                   "of %zu",
		                   block->usable, block->requested);
	return true;
}

/*
 * Enters a block at its new place, where no other may be.  An absurd usable
 * size is most often the garbage before an address inside another block.
 */
static bool place(struct oracle *oracle, struct oracle_block *block,
                  uint64_t event, struct verdict *verdict)
{
	size_t usable = block->usable;

	if (usable > 2 * block->requested + ABSURD_BYTES) {
		block->usable = block->requested;
		if (oracle_find_overlap(oracle, block) != NULL)
			return overlap(oracle, block, event, verdict);
		return verdict_set(verdict, VERDICT_BROKEN_HEAP, event,
		                   "usable_size says %zu bytes", usable);
	}
	if (!shadow_cover(&oracle->shadow, block->start, block->usable,
	                  slot_of(oracle, block)))
		return overlap(oracle, block, event, verdict);
	oracle->requested_bytes += block->requested;
	oracle->usable_bytes += block->usable;
	oracle->live++;
	return true;
}

static void displace(struct oracle *oracle, struct oracle_block *block)
{
	shadow_uncover(&oracle->shadow, block->start, block->usable);
	oracle->requested_bytes -= block->requested;
	oracle->usable_bytes -= block->usable;
	oracle->live--;
}

struct oracle_block *oracle_find(const struct oracle *oracle, const void *start)
{
	uint32_t slot = shadow_owner(&oracle->shadow, start);
	return slot == SHADOW_NONE ? NULL : &oracle->blocks[slot];
}

/* ---- the three calls ---------------------------------------------------- */

/* calloc's promise, on the bytes that the depth looks at. */
static bool is_zero(struct oracle *oracle, struct oracle_block *block,
                    uint64_t event, struct verdict *verdict)
{
	size_t bad = 0;

	block->pattern = 0;
	if (each_stretch(block, oracle->depth, block->requested, SIZE_MAX,
	                 verify_stretch, &bad))
		return true;
	return lost(oracle, block, bad, event, verdict);
}

/* What malloc promises; plug-ins may promise less. */
static size_t promised_align(const struct oracle *oracle, size_t size)
{
	size_t weaker = oracle->allocator->weaker_align;
	size_t align = malloc_align(size);
	return weaker != 0 && weaker < align ? weaker : align;
}

static size_t usable_size(const struct oracle *oracle,
                          const struct oracle_block *block)
{
	return oracle->allocator->usable_size == NULL
	               ? block->requested
	               : oracle->allocator->usable_size(oracle->heap,
	                                                block->start);
}

bool oracle_allocated(struct oracle *oracle, const struct trace_op *op,
                      uint64_t event, void *start, struct verdict *verdict)
{
	struct oracle_block *block = &oracle->blocks[op->slot];
	size_t align = promised_align(oracle, op->size);

	if (op->kind == TRACE_ALIGNED && (size_t)1 << op->align_log2 > align)
		align = (size_t)1 << op->align_log2;
	block->start = start;
	block->requested = op->size;
	block->born = event;
	block->usable = usable_size(oracle, block);
	if (!is_well_formed(block, align, event, verdict) ||
	    !place(oracle, block, event, verdict))
		return false;
	if (op->kind == TRACE_CALLOC && !is_zero(oracle, block, event, verdict))
		return false;
	block->pattern = splitmix64_mix((event << 32) + op->slot);
	fill(oracle, block);
	return true;
}

void oracle_reallocating(struct oracle *oracle, uint32_t slot)
{
	displace(oracle, &oracle->blocks[slot]);
}

void oracle_not_reallocated(struct oracle *oracle, uint32_t slot)
{
	struct oracle_block *block = &oracle->blocks[slot];
	struct verdict verdict = {0}; /* it fitted there before */

	place(oracle, block, block->born, &verdict);
}

bool oracle_reallocated(struct oracle *oracle, const struct trace_op *op,
                        uint64_t event, void *start, struct verdict *verdict)
{
	struct oracle_block *block = &oracle->blocks[op->slot];
	size_t old = block->requested;
	size_t old_patterned = patterned_bytes(oracle, block);
	size_t bad;

	block->start = start;
	block->requested = op->size;
	block->usable = usable_size(oracle, block);
	if (!is_well_formed(block, promised_align(oracle, op->size), event,
	                    verdict) ||
	    !place(oracle, block, event, verdict))
		return false;
	/* What was requested before and still is must have survived. */
	size_t kept = old < op->size ? old : op->size;
	if (!each_stretch(block, oracle->depth, old_patterned, kept,
	                  verify_stretch, &bad))
		return lost(oracle, block, bad, event, verdict);
	fill(oracle, block);
	return true;
}

static bool verify(struct oracle *oracle, struct oracle_block *block,
                   uint64_t event, struct verdict *verdict)
{
	size_t bad;

	if (each_stretch(block, oracle->depth, patterned_bytes(oracle, block),
	                 SIZE_MAX, verify_stretch, &bad))
		return true;
	return lost(oracle, block, bad, event, verdict);
}

bool oracle_freeing(struct oracle *oracle, uint64_t event, uint32_t slot,
                    struct verdict *verdict)
{
	struct oracle_block *block = &oracle->blocks[slot];

	if (!verify(oracle, block, event, verdict))
		return false;
	displace(oracle, block);
	block->born = 0;
	return true;
}

struct oracle_block oracle_give(struct oracle *view, uint32_t slot)
{
	struct oracle_block block = view->blocks[slot];

	view->blocks[slot].born = 0;
	view->requested_bytes -= block.requested;
	view->usable_bytes -= block.usable;
	view->live--;
	return block;
}

void oracle_take(struct oracle *view, uint32_t slot,
                 const struct oracle_block *block)
{
	view->blocks[slot] = *block;
	view->requested_bytes += block->requested;
	view->usable_bytes += block->usable;
	view->live++;
}

bool oracle_verify_all(struct oracle *oracle, uint64_t event,
                       struct verdict *verdict)
{
	for (uint32_t slot = 0; slot < oracle->slots; slot++)
		if (oracle->blocks[slot].born != 0 &&
		    !verify(oracle, &oracle->blocks[slot], event, verdict))
			return false;
	return true;
}

static int compare_starts(const void *a, const void *b)
{
	const char *x = (*(struct oracle_block *const *)a)->start;
	const char *y = (*(struct oracle_block *const *)b)->start;
	return (x > y) - (x < y);
}

struct oracle_block **oracle_sorted(const struct oracle *oracle)
{
	struct oracle_block **sorted =
		malloc((oracle->live + 1) * sizeof(*sorted));
	size_t count = 0;

	for (uint32_t slot = 0; sorted && slot < oracle->slots; slot++)
		if (oracle->blocks[slot].born != 0)
			sorted[count++] = &oracle->blocks[slot];
	if (sorted != NULL)
		qsort(sorted, count, sizeof(*sorted), compare_starts);
	return sorted;
}
