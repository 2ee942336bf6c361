/*
 * narrator.c - what is told of an event, in this order:
 *
 *     3: free(a)                                        before the call
 *       why   the block of 128 bytes becomes a hole     before the call
 *       done  a's 112 bytes at 0x60 are free; 0 links   after it
 *       heap  |. 128      |b 48  |~ 3776            |
 *       free  chain: 128 at 0x58
 *       bytes live 40 + rounding 8 + headers 144 + free 3904 = heap 4096
 *
 * What is told before the call is on the board when it crashes; only while the
 * heap has no origin yet the reason waits, for its addresses' sake.
 */
#include "narrator.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../../allocators/common/heap_stats.h"
#include "../measure/census.h"
#include "lists.h"
#include "names.h"
#include "strip.h"

struct narrator {
	const struct step_options *options;
	struct board *board;
	struct narration *narration;
	struct replayer replayer;
	struct names names;
	const char *focus; /* where the block of the last event is, or was */
	const char *low;   /* the lowest block so far                      */
	struct strip strip;
	struct census census;
};

/* A sentence that grows; what does not fit is cut off. */
struct sentence {
	char text[NARRATION_SENTENCE_BYTES];
};

static void say(struct sentence *sentence, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct sentence *sentence, const char *format, ...)
{
	size_t used = strlen(sentence->text);
	va_list args;

	va_start(args, format);
	vsnprintf(sentence->text + used, sizeof sentence->text - used, format,
	          args);
	va_end(args);
}

/* ---- before the call ---------------------------------------------------- */

static void tell_event(struct narrator *narrator, uint64_t event)
{
	const struct trace_op *op = &narrator->options->trace->ops[event - 1];
	const struct board *board = narrator->board;

	board_print(board, INK_TITLE, "%lu: ", event);
	if (op->thread != 0 && trace_kind_is_call(op->kind))
		fprintf(board->out, "@%u ", op->thread);
	trace_print_event(board->out, op,
	                  names_subject(&narrator->names, event));
	putc('\n', board->out);
}

static void tell_why(struct narrator *narrator)
{
	struct narration *narration = narrator->narration;

	if (narration->why[0] != '\0')
		board_note(narrator->board, "why", narration->why);
	narration->why[0] = '\0';
}

static void ask_why(struct narrator *narrator, uint64_t event)
{
	const struct trace_op *op = &narrator->options->trace->ops[event - 1];
	const struct replayer *replayer = &narrator->replayer;
	struct request request = {.kind = REQUEST_MALLOC, .size = op->size};

	if (replayer->allocator->explain == NULL ||
	    !trace_kind_is_call(op->kind))
		return;
	if (op->kind == TRACE_ALIGNED)
		request.align = (size_t)1 << op->align_log2;
	if (op->kind == TRACE_REALLOC)
		request.kind = REQUEST_REALLOC;
	if (op->kind == TRACE_FREE)
		request.kind = REQUEST_FREE;
	if (op->kind == TRACE_REALLOC || op->kind == TRACE_FREE)
		request.block = replayer->blocks[op->slot];
	replayer->allocator->explain(replayer->heap, &request,
	                             narrator->narration->why,
	                             NARRATION_SENTENCE_BYTES);
}

/* ---- after the call ----------------------------------------------------- */

/* What is known before an event and compared afterwards. */
struct before {
	struct heap_stats stats;
	size_t committed;
	const char *block; /* of realloc and free, else NULL */
	size_t usable;
};

static struct before look(const struct narrator *narrator,
                          const struct trace_op *op)
{
	const struct replayer *replayer = &narrator->replayer;
	struct before before = {.committed = replayer->pages.committed_bytes};

	replayer->allocator->stats(replayer->heap, &before.stats);
	if ((op->kind == TRACE_REALLOC || op->kind == TRACE_FREE) &&
	    op->slot < replayer->trace->slots) {
		before.block = replayer->blocks[op->slot];
		before.usable = replayer->oracle.blocks[op->slot].usable;
	}
	return before;
}

