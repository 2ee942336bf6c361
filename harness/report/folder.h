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
	bool keeps;      /* rows of earlier runs, see keep.h */
	char path[3072]; /* results/sqlite                  */
	char temp[3100]; /* results/.sqlite.1234: being made */
};

/*
 * Makes the new, empty folder, and `results` if it is missing.  Refuses to take
 * the place of something that holds no results.
 */
bool folder_create(struct folder *folder, const char *results, const char *name,
                   struct trace_error *error);

/* Sets the error of a call that failed, from errno; returns false. */
bool folder_cannot_write(const struct folder *folder,
                         struct trace_error *error);

/* Begins a CSV file in the new folder by its first line; NULL, with errno, if not. */
FILE *folder_csv_open(const struct folder *folder, const char *name,
                      const char *header);

/* Ends it; false with `error` set if it is not whole, or `out` is NULL. */
bool folder_csv_close(const struct folder *folder, FILE *out,
                      struct trace_error *error);

/* KEEP=1: false if the folder that is there is of another trace. */
bool folder_keep(struct folder *folder, const struct trace *trace,
                 struct trace_error *error);

/* Writes every file of the run into the new folder. */
bool folder_fill(const struct folder *folder, const struct run *run,
                 const char *command, struct trace_error *error);

/*
 * An interrupted run does not replace the results of an earlier one: where there
 * are any, the new folder goes beside them, as results/sqlite.interrupted.
 */
void folder_step_aside(struct folder *folder);

/*
 * Puts the new folder in the place of the old one, which is back in its place if
 * that fails.
 */
bool folder_commit(const struct folder *folder, struct trace_error *error);

/* Removes the new folder with all that is in it. */
void folder_abandon(const struct folder *folder);

#endif
