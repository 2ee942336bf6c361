/*
 * groups.c - call stacks to short names.
 */
#include "groups.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_CLASSES = 48, NAME_BYTES = SITE_TEXT_BYTES_MAX + 1 };

/* --- what a frame is called --------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* The libraries of the languages, and the tools that record. */
static bool is_runtime_module(const char *path)
{
	static const char *const names[] = {
		"libc.so",   "libc-",       "libstdc++.so", "libc++.so",
		"libc++abi", "ld-linux",    "libpthread",   "libgcc_s",
		"libm.so",   "liballoclab", "libheaptrack",
	};
	const char *name = base_name(path);

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (begins(name, names[i]))
			return true;
	return false;
}

/* Whether the scope is of one of these functions, with commas between. */
static bool is_one_of(const char *scope, const char *names)
{
	size_t bytes = strcspn(scope, " (\n");

	while (*names != '\0') {
		size_t name = strcspn(names, ",");
		if (name == bytes && memcmp(names, scope, bytes) == 0)
			return true;
		names += name + (names[name] == ',');
	}
	return false;
}

/* Containers of the C++ library live in the program's file, as wrappers do. */
static bool is_runtime_scope(const struct groups *groups, const char *scope)
{
	static const char usual[] =
		"xmalloc,xcalloc,xrealloc,xzalloc,xstrdup,xmemdup,g_malloc,"
		"g_malloc0,g_realloc,g_strdup,Perl_safesysmalloc,"
		"Perl_safesyscalloc,Perl_safesysrealloc";

	return begins(scope, "std::") || begins(scope, "void std::") ||
	       begins(scope, "__gnu_cxx::") || begins(scope, "operator new") ||
	       is_one_of(scope, usual) ||
	       (groups->wrappers != NULL && is_one_of(scope, groups->wrappers));
}

/* The first line of the text that is the program's own; NULL if none is. */
static const char *own_scope(const struct groups *groups, const char *text,
                             size_t *bytes)
{
	while (text != NULL && *text != '\0') {
		*bytes = strcspn(text, "\n");
		if (!is_runtime_scope(groups, text))
			return text;
		text += *bytes + (text[*bytes] == '\n');
	}
	return NULL;
}

static void name_frame(const struct groups *groups,
                       const struct site_frame *frame, char name[NAME_BYTES])
{
	const struct trace_sites *sites = groups->trace->sites;
	const char *module = base_name(sites->modules[frame->module]);
	size_t bytes = 0;
	const char *scope = own_scope(groups, frame->text, &bytes);

	if (scope == NULL && frame->text != NULL) {
		scope = frame->text;
		bytes = strcspn(scope, "\n");
	}
	if (scope != NULL)
		snprintf(name, NAME_BYTES, "%.*s", (int)bytes, scope);
	else
		snprintf(name, NAME_BYTES, "%s+0x%" PRIx64,
		         module[0] == '\0' ? "?" : module, frame->offset);
}

/* Whether a group's name can begin with this frame. */
static bool is_own_frame(const struct groups *groups,
                         const struct site_frame *frame)
{
	const struct trace_sites *sites = groups->trace->sites;
	size_t bytes;

	return !is_runtime_module(sites->modules[frame->module]) &&
	       (frame->text == NULL ||
	        own_scope(groups, frame->text, &bytes) != NULL);
}

/* --- what a stack is called --------------------------------------------- */

/* The innermost site of the stack that is the program's own, or `site`. */
static uint32_t own_site(const struct groups *groups, uint32_t site)
{
	const struct trace_sites *sites = groups->trace->sites;
	uint32_t own = site;

	while (own != 0 &&
	       !is_own_frame(groups, &sites->frames[sites->sites[own].frame]))
		own = sites->sites[own].caller;
	return own == 0 ? site : own;
}

