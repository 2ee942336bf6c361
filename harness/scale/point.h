/*
 * point.h - one child of a scaling run: an allocator, a work, some threads.
 */
#ifndef HARNESS_SCALE_POINT_H
#define HARNESS_SCALE_POINT_H

#include "../run/cell.h"
#include "scale.h"

/*
 * Starts the child for a row (one of scale->rows), in the process that is right
 * for it: started anew, as in run/job.h, for libraries, built-in allocators and
 * the control; a fork for plug-ins.  With `locates` the replay goes event by
 * event, so that a death has a place.  The result is a struct threads_figures.
 * False with errno set.
 */
bool point_start(struct cell *cell, const struct scale *scale,
                 const struct point *point, bool locates,
                 const struct cell_limits *limits);

/* The other end of a process started anew: `alloclab cell scale`. */
_Noreturn void point_serve(void);

#endif
