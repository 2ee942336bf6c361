/*
 * unwinder.h - libunwind in a program that is not ours.
 */
#ifndef HARNESS_RECORD_PRELOAD_UNWINDER_H
#define HARNESS_RECORD_PRELOAD_UNWINDER_H

/* Fills in return addresses, innermost first; returns how many. */
typedef int unwinder(void **addresses, int capacity);

/*
 * Loads it, privately: its _Unwind_ functions must not take the place of the ones
 * that C++ exceptions use.  NULL if it is not there.  Not inside malloc, which
 * may be called by the dynamic linker.
 */
unwinder *unwinder_open(void);

#endif
