/*
 * count_page.h - how many calls reached the library, in memory shared by all
 * processes of a program: liballoclab-count.so adds, alloclab reads.
 */
#ifndef HARNESS_PROGRAMS_COUNTER_COUNT_PAGE_H
#define HARNESS_PROGRAMS_COUNTER_COUNT_PAGE_H

#include <stdatomic.h>
#include <stdint.h>

/* Names the file that holds the page; without it nothing is counted. */
#define COUNT_VARIABLE "ALLOCLAB_COUNT"

enum { COUNT_SLOTS = 64, COUNT_LINE_BYTES = 64, COUNT_NAME_BYTES = 256 };

/* Threads add to slots in turn, so that they seldom share a line. */
struct count_slot {
	_Alignas(COUNT_LINE_BYTES) _Atomic uint64_t calls;
};

struct count_page {
	struct count_slot slots[COUNT_SLOTS];
	_Atomic int processes; /* programs that the counter was loaded into */
	_Atomic int named;     /* served_by is taken                        */
	/* The object behind the counter: who really served the first program. */
	char served_by[COUNT_NAME_BYTES];
};

#endif
