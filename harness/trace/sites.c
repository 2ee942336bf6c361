/*
 * sites.c - call stacks, each kept once.
 */
#include "sites.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more element behind `count`; grows by powers of two. */
static bool reserve_one(void *array_of_any, uint32_t count, size_t each)
{
	void **array = array_of_any;

	if ((count & (count - 1)) != 0)
		return true;
	size_t room = count == 0 ? 1 : (size_t)count * 2;
	void *grown = realloc(*array, room * each);
	if (grown != NULL)
		*array = grown;
	return grown != NULL;
}

struct trace_sites *sites_new(void)
{
	struct trace_sites *sites = calloc(1, sizeof *sites);

	if (sites == NULL)
		return NULL;
	sites->sites = calloc(1, sizeof *sites->sites);
	sites->site_count = 1;
	if (sites->sites == NULL) {
		free(sites);
		return NULL;
	}
	return sites;
}

void sites_free(struct trace_sites *sites)
{
	if (sites == NULL)
		return;
	for (uint32_t i = 0; i < sites->module_count; i++)
		free(sites->modules[i]);
	for (uint32_t i = 0; i < sites->frame_count; i++)
		free(sites->frames[i].text);
	free(sites->modules);
	free(sites->frames);
	free(sites->sites);
	address_map_free(&sites->frame_index);
	address_map_free(&sites->site_index);
	free(sites);
}

uint32_t sites_module(struct trace_sites *sites, const char *path)
{
	uint32_t module = 0;

	while (module < sites->module_count &&
	       strcmp(sites->modules[module], path) != 0)
		module++;
	if (module < sites->module_count)
		return module;
	if (module == SITE_MODULES_MAX ||
	    !reserve_one(&sites->modules, module, sizeof *sites->modules))
		return SITES_FULL;
	sites->modules[module] = strdup(path);
	if (sites->modules[module] == NULL)
		return SITES_FULL;
	sites->module_count++;
	return module;
}

uint32_t sites_frame(struct trace_sites *sites, uint32_t module,
                     uint64_t offset)
{
	/* 0 is no key: modules count from 1 in it. */
	uint64_t key = (uint64_t)(module + 1) << 47 | offset;
	uint32_t frame = address_map_get(&sites->frame_index, key);

	assert(module < sites->module_count && offset <= SITE_OFFSET_MAX);
	if (frame != ADDRESS_UNKNOWN)
		return frame;
	frame = sites->frame_count;
	if (frame == SITE_FRAMES_MAX ||
	    !reserve_one(&sites->frames, frame, sizeof *sites->frames) ||
	    !address_map_add(&sites->frame_index, key, frame))
		return SITES_FULL;
	sites->frames[frame] =
		(struct site_frame){.module = module, .offset = offset};
	sites->frame_count++;
	return frame;
}

uint32_t sites_site(struct trace_sites *sites, uint32_t frame, uint32_t caller)
{
	uint64_t key = (uint64_t)(frame + 1) << 32 | caller;
	uint32_t site = address_map_get(&sites->site_index, key);

	assert(frame < sites->frame_count && caller < sites->site_count);
	if (site != ADDRESS_UNKNOWN)
		return site;
	site = sites->site_count;
	if (site == SITES_MAX ||
	    !reserve_one(&sites->sites, site, sizeof *sites->sites) ||
	    !address_map_add(&sites->site_index, key, site))
		return SITES_FULL;
	sites->sites[site] = (struct site){.frame = frame, .caller = caller};
	sites->site_count++;
	return site;
}

bool sites_set_text(struct trace_sites *sites, uint32_t frame, const char *text,
                    size_t bytes)
{
	assert(frame < sites->frame_count);
	char *copy = strndup(text, bytes < SITE_TEXT_BYTES_MAX
	                                   ? bytes
	                                   : SITE_TEXT_BYTES_MAX);
	if (copy == NULL)
		return false;
	free(sites->frames[frame].text);
	sites->frames[frame].text = copy;
	return true;
}
