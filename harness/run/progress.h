/*
 * progress.h - a bar with the time that is left, on a terminal only.
 *
 *     sqlite  [###########.........]  55 %  measuring best-fit  about 12 s left
 */
#ifndef HARNESS_RUN_PROGRESS_H
#define HARNESS_RUN_PROGRESS_H

#include <stdbool.h>

struct progress {
	bool is_shown;
	const char *title;
	double total; /* units of work; a unit is one child process */
	double done;
	double started_s;
	double drawn_s;
};

/* Silent unless stderr is a terminal (and `wanted`). */
void progress_open(struct progress *progress, const char *title, double total,
                   bool wanted);

/* Draws, at most ten times a second; `now` is part of the unit in work. */
void progress_draw(struct progress *progress, double now, const char *what);

/* Wipes the bar away. */
void progress_close(struct progress *progress);

#endif
