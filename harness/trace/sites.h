/*
 * sites.h - where in the program the calls of a trace were made: a table of call
 * stacks.
 *
 * Stacks share their outer ends, so they are kept as a tree.  A *site* is one
 * frame and the site of its caller; it stands for the whole stack from there:
 *
 *     main -> load -> parse            site  frame   caller
 *     main -> load                       1   main      -
 *     main -> run -> parse               2   load      1
 *                                        3   parse     2
 *                                        4   run       1
 *                                        5   parse     4
 *
 * A *frame* is a place in a *module*, a file that was loaded.  Its offset is the
 * address that the call returns to, as the module's ELF file counts addresses
 * (what addr2line takes); so the call itself is just before it.
 *
 * Site 0 is no site: the call's stack is not known.  A caller has a smaller
 * number than the site it called.
 *
 * Threads: one at a time while it grows; constant in a finished trace.
 */
#ifndef HARNESS_TRACE_SITES_H
#define HARNESS_TRACE_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address_map.h"

struct site_frame {
	uint32_t module;
	uint64_t offset; /* below 2^47 */
	/*
	 * What is there, or NULL: "parse (words.c:41)", and a line each for the
	 * functions that this one was inlined into, innermost first.
	 */
	char *text;
};

struct site {
	uint32_t frame;
	uint32_t caller; /* a site; 0: the stack begins here */
};

struct trace_sites {
	char **modules; /* paths; "" for code outside all files */
	uint32_t module_count;
	struct site_frame *frames;
	uint32_t frame_count;
	struct site *sites;  /* from 1 on; sites[0] is zero */
	uint32_t site_count; /* the highest number + 1: 1 if there is none */

	struct address_map frame_index; /* module and offset -> frame */
	struct address_map site_index;  /* frame and caller -> site   */
};

enum { SITE_MODULES_MAX = 65535, SITE_TEXT_BYTES_MAX = 4000 };
static const uint64_t SITE_OFFSET_MAX = ((uint64_t)1 << 47) - 1;
static const uint32_t SITE_FRAMES_MAX = (uint32_t)1 << 28;
static const uint32_t SITES_MAX = (uint32_t)1 << 28;
static const uint32_t SITES_FULL = UINT32_MAX; /* also: no memory */

/* An empty table; NULL without memory. */
struct trace_sites *sites_new(void);
void sites_free(struct trace_sites *sites);

/*
 * Each returns the number of what is asked for, made if need be, or SITES_FULL.
 * Cost: O(modules) for a module, O(1) for the others.
 */
uint32_t sites_module(struct trace_sites *sites, const char *path);
uint32_t sites_frame(struct trace_sites *sites, uint32_t module,
                     uint64_t offset);
uint32_t sites_site(struct trace_sites *sites, uint32_t frame, uint32_t caller);

/*
 * What stands at a frame; cut after SITE_TEXT_BYTES_MAX.  False without memory.
 */
bool sites_set_text(struct trace_sites *sites, uint32_t frame, const char *text,
                    size_t bytes);

#endif
