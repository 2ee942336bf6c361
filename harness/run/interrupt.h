/*
 * interrupt.h - a run that is asked to stop keeps what it has finished.
 *
 * Between interrupt_watch() and interrupt_unwatch(), SIGINT, SIGTERM and SIGHUP
 * only set a flag, which the run reads between two children and while it waits
 * for one.  Processes that the run starts ignore these signals: the parent
 * decides what becomes of them, and they die with it.
 */
#ifndef HARNESS_RUN_INTERRUPT_H
#define HARNESS_RUN_INTERRUPT_H

#include <stdbool.h>

/* Clears the flag and catches the three signals. */
void interrupt_watch(void);

/* Gives the signals back their earlier meaning. */
void interrupt_unwatch(void);

/* In a child: the signals mean nothing. */
void interrupt_ignore(void);

/* Whether one has come since interrupt_watch(). */
bool interrupt_came(void);

#endif
