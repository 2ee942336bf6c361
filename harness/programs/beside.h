/*
 * beside.h - the libraries and helpers that lie beside the program, in lib/.
 */
#ifndef HARNESS_PROGRAMS_BESIDE_H
#define HARNESS_PROGRAMS_BESIDE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The absolute path of lib/NAME beside the running program.  False if it is too
 * long, or holds a blank or a colon, which LD_PRELOAD takes for the end of a
 * name; whether there is such a file is not asked.
 */
bool beside_program(const char *name, char *path, size_t capacity);

#endif
