/*
 * explain.c - one request, answered in words without being carried out.
 */
#include "../common/sentence.h"
#include "pool.h"

static void say_malloc(struct sentence *text, const struct pool_heap *heap)
{
	const struct object_pool *pool = &heap->pool;

	if (pool->slot_bytes == 0)
		say(text, "the first request: from now on all objects have "
		          "its size");
	else if (heap->limit != 0 && pool->live == heap->limit)
		say(text, "refused: %zu objects are live, the limit",
		    heap->limit);
	else if (pool->list != NULL)
		say(text,
		    "the object freed last is the first of %zu on the "
		    "list",
		    pool->listed);
	else if (pool->carving != NULL)
		say(text,
		    "the list is empty: slot %zu of %zu is carved from the "
		    "chunk",
		    pool->carving->carved + 1, pool->slots);
	else
		say(text,
		    "the list is empty and every chunk is carved: a new chunk "
		    "of %zu bytes, %zu slots",
		    pool->chunk_bytes, pool->slots);
}

static void say_free(struct sentence *text, const struct pool_heap *heap,
                     const void *block)
{
	const struct object_pool *pool = &heap->pool;

	say(text, "it becomes the first of %zu on the list", pool->listed + 1);
	if (chunk_of(pool, block)->live == 1)
		say(text, "; it was its chunk's last live object");
}

void pool_explain(struct heap *heap, const struct request *request,
                  char *sentence, size_t capacity)
{
	const struct pool_heap *self = pool_heap_of(heap);
	struct sentence text = sentence_begin(sentence, capacity);

	if (request->kind == REQUEST_FREE)
		say_free(&text, self, request->block);
	else if (!pool_serves(heap, request->size, request->align, sentence,
	                      capacity))
		return;
	else if (request->kind == REQUEST_REALLOC)
		say(&text, "it fits where it is: all objects have %zu bytes",
		    self->pool.slot_bytes);
	else
		say_malloc(&text, self);
}