static void say_count(struct sentence *sentence, uint64_t count,
                      const char *one, const char *many)
{
	if (count > 0)
		say(sentence, ", %lu %s", count, count == 1 ? one : many);
}

/* Counters that moved; an allocator without a walk does not count. */
static void say_costs(struct sentence *sentence,
                      const struct narrator *narrator,
                      const struct before *before)
{
	const struct replayer *replayer = &narrator->replayer;
	size_t committed = replayer->pages.committed_bytes;
	const struct heap_stats *old = &before->stats;
	struct heap_stats now;

	replayer->allocator->stats(replayer->heap, &now);
	if (replayer->allocator->walk != NULL)
		say(sentence, "; %lu link%s followed", now.links - old->links,
		    now.links - old->links == 1 ? "" : "s");
	say_count(sentence, now.splits - old->splits, "split", "splits");
	say_count(sentence, now.merges - old->merges, "merge", "merges");
	say_count(sentence, now.moves - old->moves, "copy", "copies");
	if (committed > before->committed)
		say(sentence, ", the heap grew by %zu",
		    committed - before->committed);
	if (committed < before->committed)
		say(sentence, ", the heap shrank by %zu",
		    before->committed - committed);
}

/* "a is at 0x60, 112 bytes usable for 100" */
static void say_block(struct sentence *sentence, struct narrator *narrator,
                      const struct trace_op *op, const struct before *before)
{
	const struct oracle_block *block =
		&narrator->replayer.oracle.blocks[op->slot];
	const char *name = names_slot(&narrator->names, op->slot);

	if (op->kind == TRACE_FREE)
		say(sentence, "%s's %zu bytes at %p are given back", name,
		    before->usable, (const void *)before->block);
	else if (before->block == NULL)
		say(sentence, "%s is at %p", name, (void *)block->start);
	else if (before->block == block->start)
		say(sentence, "%s stays at %p", name, (void *)block->start);
	else
		say(sentence, "%s moves from %p to %p", name,
		    (const void *)before->block, (void *)block->start);
	if (op->kind != TRACE_FREE)
		say(sentence, ", %zu byte%s usable for %zu", block->usable,
		    block->usable == 1 ? "" : "s", block->requested);
}

static void tell_done(struct narrator *narrator, uint64_t event,
                      const struct before *before)
{
	const struct trace_op *op = &narrator->options->trace->ops[event - 1];
	struct sentence sentence = {""};

	if (!trace_kind_is_call(op->kind))
		return;
	if (op->slot < narrator->options->trace->slots)
		say_block(&sentence, narrator, op, before);
	else
		say(&sentence, "nothing to free");
	say_costs(&sentence, narrator, before);
	board_note(narrator->board, "done", sentence.text);
}

/* ---- the heap ----------------------------------------------------------- */

static const char *name_at(struct narrator *narrator, const void *start)
{
	const struct oracle *oracle = &narrator->replayer.oracle;
	const struct oracle_block *block = oracle_find(oracle, start);

	return block == NULL ? NULL
	                     : names_slot(&narrator->names,
	                                  (uint32_t)(block - oracle->blocks));
}

/* Metadata is left out, and what was of no use before the first block. */
static bool is_shown(const struct narrator *narrator,
                     const struct extent *extent)
{
	if (narrator->options->shows_all)
		return true;
	return extent->kind != EXTENT_METADATA &&
	       (extent->kind != EXTENT_SLACK ||
	        (narrator->low != NULL &&
	         (const char *)extent->start >= narrator->low));
}

static void add_extent(void *ctx, const struct census_extent *seen)
{
	struct narrator *narrator = ctx;
	const struct extent *extent = &seen->extent;

	if (is_shown(narrator, extent))
		strip_add(&narrator->strip, extent,
		          extent->kind == EXTENT_LIVE
		                  ? name_at(narrator, extent->start)
		                  : NULL);
}

