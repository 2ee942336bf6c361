/*
 * narrator.h - replays a trace and tells each event: what is asked, why it will
 * be answered as it will (asked before), what came of it, the heap afterwards.
 */
#ifndef HARNESS_STEP_NARRATOR_H
#define HARNESS_STEP_NARRATOR_H

#include "../measure/replayer.h"
#include "step.h"

enum { NARRATION_SENTENCE_BYTES = 1024 };

/* What is known outside when the narrator's process is gone. */
struct narration {
	const char *origin; /* the board's, for addresses in the verdict */
	/* Why, if the call was made before that was on the board, else "". */
	char why[NARRATION_SENTENCE_BYTES];
};

/*
 * Tells the events that `options` chooses, on `board`; sets *progress to each
 * event before it is replayed, told or not, and board->origin once the heap has
 * one.  To be run in a process of its own, with `narration` shared.
 */
struct verdict narrate(const struct step_options *options, struct board *board,
                       volatile uint64_t *progress,
                       struct narration *narration);

#endif
