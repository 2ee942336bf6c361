/*
 * import_ostep.c - imports the lists of OSTEP's malloc.py: +10,-0,+20
 *
 * +SIZE allocates, -INDEX frees what the INDEX-th allocation returned, counted
 * from 0.  Whether an allocation fails depends on the heap, and there it counts
 * too; so an index stands for its allocation here in any case.
 */
#include <inttypes.h>
#include <string.h>

#include "formats.h"
#include "token.h"
#include "trace_builder.h"

static const uint64_t SIZE_MAX_BYTES = UINT32_MAX;

struct list {
	struct trace_builder *builder;
	struct trace_error *error;
	uint64_t line; /* of the list: all of it is on one */
	uint64_t allocations;
};

static uint64_t place_of(const struct list *list, const struct token *element)
{
	return trace_place(list->line, element->column);
}

static bool fail(struct list *list, const struct token *element,
                 const char *reason)
{
	char quoted[TOKEN_QUOTED_BYTES];

	return trace_builder_fail(list->builder, place_of(list, element),
	                          list->error, "%s: %s",
	                          token_quote(element, quoted), reason);
}

static bool read_alloc(struct list *list, const struct token *element)
{
	uint64_t size;

	if (element->bytes > 1 && element->text[1] == '-')
		return fail(list, element, "a negative size");
	if (!number_parse(element->text + 1, element->bytes - 1, &size))
		return fail(list, element, "not + and a size");
	if (size == 0)
		return fail(list, element, "a size of 0");
	if (size > SIZE_MAX_BYTES)
		return fail(list, element,
		            "4 GiB and more are refused in this format");
	return trace_builder_alloc(list->builder, TRACE_MALLOC,
	                           list->allocations++, size, 0,
	                           place_of(list, element), list->error);
}

static bool read_free(struct list *list, const struct token *element)
{
	uint64_t index;

	if (!number_parse(element->text + 1, element->bytes - 1, &index))
		return fail(list, element,
		            "not - and the index of an "
		            "allocation");
	return trace_builder_free_block(list->builder, index,
	                                place_of(list, element), list->error);
}

static bool read_element(struct list *list, const struct token *element)
{
	if (element->bytes == 0)
		return fail(list, element, "nothing between two commas");
	if (element->text[0] == '+')
		return read_alloc(list, element);
	if (element->text[0] == '-')
		return read_free(list, element);
	return fail(list, element, "neither +SIZE nor -INDEX");
}

/* The elements of the only token. */
static bool read_elements(struct list *list, const struct token *all)
{
	const char *end = all->text + all->bytes;
	struct token element = *all;

	for (;;) {
		size_t left = (size_t)(end - element.text);
		const char *comma = memchr(element.text, ',', left);
		element.bytes =
			comma != NULL ? (size_t)(comma - element.text) : left;
		if (!read_element(list, &element))
			return false;
		if (comma == NULL)
			return true;
		element.column += element.bytes + 1;
		element.text = comma + 1;
	}
}

static bool read_list(struct list *list, const struct trace_text *in)
{
	struct tokenizer tokenizer;

	tokenizer_open(&tokenizer, in->text, in->bytes, false);
	struct token all = tokenizer_next(&tokenizer);
	struct token more = tokenizer_next(&tokenizer);
	list->line = all.line;
	if (more.bytes > 0)
		return trace_builder_fail(
			list->builder, trace_place(more.line, more.column),
			list->error,
			"an OSTEP list is one line without blanks");
	return read_elements(list, &all);
}

bool import_ostep(const struct trace_text *in, struct trace *trace,
                  struct trace_error *error)
{
	struct list list = {.builder = trace_builder_new(in->name, "line"),
	                    .error = error};

	if (list.builder == NULL)
		return trace_fail(error, "%.200s: no memory", in->name);
	trace_builder_id_word(list.builder, "allocation");
	if (read_list(&list, in))
		return trace_builder_finish(list.builder,
		                            "imported from an OSTEP list",
		                            trace, error);
	trace_builder_free(list.builder);
	return false;
}
