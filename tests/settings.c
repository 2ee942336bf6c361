/*
 * settings.c - the knob settings that every property of the contract is tried
 * with: those chosen here, and from every knob its other choices or the ends of
 * its range.
 */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocators/common/knob.h"
#include "allocators/common/page_source.h"
#include "allocators/registry.h"
#include "harness/plugin/plugin.h"
#include "known.h"

static const char *const chosen[] = {
	"bump",
	"bump:growth=64K",
	"first-fit",
	"first-fit:order=lifo",
	"first-fit:order=fifo,coalesce=deferred,growth=64K",
	"first-fit:order=size,coalesce=never,split_min=128",
	"first-fit:wilderness=listed,min_block=64",
	"first-fit:index=tree,min_block=64",
	"first-fit:index=tree,min_block=64,coalesce=deferred,wilderness=listed",
	"next-fit",
	"next-fit:order=lifo,wilderness=listed",
	"next-fit:order=fifo,coalesce=deferred",
	"next-fit:coalesce=never,wilderness=listed",
	"next-fit:order=size,growth=1M",
	"best-fit",
	"best-fit:order=address,coalesce=deferred",
	"best-fit:order=lifo,wilderness=listed,growth=64K",
	"best-fit:index=tree,min_block=64",
	"best-fit:index=tree,min_block=64,coalesce=never",
	"best-fit:index=tree,min_block=256,order=address,wilderness=listed",
	"worst-fit",
	"worst-fit:order=size",
	"worst-fit:order=fifo,coalesce=deferred,wilderness=listed",
	"worst-fit:index=tree,min_block=64",
	"worst-fit:index=tree,min_block=128,coalesce=deferred,split_min=512",
	"buddy",
	"buddy:min_block=16,max_block=1M",
	"buddy:order=address",
	"buddy:merge=lazy",
	"buddy:merge=lazy,threshold=3,max_block=1M",
	"buddy:merge=lazy,threshold=1,order=address,min_block=128",
	"slab",
	"slab:spacing=eighth,descriptors=off,colour=0",
	"slab:spacing=double,kmalloc_max=128K,partial=lifo",
	"slab:slab_min=64K,empty=0,keep=0",
	"slab:kmalloc_max=256,descriptors=on,empty=8",
	"pool",
	"pool:object=64",
	"pool:object=5",
	"pool:object=40,chunk=4K,idle=0",
	"pool:object=1000,chunk=4K,preallocate=100,limit=100000",
	"ptmalloc",
	"ptmalloc:tcache=0",
	"ptmalloc:tcache=0,fast_max=0",
	"ptmalloc:tcache=2,fast_max=160,arena=try-lock",
	"ptmalloc:arenas=1,top_pad=0,trim_threshold=4K",
	"ptmalloc:mmap_threshold=4K,thresholds=fixed",
	"ptmalloc:mmap_max=0,tcache=64",
	"tcmalloc",
	"tcmalloc:page_map=hash,order=recent",
	"tcmalloc:page_map=3,classes=208,batch=512",
	"tcmalloc:page_map=1,growth=1,release=1000",
	"tcmalloc:thread_cache=64K,all_caches=96K,transfer=2",
	"tcmalloc:thread_cache=0,transfer=0,growth=8",
	"jemalloc",
	"jemalloc:cache_slots=0",
	"jemalloc:classes=2006,chunk=2M,gc=7",
	"jemalloc:chunk=64K,stagger=3,gc=3,cache_max=8K",
	"jemalloc:arenas=1,purge=decay,decay=1,ahead=0,headroom=25",
	"jemalloc:purge=never,cache_slots=5,gc=1,stagger=8",
	"jemalloc:chunk=256K,lg_dirty_mult=32,cache_slots=17",
	"system",
	"locked bump",
	"locked first-fit",
	"locked best-fit:index=tree,min_block=64",
	"locked buddy:merge=lazy",
	"locked slab",
	"locked pool:object=200,chunk=4K",
};

enum { CHOSEN = sizeof chosen / sizeof chosen[0], SETTINGS_MAX = 512 };

static struct setting settings[SETTINGS_MAX];
static size_t setting_count;

static bool is_listed(const char *name)
{
	for (size_t i = 0; i < setting_count; i++)
		if (strcmp(settings[i].name, name) == 0)
			return true;
	return false;
}

static void set(struct setting *setting, const struct allocator *allocator,
                const char *name, bool derived)
{
	setting->allocator = allocator;
	setting->derived = derived;
	snprintf(setting->name, sizeof setting->name, "%s", name);
	const char *colon = strchr(setting->name, ':');
	setting->knobs = colon == NULL ? "" : colon + 1;
}

static void list_setting(const struct allocator *allocator, const char *name,
                         bool derived)
{
	if (is_listed(name))
		return;
	/* TSan gives malloc(0) one usable byte and reports who writes to it. */
	if (UNDER_TSAN && allocator->ignores_page_source) {
		printf("# left out under TSan: %s\n", name);
		return;
	}
	if (setting_count == SETTINGS_MAX) {
		printf("# no room for %s: raise SETTINGS_MAX\n", name);
		abort();
	}
	set(&settings[setting_count++], allocator, name, derived);
}

