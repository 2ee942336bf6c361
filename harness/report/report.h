/*
 * report.h - what a finished run leaves behind and says.
 */
#ifndef HARNESS_REPORT_REPORT_H
#define HARNESS_REPORT_REPORT_H

#include <stdio.h>

#include "../run/run.h"

/* The header and the rows of summary.csv. */
void report_summary(const struct run *run, FILE *out);

/* The header and the rows of repetitions.csv. */
void report_repetitions(const struct run *run, FILE *out);

/* phases.csv. */
void report_phases(const struct trace *trace, FILE *out);

/* run.json; `command` is the command line.  False if it cannot be written. */
bool report_json(const struct run *run, const char *command, const char *path);

/* The table for people. */
void report_table(const struct run *run, FILE *out);

/* Which is smallest, which fastest, which tie, and why each heap grew. */
void report_sentences(const struct run *run, FILE *out);

#endif
