/*
 * service.h - a program that waits for work: ready, load, drain, stop.
 */
#ifndef HARNESS_PROGRAMS_SERVICE_H
#define HARNESS_PROGRAMS_SERVICE_H

#include "watch.h"

/*
 * Takes the program that was just started through plan->service.  Sets the
 * trial's wall_ns, the time of the load, and drained_bytes.
 */
enum watch_end service_serve(struct watch *watch, struct trial *trial);

#endif
