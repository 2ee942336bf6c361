/*
 * site_table.h - the table of sites as bytes, as the binary form holds it.
 * docs/traces.md describes them.
 */
#ifndef HARNESS_TRACE_SITE_TABLE_H
#define HARNESS_TRACE_SITE_TABLE_H

#include <stddef.h>

#include "sites.h"

/* The bytes, malloc'ed, and their number; NULL without memory. */
uint8_t *site_table_encode(const struct trace_sites *sites, size_t *bytes);

/*
 * Adds what the bytes say to an empty table.  False with a reason for malformed
 * ones, and without memory.
 */
bool site_table_decode(struct trace_sites *sites, const uint8_t *bytes,
                       size_t count, const char **reason);

#endif
