/*
 * scale_report.h - what `alloclab scale` leaves behind and says.
 */
#ifndef HARNESS_SCALE_SCALE_REPORT_H
#define HARNESS_SCALE_SCALE_REPORT_H

#include <stdio.h>

#include "../report/folder.h"
#include "scale.h"

/*
 * Writes results/scale/: scale.csv, rounds.csv, locks.csv and run.json
 * (docs/csv.md), complete or not at all; `folder` then says where.
 */
bool scale_write(const struct scale *scale, const char *results,
                 const char *command, struct folder *folder,
                 struct trace_error *error);

/*
 * Whether even the control does not scale to the most threads: other programs
 * run, or cores are shared, and no figure of the allocators means anything.
 */
bool scale_is_doubtful(const struct scale *scale);

/* The tables for people: one for each work. */
void scale_print(const struct scale *scale, FILE *out);

#endif