/* "parse (words.c:41) < main (words.c:90)": malloc'ed; NULL without memory. */
static char *name_site(const struct groups *groups, uint32_t site,
                       unsigned depth)
{
	const struct trace_sites *sites = groups->trace->sites;
	char *name = NULL, frame[NAME_BYTES];
	size_t bytes;
	FILE *to = open_memstream(&name, &bytes);

	if (to == NULL)
		return NULL;
	if (site == 0)
		fputs("(unknown)", to);
	else if (depth != GROUPS_WHOLE_STACK)
		site = own_site(groups, site);
	for (unsigned i = 0; site != 0; i++) {
		if (depth != GROUPS_WHOLE_STACK && i == depth)
			break;
		name_frame(groups, &sites->frames[sites->sites[site].frame],
		           frame);
		fprintf(to, "%s%s", i > 0 ? " < " : "", frame);
		site = sites->sites[site].caller;
	}
	if (fclose(to) == 0)
		return name;
	free(name);
	return NULL;
}

/* --- groups ------------------------------------------------------------- */

/* Enters a malloc'ed name; UINT32_MAX without memory.  The name is taken. */
static uint32_t enter(struct groups *groups, char *name)
{
	uint32_t before = groups->table.count;
	uint32_t number = name == NULL
	                          ? NAME_NONE
	                          : name_table_number(&groups->table, name,
	                                              (uint32_t)strlen(name));

	if (number == NAME_NONE || number < before) {
		free(name);
		return number;
	}
	char **grown =
		realloc(groups->names, ((size_t)number + 1) * sizeof *grown);
	if (grown == NULL) {
		free(name);
		return NAME_NONE;
	}
	groups->names = grown;
	groups->names[number] = name;
	groups->count = number + 1;
	return number;
}

static bool group_sites(struct groups *groups, unsigned depth)
{
	const struct trace *trace = groups->trace;
	const struct trace_sites *sites = trace->sites;

	groups->of_site = calloc(sites->site_count, sizeof *groups->of_site);
	if (groups->of_site == NULL)
		return false;
	memset(groups->of_site, 0xff,
	       sites->site_count * sizeof *groups->of_site);
	for (uint64_t i = 0; i < trace->events; i++) {
		uint32_t site = trace->site_of[i];
		if (trace->ops[i].kind > TRACE_REALLOC ||
		    groups->of_site[site] != UINT32_MAX)
			continue;
		uint32_t group = enter(groups, name_site(groups, site, depth));
		if (group == NAME_NONE)
			return false;
		groups->of_site[site] = group;
	}
	return true;
}

/* 0: 0-16 bytes, 1: 17-32, 2: 33-64, ... */
static unsigned size_class(uint64_t size)
{
	unsigned class = 0;

	while ((uint64_t)16 << class < size)
		class ++;
	return class;
}

static bool group_sizes(struct groups *groups)
{
	bool has_threads = groups->trace->threads > 1;

	for (uint32_t thread = 0; thread < groups->trace->threads; thread++)
		for (unsigned class = 0; class < SIZE_CLASSES; class ++) {
			char *name;
			uint64_t least =
				class == 0 ? 0 : ((uint64_t)8 << class) + 1;
			int bytes = asprintf(
				&name,
				has_threads ? "%" PRIu64 "-%" PRIu64
					      " bytes, thread %u"
					    : "%" PRIu64 "-%" PRIu64 " bytes",
				least, (uint64_t)16 << class, thread);
			if (bytes < 0 || enter(groups, name) == NAME_NONE)
				return false;
		}
	return true;
}

bool groups_open(struct groups *groups, const struct trace *trace,
                 unsigned depth, const char *wrappers)
{
	*groups = (struct groups){.trace = trace, .wrappers = wrappers};
	return trace->sites != NULL ? group_sites(groups, depth)
	                            : group_sizes(groups);
}

void groups_close(struct groups *groups)
{
	for (uint32_t i = 0; i < groups->count; i++)
		free(groups->names[i]);
	free(groups->names);
	free(groups->of_site);
	name_table_free(&groups->table);
	*groups = (struct groups){0};
}

uint32_t groups_of(const struct groups *groups, uint64_t event)
{
	const struct trace_op *op = &groups->trace->ops[event];

	if (groups->of_site != NULL)
		return groups->of_site[groups->trace->site_of[event]];
	return op->thread * SIZE_CLASSES + size_class(op->size);
}
