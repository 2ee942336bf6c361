/*
 * plugin.h - allocators that are not built in: a student's mine.c.
 *
 *     ./mine.c   is compiled into build/plugins/ and loaded
 *     ./mine.so  is loaded
 *
 * Either exports `const struct allocator <name>_allocator`, where <name> is the
 * file's name without ending (or `plugin_allocator`), and may use everything in
 * allocators/common/; or it is a CS:APP mm.c, known by its mm_init, and gets
 * the heap of csapp.h.
 *
 * Loading runs the plug-in's constructors, so it is tried in a child first.
 */
#ifndef HARNESS_PLUGIN_PLUGIN_H
#define HARNESS_PLUGIN_PLUGIN_H

#include "../../allocators/allocator.h"
#include "../../allocators/common/knob.h"
#include "../trace/trace.h"

/* Whether a word on the command line names a plug-in rather than a built-in. */
bool plugin_is_path(const char *word);

/*
 * Loads the plug-in at `path`.  NULL with a message in `error`: the compiler's
 * first complaint, the symbol that is missing, the signal that killed it.  The
 * allocator stays loaded until the program ends.
 */
const struct allocator *plugin_load(const char *path,
                                    struct trace_error *error);

#endif
