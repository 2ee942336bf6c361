/*
 * central_list.c - the objects of one class, in the spans that they were cut
 * from.
 *
 * Idea.  A span of a class is a row of equal objects.  Those that came back are
 * linked through themselves; those that were never handed out need no link, for
 * `touched` says where they begin, so that a new span costs no page until its
 * objects are used:
 *
 *     span  |live|free|live|free|live|never touched ...        |  tail  |
 *               objects ^------'     ^ touched                    slack
 *
 * Spans with a free object hang on one of eight lists, by the share of their
 * objects that is used; objects are taken from the fullest.  So the emptiest
 * spans are left alone, become empty, and go back to the page heap at once,
 * where their pages can serve any class.
 *
 *     partial[0] [.#......] [......#.]     1 of 8 used
 *     partial[5] [#.###.##]                             <- the next object
 *     (full spans hang on no list; the page map leads to them)
 *
 * Taking looks for as many objects as are wanted in the spans that there are,
 * and asks for a new span only if there is none at all.
 *
 * Words.
 *     used      objects of a span taken by anyone: live, in a thread cache, in
 *               the transfer cache
 *     touched   how many objects of a span were ever handed out
 *
 * Invariants, verified in check.c.
 *     I7  the free objects of a span and its used ones are all its objects; each
 *         free one lies in it, at a multiple of the class's size, once
 *     I8  a span with objects of both kinds is on the list of its fullness, no
 *         other one is on any; the counts of the class agree
 *
 * Cost.     O(1) an object, and a look-up in the page map for each row of those
 *           given that lie in one span
 * Threads.  A lock for each class.  It is released before the page heap's is
 *           taken: a new span, or an empty one, belongs to one thread meanwhile.
 * Sources.  [Ghemawat] central free lists; lists by fullness as in [Zhou24],
 *           simplified: gperftools takes from the span that was last given to,
 *           which is the knob order=recent.
 *
 * Read next: transfer_cache.c.
 */
#include "central_list.h"

#include <errno.h>
#include <string.h>

/* The link of a free object. */
struct object {
	struct object *next;
};

static void take_lock(struct tcm_centrals *all, struct tcm_central *central)
{
	lock_take(&central->lock, all->single_thread);
}

static void drop_lock(struct tcm_centrals *all, struct tcm_central *central)
{
	lock_drop(&central->lock, all->single_thread);
}

/* ---- lists by fullness ----------------------------------------------------------- */

static unsigned fullness_of(const struct tcm_centrals *all,
                            const struct tcm_span *span)
{
	if (all->order == TCM_ORDER_RECENT)
		return 0;
	return span->used * all->classes->table[span->class].scale >> 16;
}

static void list_insert(struct tcm_central *central, struct tcm_span *span,
                        unsigned fullness)
{
	LIST_INSERT_HEAD(&central->partial[fullness], span, link);
	central->nonempty |= 1u << fullness;
	span->fullness = (uint8_t)fullness;
}

static void list_remove(struct tcm_central *central, struct tcm_span *span)
{
	LIST_REMOVE(span, link);
	if (LIST_EMPTY(&central->partial[span->fullness]))
		central->nonempty &= ~(1u << span->fullness);
}

/* ---- taking ----------------------------------------------------------------------- */

/* One free object of a span that has one. */
static void *span_pop(struct tcm_span *span, size_t object_bytes)
{
	struct object *object = span->objects;

	span->used++;
	if (object != NULL) {
		span->objects = object->next;
		return object;
	}
	return span->start + object_bytes * span->touched++;
}

/*
 * Takes objects of a listed span, first to out[count - 1] and then downwards;
 * the span leaves its list when it is full.
 */
static size_t take_from_span(struct tcm_centrals *all, struct tcm_span *span,
                             void **out, size_t count)
{
	const struct tcm_class *class = &all->classes->table[span->class];
	struct tcm_central *central = &all->of[span->class];
	size_t left = class->objects - span->used;
	size_t taken = left < count ? left : count;

	for (size_t i = 0; i < taken; i++)
		out[count - 1 - i] = span_pop(span, class->bytes);
	counter_add(&central->in_spans, -(uint64_t)taken);
	if (taken == left) {
		list_remove(central, span);
		return taken;
	}
	unsigned fullness = fullness_of(all, span);
	if (fullness != span->fullness) {
		list_remove(central, span);
		list_insert(central, span, fullness);
	}
	return taken;
}

