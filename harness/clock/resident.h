/*
 * resident.h - what the kernel says about our memory.
 */
#ifndef HARNESS_CLOCK_RESIDENT_H
#define HARNESS_CLOCK_RESIDENT_H

#include <stdint.h>

/*
 * Each reads a file of /proc/self and is far too slow to be timed; 0 where it
 * cannot be read.
 */

/* Bytes resident in the mappings that lie within [start, end). */
uint64_t resident_between(const void *start, const void *end);

/* Resident bytes of this process now. */
uint64_t resident_now(void);

/* Of these, pages of files: our own code, faulted in as it is first run. */
uint64_t resident_file_now(void);

/*
 * Makes the kernel's peak start again from what is resident now, so that a
 * large parent does not set a floor.
 */
void resident_reset_peak(void);

/* The most resident bytes since the last reset. */
uint64_t resident_peak(void);

#endif
