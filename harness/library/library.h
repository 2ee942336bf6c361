/*
 * library.h - a malloc that is a shared library, as a row of a run.
 *
 *     lib:jemalloc                          one that the machine may have
 *     lib:/opt/lib/libmine.so               any file
 *     lib:jemalloc[MALLOC_CONF=narenas:1]   with environment, a pair of brackets
 *                                           for each variable
 *     system, system[MALLOC_ARENA_MAX=1]    the C library's own
 *
 * Such a row lives in processes of its own: the program is started anew with
 * LD_PRELOAD, and the replay calls malloc through the adapter of
 * allocators/system/system.c, a tail jump.
 */
#ifndef HARNESS_LIBRARY_LIBRARY_H
#define HARNESS_LIBRARY_LIBRARY_H

#include "../trace/trace.h"

enum {
	LIBRARY_VARIABLES = 4,
	LIBRARY_VARIABLE_BYTES = 200,
	LIBRARY_PATH_BYTES = 256,
};

/* What the process itself says of the malloc that it has. */
struct library_facts {
	char path[LIBRARY_PATH_BYTES]; /* of the object that malloc is in */
	char loaded_as[LIBRARY_PATH_BYTES]; /* before links are followed  */
	char version[64];  /* "jemalloc 5.3.0"; "" unknown    */
	char missing[128]; /* calls that another object serves: "calloc"  */
	bool has_usable_size, has_memalign;
};

struct library {
	char preload[LIBRARY_PATH_BYTES]; /* soname or path; "": nothing  */
	char preload_setting[LIBRARY_PATH_BYTES + 16]; /* LD_PRELOAD=...  */
	char variables[LIBRARY_VARIABLES][LIBRARY_VARIABLE_BYTES]; /* A=b */
	int variable_count;
	struct library_facts facts; /* path "": it did not come to say    */
};

enum library_state {
	LIBRARY_READY,
	LIBRARY_MISSING,  /* well formed, but not installed */
	LIBRARY_UNUSABLE, /* a mistake of the user          */
};

/* Whether a word names such a row: "lib:...", "system", "system[...". */
bool library_is_word(const char *word);

/*
 * Reads the word, starts a process with the library and asks it (facts).  Other
 * than READY there is a sentence in `error`.  A library that crashes or hangs
 * there is READY: what it does is a finding, and the passes will find it.
 */
enum library_state library_open(const char *word, struct library *library,
                                struct trace_error *error);

/* Fills the facts, in the process that has the library. */
void library_ask(struct library_facts *facts);

/*
 * The environment for a process with this library: that of this one, changed.
 * The array is malloc'ed, its strings are the library's; NULL without memory.
 */
char **library_environment(struct library *library);

#endif