/* Lists a span that nobody else knows yet. */
static void add_span(struct tcm_centrals *all, struct tcm_span *span)
{
	struct tcm_central *central = &all->of[span->class];

	counter_add(&central->spans, 1);
	counter_add(&central->in_spans,
	            all->classes->table[span->class].objects);
	list_insert(central, span, 0);
}

size_t tcm_spans_take(struct tcm_centrals *all, unsigned class, void **out,
                      size_t count)
{
	struct tcm_central *central = &all->of[class];
	struct tcm_span *span;
	size_t taken = 0;

	take_lock(all, central);
	if (central->nonempty == 0) {
		drop_lock(all, central);
		span = tcm_span_alloc(all->page_heap,
		                      all->classes->table[class].pages, 1,
		                      class);
		if (span == NULL)
			return 0;
		take_lock(all, central);
		add_span(all, span);
		/* Another thread may have added one, too: ours must not stay
		 * empty because the other's is fuller. */
		taken = take_from_span(all, span, out, count);
	}
	while (taken < count && (span = tcm_central_next(central)) != NULL)
		taken += take_from_span(all, span, out, count - taken);
	drop_lock(all, central);
	memmove(out, out + count - taken, taken * sizeof *out);
	return taken;
}

/* ---- giving ------------------------------------------------------------------------ */

static bool span_holds(const struct tcm_span *span, const void *address)
{
	return (size_t)((const char *)address - span->start) <
	       tcm_span_bytes(span);
}

/*
 * Links objects into their span: the first, and those behind it that lie in the
 * same one.  What is freed in a row was often allocated in a row, and then one
 * look at the page map does for many.  How many these were.
 */
static size_t span_push(struct tcm_span *span, void **objects, size_t count)
{
	struct object *head = span->objects;
	size_t pushed = 0;

	do {
		struct object *object = objects[pushed++];
		object->next = head;
		head = object;
	} while (pushed < count && span_holds(span, objects[pushed]));
	span->objects = head;
	span->used -= (uint32_t)pushed;
	return pushed;
}

/*
 * Lists a span that got objects back where it belongs now; true if none of it is
 * used any more: then it is on no list.
 */
static bool relist(struct tcm_centrals *all, struct tcm_span *span,
                   bool was_full)
{
	const struct tcm_class *class = &all->classes->table[span->class];
	struct tcm_central *central = &all->of[span->class];
	unsigned fullness = fullness_of(all, span);

	if (!was_full && fullness == span->fullness && span->used > 0 &&
	    all->order == TCM_ORDER_FULLEST)
		return false;
	if (!was_full)
		list_remove(central, span);
	if (span->used > 0) {
		list_insert(central, span, fullness);
		return false;
	}
	counter_add(&central->in_spans, -(uint64_t) class->objects);
	counter_add(&central->spans, -(uint64_t)1);
	return true;
}

void tcm_spans_give(struct tcm_centrals *all, unsigned class, void **objects,
                    size_t count)
{
	const size_t span_objects = all->classes->table[class].objects;
	struct tcm_central *central = &all->of[class];
	struct tcm_span_list empty = LIST_HEAD_INITIALIZER(empty);

	take_lock(all, central);
	counter_add(&central->in_spans, count);
	while (count > 0) {
		struct tcm_span *span = tcm_entry_span(
			tcm_page_map_get(all->page_heap->map, objects[0]));
		bool was_full = span->used == span_objects;
		size_t pushed = span_push(span, objects, count);
		if (relist(all, span, was_full))
			LIST_INSERT_HEAD(&empty, span, link);
		objects += pushed;
		count -= pushed;
	}
	drop_lock(all, central);
	while (!LIST_EMPTY(&empty)) {
		struct tcm_span *span = LIST_FIRST(&empty);
		LIST_REMOVE(span, link);
		tcm_span_free(all->page_heap, span);
	}
}
