/*
 * knobs.c - the knobs of the fit family.
 *
 * All four policies have the same ones; best fit alone starts with another
 * order, so there are two arrays.
 */
#include "fit.h"

static const char *const orders[] = {"address", "lifo", "fifo", "size", NULL};
static const char *const coalescings[] = {"immediate", "deferred", "never",
                                          NULL};
static const char *const wildernesses[] = {"kept", "listed", NULL};
static const char *const indices[] = {"list", "tree", NULL};

#define KNOBS(initial_order)                                                   \
	[FIT_ORDER] = {.name = "order",                                        \
	               .unit = "",                                             \
	               .initial = initial_order,                               \
	               .choices = orders,                                      \
	               .summary = "of the holes on the chain",                 \
	               .source = "Knuth97"},                                   \
	[FIT_COALESCE] = {.name = "coalesce",                                  \
	                  .unit = "",                                          \
	                  .initial = COALESCE_IMMEDIATE,                       \
	                  .choices = coalescings,                              \
	                  .summary = "free neighbours: at each free, in one "  \
	                             "sweep before growing, never",            \
	                  .source = "Wilson95"},                               \
	[FIT_SPLIT_MIN] = {.name = "split_min",                                \
	                   .unit = "bytes",                                    \
	                   .initial = LIST_BLOCK_MIN,                          \
	                   .min = LIST_BLOCK_MIN,                              \
	                   .max = 1 << 20,                                     \
	                   .summary = "smallest remainder that becomes a "     \
	                              "hole (min_block at least)",             \
	                   .source = "Knuth97"},                               \
	[FIT_GROWTH] = {.name = "growth",                                      \
	                .unit = "bytes",                                       \
	                .initial = PAGE_BYTES,                                 \
	                .min = PAGE_BYTES,                                     \
	                .max = (uint64_t)1 << 30,                              \
	                .power_of_two = true,                                  \
	                .summary = "asked from the source in multiples of",    \
	                .source = ""},                                         \
	[FIT_WILDERNESS] = {.name = "wilderness",                              \
	                    .unit = "",                                        \
	                    .initial = WILDERNESS_KEPT,                        \
	                    .choices = wildernesses,                           \
	                    .summary = "kept off the list and used when no "   \
	                               "hole fits, or listed as a hole",       \
	                    .source = "Wilson95"},                             \
	[FIT_MIN_BLOCK] = {.name = "min_block",                                \
	                   .unit = "bytes",                                    \
	                   .initial = LIST_BLOCK_MIN,                          \
	                   .min = LIST_BLOCK_MIN,                              \
	                   .max = 1024,                                        \
	                   .power_of_two = true,                               \
	                   .summary = "smallest block, tags included",         \
	                   .source = ""},                                      \
	[FIT_INDEX] = {.name = "index",                                        \
	               .unit = "",                                             \
	               .initial = INDEX_LIST,                                  \
	               .choices = indices,                                     \
	               .summary = "a tree makes the same choice in O(log n)",  \
	               .source = "Wilson95"},                                  \
	{                                                                      \
		0                                                              \
	}

const struct knob fit_knobs[] = {KNOBS(ORDER_ADDRESS)};
const struct knob fit_knobs_size[] = {KNOBS(ORDER_SIZE)};