static void list_chosen(const char *name)
{
	const struct allocator *found = lab_find(name);

	if (found == NULL)
		printf("# not here, left out: %s\n", name);
	else
		list_setting(found, name, false);
}

/* Whether a heap can be made at all: the arena may be too small for it. */
static bool can_create(const struct allocator *allocator,
                       const struct knob_values *values)
{
	const struct page_source_options arena = {.kind = PAGE_SOURCE_ARENA};
	struct page_source pages;

	if (!page_source_open(&pages, &arena))
		abort();
	struct heap *heap = allocator->create(values, &pages, &ONE_THREAD);
	if (heap != NULL)
		allocator->destroy(heap);
	page_source_close(&pages);
	return heap != NULL;
}

/* NULL if a heap can be made with these values, else why not. */
static const char *why_not(const struct allocator *allocator,
                           const struct knob_values *values)
{
	const char *reason = NULL;

	if (allocator->refuse != NULL)
		reason = allocator->refuse(values);
	if (reason == NULL && !can_create(allocator, values))
		reason = "create() finds no room for it";
	return reason;
}

static void name_setting(const struct allocator *allocator,
                         const struct knob_values *values, char *name,
                         size_t capacity)
{
	char knobs[200];

	knob_print(allocator->knobs, values, true, knobs, sizeof knobs);
	snprintf(name, capacity, "%s%s%s", allocator->name,
	         knobs[0] == '\0' ? "" : ":", knobs);
}

/* Lists the defaults with one knob moved to `value`. */
static void list_derived(const struct allocator *allocator, size_t knob,
                         uint64_t value)
{
	struct knob_values values;
	char name[256];

	knob_defaults(allocator->knobs, &values);
	if (values.of[knob] == value)
		return;
	values.of[knob] = value;
	name_setting(allocator, &values, name, sizeof name);
	const char *reason = why_not(allocator, &values);
	if (reason == NULL)
		list_setting(allocator, name, true);
	else
		printf("# left out: %s: %s\n", name, reason);
}

static void list_all_derived(const struct allocator *allocator)
{
	const struct knob *knobs = allocator->knobs;

	for (size_t i = 0; knobs[i].name != NULL; i++) {
		if (knobs[i].choices == NULL) {
			list_derived(allocator, i, knobs[i].min);
			list_derived(allocator, i, knobs[i].max);
			continue;
		}
		for (size_t j = 0; knobs[i].choices[j] != NULL; j++)
			list_derived(allocator, i, j);
	}
}

/* CONTRACT_ALLOCATOR=./mine.c: a plug-in in place of all others. */
static void list_plugin(const char *path)
{
	struct trace_error error;
	const struct allocator *allocator = plugin_load(path, &error);

	if (allocator == NULL || allocator->usable_size == NULL) {
		printf("Bail out! %s\n",
		       allocator == NULL
		               ? error.text
		               : "a CS:APP mm.c tells too little of itself to be checked (no usable_size, no walk): try it with make run");
		exit(EXIT_FAILURE);
	}
	list_setting(allocator, allocator->name, false);
	list_all_derived(allocator);
}

const struct setting *settings_collect(size_t *count)
{
	const char *plugin = getenv("CONTRACT_ALLOCATOR");

	if (plugin != NULL && plugin[0] != '\0') {
		list_plugin(plugin);
		*count = setting_count;
		return settings;
	}
	const char *extent = getenv("CONTRACT");
	bool quick = extent != NULL && strcmp(extent, "quick") == 0;

	for (size_t i = 0; i < CHOSEN; i++)
		list_chosen(chosen[i]);
	for (size_t i = 0; allocator_registry[i] != NULL; i++) {
		list_setting(allocator_registry[i], allocator_registry[i]->name,
		             false);
		if (!quick)
			list_all_derived(allocator_registry[i]);
	}
	*count = setting_count;
	return settings;
}

static uint64_t draw_value(const struct knob *knob, uint64_t *random)
{
	uint64_t choices = 0;

	if (knob->choices == NULL) {
		uint64_t values[] = {knob->initial, knob->min, knob->max};
		return values[random_between(random, 0, 2)];
	}
	while (knob->choices[choices] != NULL)
		choices++;
	return random_between(random, 0, choices - 1);
}

bool settings_draw(const struct allocator *allocator, uint64_t n,
                   struct setting *out)
{
	struct knob_values values = {0};
	uint64_t random = n;
	char name[256];

	for (size_t i = 0; allocator->knobs[i].name != NULL; i++)
		values.of[i] = draw_value(&allocator->knobs[i], &random);
	if (why_not(allocator, &values) != NULL)
		return false;
	name_setting(allocator, &values, name, sizeof name);
	set(out, allocator, name, true);
	return true;
}
