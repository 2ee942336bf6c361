/*
 * crew.h - OS threads that use one heap at the same time and find out whether
 * their blocks stay what they were.
 *
 *     struct crew *crew = crew_start(lab, &plan);
 *     crew_work(crew);        <- all threads run, and end
 *     crew_verify(crew);      <- the heap is as it should be
 *     crew_work(crew);        <- the next shift, with the blocks that are left
 *     crew_end(crew);         <- frees them all
 *
 * A block is full of one byte, its mark.  What a thread holds is private to it
 * until it gives a block to another, through a mailbox of one word: only what
 * the word brings along is ordered between the two (release, acquire), so that
 * ThreadSanitizer sees every other meeting of two threads as it is.
 */
#ifndef TESTS_CREW_H
#define TESTS_CREW_H

#include "lab.h"

enum { CREW_MAX = 8 };

struct crew_plan {
	unsigned threads;       /* at most CREW_MAX                          */
	size_t calls;           /* of each thread, in a shift                */
	size_t live;            /* blocks that a thread holds                */
	size_t size_max;        /* most are far smaller                      */
	unsigned gifts_percent; /* of the frees are left to another thread   */
	size_t attach_every;    /* calls made with one handle; 0: all        */
	bool looks_on;          /* trim, stats and usage beside all this     */
};

struct crew;

/*
 * Ends the time when the heap had one thread.  The crew's handles are not yet
 * attached: that is the first that each thread does.
 */
struct crew *crew_start(struct lab *lab, const struct crew_plan *plan);

/*
 * One shift.  Fails the test with the sentence of the first thread that found
 * something wrong.
 */
void crew_work(struct crew *crew);

/*
 * A shift that goes on until crew_stop(), while the caller does something; from
 * plan.calls on each thread makes a call every 100 us at most.
 */
void crew_begin(struct crew *crew);
void crew_stop(struct crew *crew);

/* All contents, check(), the walk, usage. */
void crew_verify(struct crew *crew);

/* Frees what is left with the lab's handle. */
void crew_end(struct crew *crew);

#endif
