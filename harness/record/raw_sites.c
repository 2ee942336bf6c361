/*
 * raw_sites.c - from the library's numbers to those of a trace.
 */
#include "raw_sites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A whole file in memory, `*bytes` long; NULL and no bytes if there is none. */
static bool load(const char *image_path, const char *ending, char **contents,
                 size_t *bytes, struct trace_error *error)
{
	char path[4096 + 16];

	*contents = NULL;
	*bytes = 0;
	snprintf(path, sizeof path, "%s.%s", image_path, ending);
	FILE *file = fopen(path, "rb");
	if (file == NULL && errno == ENOENT)
		return true;
	if (file == NULL)
		return trace_fail(error, "%s: %s", path, strerror(errno));
	fseek(file, 0, SEEK_END);
	long end = ftell(file);
	rewind(file);
	*contents = end < 0 ? NULL : malloc((size_t)end + 1);
	bool good = *contents != NULL &&
	            fread(*contents, 1, (size_t)end, file) == (size_t)end;
	fclose(file);
	if (!good)
		return trace_fail(error, "%s: cannot be read", path);
	*bytes = (size_t)end;
	(*contents)[end] = '\0';
	return true;
}

static bool split_names(struct raw_sites *sites, size_t bytes,
                        struct trace_error *error)
{
	uint32_t count = 0;

	for (size_t i = 0; i < bytes; i++)
		count += sites->names[i] == '\0';
	sites->modules = calloc(count + 1, sizeof *sites->modules);
	if (sites->modules == NULL)
		return trace_fail(error, "no memory for %u modules", count);
	for (char *name = sites->names; sites->module_count < count;
	     name += strlen(name) + 1)
		sites->modules[sites->module_count++] = name;
	return true;
}

bool raw_sites_open(struct raw_sites *sites, const char *image_path,
                    struct trace_error *error)
{
	size_t bytes, name_bytes;
	char *contents;

	*sites = (struct raw_sites){.count = 0};
	if (!load(image_path, "sites", &contents, &bytes, error))
		return false;
	sites->sites = (struct raw_site *)(void *)contents;
	if (!load(image_path, "modules", &sites->names, &name_bytes, error) ||
	    !split_names(sites, name_bytes, error))
		return false;
	sites->count = (uint32_t)(bytes / sizeof *sites->sites);
	sites->numbers = calloc(sites->count + 1u, sizeof *sites->numbers);
	return sites->numbers != NULL ||
	       trace_fail(error, "no memory for %u sites", sites->count);
}

void raw_sites_close(struct raw_sites *sites)
{
	free(sites->sites);
	free(sites->names);
	free(sites->modules);
	free(sites->numbers);
	*sites = (struct raw_sites){.count = 0};
}

/* One frame of the trace's table. */
static uint32_t frame_number(const struct raw_sites *sites,
                             struct trace_sites *table, uint64_t place)
{
	const uint64_t mask = ((uint64_t)1 << RAW_MODULE_SHIFT) - 1;
	uint64_t module = place >> RAW_MODULE_SHIFT & 0xffff;
	const char *path = "";

	if (module > 0 && module <= sites->module_count)
		path = sites->modules[module - 1];
	uint32_t number = sites_module(table, path);
	return number == SITES_FULL ? SITES_FULL
	                            : sites_frame(table, number, place & mask);
}

uint32_t raw_sites_number(struct raw_sites *sites, struct trace_sites *table,
                          uint32_t site)
{
	if (site == 0 || site >= sites->count || sites->sites[site].place == 0)
		return 0;
	if (sites->numbers[site] != 0)
		return sites->numbers[site];
	uint32_t caller = sites->sites[site].caller;
	if (caller >= site) /* torn: a caller is made before what it calls */
		return 0;
	caller = raw_sites_number(sites, table, caller);
	uint32_t frame = frame_number(sites, table, sites->sites[site].place);
	uint32_t number = frame == SITES_FULL
	                          ? SITES_FULL
	                          : sites_site(table, frame, caller);
	sites->numbers[site] = number == SITES_FULL ? 0 : number;
	return sites->numbers[site];
}
