/*
 * compressed.h - texts that come compressed, with zstd or gzip.
 */
#ifndef HARNESS_TRACE_COMPRESSED_H
#define HARNESS_TRACE_COMPRESSED_H

#include "formats.h"
#include "whole_file.h"

/* Whether it begins as a zstd frame or a gzip member does. */
bool is_compressed(const struct trace_text *in);

/*
 * Decompresses all of it, frames and members one behind the other.  False with
 * "name: byte N: ..." for damaged or truncated data, and for more than 2^36
 * bytes; `out` needs whole_file_free() only if true.
 */
bool decompress(const struct trace_text *in, struct whole_file *out,
                struct trace_error *error);

#endif