/* The live blocks alone, of a heap that is not in our pages. */
static void add_live_blocks(struct narrator *narrator)
{
	const struct oracle *oracle = &narrator->replayer.oracle;
	struct oracle_block **blocks = oracle_sorted(oracle);

	for (uint64_t i = 0; blocks != NULL && i < oracle->live; i++) {
		struct extent extent = {blocks[i]->start, blocks[i]->usable,
		                        EXTENT_LIVE, ""};
		strip_add(&narrator->strip, &extent,
		          name_at(narrator, extent.start));
	}
	narrator->strip.out_of_memory |= blocks == NULL;
	free(blocks);
}

static void tell_bytes(struct narrator *narrator)
{
	const struct oracle *oracle = &narrator->replayer.oracle;
	const struct census *census = &narrator->census;
	const struct parts *parts = &census->parts;
	struct sentence sentence = {""};

	say(&sentence, "live %zu + rounding %zu", oracle->requested_bytes,
	    oracle->usable_bytes - oracle->requested_bytes);
	if (!census_is_possible(narrator->options->allocator)) {
		board_note(narrator->board, "bytes", sentence.text);
		return;
	}
	if (narrator->options->allocator->walk == NULL)
		say(&sentence, " + headers and free");
	else
		say(&sentence, " + headers %lu + free", parts->metadata);
	say(&sentence, " %lu", parts->free);
	if (parts->slack > 0)
		say(&sentence, " + other %lu", parts->slack);
	say(&sentence, " = heap %lu", parts_sum(parts));
	for (int i = 0; i < census->tier_count && census->tier_count > 1; i++)
		say(&sentence, "%s%s %lu", i == 0 ? "; free: " : " + ",
		    census->tiers[i].name, census->tiers[i].bytes);
	board_note(narrator->board, "bytes", sentence.text);
}

/* Draws the heap; false where the walk and the oracle disagree. */
static bool tell_heap(struct narrator *narrator)
{
	static const uint64_t no_sizes[CENSUS_QUANTILES];
	struct replayer *replayer = &narrator->replayer;
	bool has_walk = census_is_possible(replayer->allocator);

	narrator->strip = (struct strip){.focus = narrator->focus,
	                                 .without_addresses = !has_walk};
	if (!has_walk)
		add_live_blocks(narrator);
	else if (!census_take(replayer, no_sizes, &narrator->census, add_extent,
	                      narrator))
		goto end;
	if (narrator->strip.out_of_memory)
		verdict_set(&replayer->verdict, VERDICT_FAILED, replayer->event,
		            "no memory to draw the heap");
	else
		strip_draw(&narrator->strip, narrator->board, "heap");
end:
	strip_free(&narrator->strip);
	return replayer->verdict.kind == VERDICT_OK;
}

static bool is_consistent(struct narrator *narrator)
{
	struct replayer *replayer = &narrator->replayer;
	const char *broken =
		replayer->allocator->check == NULL
			? NULL
			: replayer->allocator->check(replayer->heap);

	return broken == NULL ||
	       verdict_set(&replayer->verdict, VERDICT_BROKEN_HEAP,
	                   replayer->event, "%s", broken);
}

/* ---- from event to event ------------------------------------------------ */

/*
 * The heap begins where the contiguous region does, if its first block lies
 * there; else at the page of that block (buddy's offsets are then those of its
 * arena).
 */
static void find_origin(struct narrator *narrator, char *block)
{
	const struct page_source *pages = &narrator->replayer.pages;

	if (narrator->low == NULL || block < narrator->low)
		narrator->low = block;
	if (narrator->board->origin == NULL)
		narrator->narration->origin = narrator->board->origin =
			block >= pages->region && block < pages->brk
				? pages->region
				: block - (size_t)block % PAGE_BYTES;
}

