/*
 * recording.h - the folder of one recording: made, listed, removed.
 */
#ifndef HARNESS_RECORD_RECORDING_H
#define HARNESS_RECORD_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../trace/trace.h"
#include "raw_reader.h"

/* One program image that was recorded, with all its records open. */
struct recorded_image {
	struct raw_reader reader;
	char *command; /* quoted as for a shell                       */
	char *program; /* its name without folders, "python3.11"      */
};

struct recording {
	char directory[4096];
	struct raw_control *control;   /* shared with the recorded processes */
	struct recorded_image *images; /* by start */
	size_t count;
	uint64_t skipped_programs; /* ran with the library, not recorded   */
	uint64_t skipped_children; /* the same, forked and without an exec */
};

/*
 * Makes a folder below ${TMPDIR:-/tmp}, with nothing but a zeroed control file in
 * it; its path is absolute.
 */
bool recording_create(struct recording *recording, struct trace_error *error);

/* Opens what the library wrote there. */
bool recording_open(struct recording *recording, struct trace_error *error);

/*
 * The image that a trace without further choice is made of.  The process that
 * was started may become several programs by exec, one after the other (env,
 * sh -c, wrapper scripts do that): the one with the most records.  NULL if there
 * is none.
 */
struct recorded_image *recording_main_image(struct recording *recording,
                                            pid_t process);

/* Closes the images; removes the folder unless `keep`. */
void recording_close(struct recording *recording, bool keep);

/* The words of a command as one line, quoted where a shell needs it. */
char *command_line(const char *const words[], size_t count);

#endif
