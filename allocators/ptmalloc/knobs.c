/*
 * knobs.c - what can be set, and a heap that is told.
 */
#include "ptmalloc.h"

static const char *const thresholds[] = {
	[THRESHOLDS_DYNAMIC] = "dynamic",
	[THRESHOLDS_FIXED] = "fixed",
	NULL,
};

static const char *const arena_choices[] = {
	[ARENA_ATTACHED] = "attached",
	[ARENA_TRY_LOCK] = "try-lock",
	NULL,
};

const struct knob pt_knobs[] = {
	[PT_TCACHE] = {.name = "tcache",
                       .unit = "blocks",
                       .initial = 7,
                       .min = 0,
                       .max = 64,
                       .summary = "a thread caches of each size; 0: no cache",
                       .source = "glibc"},
	[PT_FAST_MAX] = {.name = "fast_max",
                         .unit = "bytes",
                         .initial = 128,
                         .min = 0,
                         .max = 160,
                         .summary = "chunks up to this and 8 more wait in fast "
                                    "bins, not merged; 0: none",
                         .source = "glibc"},
	[PT_MMAP_THRESHOLD] = {.name = "mmap_threshold",
                               .unit = "bytes",
                               .initial = 128 << 10,
                               .min = PAGE_BYTES,
                               .max = THRESHOLD_MAX,
                               .summary = "larger requests may be mapped alone",
                               .source = "glibc"},
	[PT_TRIM_THRESHOLD] = {.name = "trim_threshold",
                               .unit = "bytes",
                               .initial = 128 << 10,
                               .min = PAGE_BYTES,
                               .max = (uint64_t)1 << 30,
                               .summary = "a longer top is cut to top_pad",
                               .source = "glibc"},
	[PT_THRESHOLDS] = {.name = "thresholds",
                           .unit = "",
                           .initial = THRESHOLDS_DYNAMIC,
                           .choices = thresholds,
                           .summary = "whether freeing a mapped chunk raises "
                                      "both to its size and twice that",
                           .source = "glibc"},
	[PT_MMAP_MAX] = {.name = "mmap_max",
                         .unit = "chunks",
                         .initial = 65536,
                         .min = 0,
                         .max = 1 << 20,
                         .summary = "mapped at a time at most",
                         .source = "glibc"},
	[PT_TOP_PAD] = {.name = "top_pad",
                        .unit = "bytes",
                        .initial = 128 << 10,
                        .min = 0,
                        .max = 16 << 20,
                        .summary = "asked from the source beyond what is "
                                   "needed, and kept when trimming",
                        .source = "glibc"},
	[PT_ARENAS] = {.name = "arenas",
                       .unit = "arenas",
                       .initial = 64,
                       .min = 1,
                       .max = 4096,
                       .summary = "at most; glibc: 8 for each processor",
                       .source = "glibc"},
	[PT_ARENA] = {.name = "arena",
                      .unit = "",
                      .initial = ARENA_ATTACHED,
                      .choices = arena_choices,
                      .summary = "who finds his arena locked waits, or moves "
                                 "on to a free one",
                      .source = "Gloger06"},
	{0},
};

/* The longest chunk for fast bins, of requests up to `bytes`. */
static size_t fast_chunk_max(size_t bytes)
{
	return bytes == 0 ? 0 : round_down(bytes + TAG_BYTES, CHUNK_ALIGN);
}

void pt_set_knobs(struct pt_heap *heap, const struct knob_values *values)
{
	const uint64_t *of = values->of;

	heap->cache_limit = of[PT_TCACHE];
	heap->fast_max_bytes = fast_chunk_max(of[PT_FAST_MAX]);
	heap->top_pad = of[PT_TOP_PAD];
	heap->mmap_max = of[PT_MMAP_MAX];
	heap->arenas_max = of[PT_ARENAS];
	heap->thresholds_are_fixed = of[PT_THRESHOLDS] == THRESHOLDS_FIXED;
	heap->tries_locks = of[PT_ARENA] == ARENA_TRY_LOCK;
	counter_set(&heap->mmap_threshold, of[PT_MMAP_THRESHOLD]);
	counter_set(&heap->trim_threshold, of[PT_TRIM_THRESHOLD]);
}