static bool step(struct narrator *narrator)
{
	struct replayer *replayer = &narrator->replayer;
	const struct trace_op *op = &replayer->trace->ops[replayer->event];
	bool has_block = trace_kind_is_call(op->kind) &&
	                 op->slot < replayer->trace->slots;

	narrator->focus = NULL;
	if (op->kind == TRACE_FREE && has_block)
		narrator->focus = replayer->blocks[op->slot];
	if (!replayer_step(replayer))
		return false;
	if (op->kind == TRACE_FREE || !has_block)
		return true;
	narrator->focus = replayer->blocks[op->slot];
	find_origin(narrator, replayer->blocks[op->slot]);
	return true;
}

static bool tell(struct narrator *narrator, uint64_t event)
{
	const struct trace_op *op = &narrator->options->trace->ops[event - 1];
	struct replayer *replayer = &narrator->replayer;
	struct before before = look(narrator, op);

	tell_event(narrator, event);
	ask_why(narrator, event);
	if (narrator->board->origin != NULL)
		tell_why(narrator);
	fflush(narrator->board->out);
	if (!step(narrator))
		return false;
	tell_why(narrator);
	tell_done(narrator, event, &before);
	if (op->kind != TRACE_PHASE) {
		if (!is_consistent(narrator) || !tell_heap(narrator))
			return false;
		lists_print(replayer->allocator, replayer->heap,
		            narrator->board);
		tell_bytes(narrator);
	}
	putc('\n', narrator->board->out);
	return true;
}

/* The phase that the first event told belongs to. */
static void tell_phase(const struct narrator *narrator, uint64_t first)
{
	const struct trace *trace = narrator->options->trace;
	uint64_t event = first - 1;

	while (event > 0 && trace->ops[event - 1].kind != TRACE_PHASE)
		event--;
	if (event > 0)
		board_print(narrator->board, INK_FAINT,
		            "... phase %s, since event %lu\n",
		            trace->phases[trace->ops[event - 1].slot], event);
}

static void tell_rest(const struct narrator *narrator, uint64_t last)
{
	uint64_t events = narrator->options->trace->events;

	if (last < events)
		board_print(narrator->board, INK_FAINT,
		            "... %lu more events; AT=%lu (--at %lu) goes on "
		            "there\n",
		            events - last, last + 1, last + 1);
	else if (census_is_possible(narrator->options->allocator))
		board_print(narrator->board, INK_FAINT,
		            "Then everything is freed, and the heap gives all "
		            "its pages back.\n");
}

static void tell_all(struct narrator *narrator, volatile uint64_t *progress)
{
	const struct step_options *options = narrator->options;
	uint64_t first = options->first, last = options->trace->events;

	if (options->count > 0 && last - first >= options->count)
		last = first + options->count - 1;
	if (first > 1)
		board_print(narrator->board, INK_FAINT,
		            "... %lu events before\n", first - 1);
	tell_phase(narrator, first);
	fflush(narrator->board->out);
	for (uint64_t event = 1; event <= last; event++) {
		*progress = event;
		names_event(&narrator->names, event);
		if (event < first ? !step(narrator) : !tell(narrator, event))
			return;
	}
	/* The end of the program is part of the whole trace alone. */
	if (last == options->trace->events)
		replayer_close(&narrator->replayer);
	if (narrator->replayer.verdict.kind == VERDICT_OK)
		tell_rest(narrator, last);
}

struct verdict narrate(const struct step_options *options, struct board *board,
                       volatile uint64_t *progress, struct narration *narration)
{
	struct narrator narrator = {
		.options = options, .board = board, .narration = narration};
	struct replayer *replayer = &narrator.replayer;

	if (!replayer_open(replayer, options->allocator, options->values,
	                   options->trace, options->memory_bytes, ORACLE_EDGES))
		return replayer->verdict;
	if (names_open(&narrator.names, options->trace))
		tell_all(&narrator, progress);
	else
		verdict_set(&replayer->verdict, VERDICT_FAILED, 0, "no memory");
	names_close(&narrator.names);
	return replayer->verdict;
}
