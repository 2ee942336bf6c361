/*
 * folder.h - results/<workload>/, complete or untouched.
 *
 * A run writes everything into a new folder beside the final one and renames it
 * at its end.  Files are merged there from the children's parts.
 */
#ifndef HARNESS_REPORT_FOLDER_H
#define HARNESS_REPORT_FOLDER_H

#include "../run/run.h"

struct folder {
	char path[3072]; /* results/sqlite                  */
	char temp[3100]; /* results/.sqlite.1234: being made */
};

/* Makes the new, empty folder, and `results` if it is missing. */
bool folder_create(struct folder *folder, const char *results, const char *name,
                   struct trace_error *error);

/*
 * Writes every file of the run into the new folder.  With `keep`, rows of
 * allocators that are not in this run are taken over from the folder that is
 * there, if that holds the same trace (by checksum).
 */
bool folder_fill(const struct folder *folder, const struct run *run,
                 const char *command, bool keep, struct trace_error *error);

/* Puts the new folder in the place of the old one. */
bool folder_commit(const struct folder *folder, struct trace_error *error);

/* Removes the new folder with all that is in it. */
void folder_abandon(const struct folder *folder);

#endif
