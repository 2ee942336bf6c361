/*
 * csv.h - the few rules of CSV that we write and read.
 *
 * Numbers never depend on the locale; a text field is quoted if it holds a
 * comma, a quote or a line break, as RFC 4180 says.
 */
#ifndef HARNESS_REPORT_CSV_H
#define HARNESS_REPORT_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Writes one text field, quoted where it must be. */
void csv_text(FILE *out, const char *text);

/*
 * Reads the first field of a line into `field`, unquoted.  False if it does not
 * fit or its quotes do not match.
 */
bool csv_first_field(const char *line, char *field, size_t capacity);

#endif
