/*
 * helper.h - commands of the shell beside a program, and waiting for a process.
 */
#ifndef HARNESS_PROGRAMS_HELPER_H
#define HARNESS_PROGRAMS_HELPER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Starts `sh -c COMMAND` in `directory` (NULL: here), in a process group of its
 * own, with our environment; stdout and stderr go to these descriptors.  -1 with
 * errno set.
 */
pid_t helper_start(const char *command, const char *directory, int out,
                   int err);

/* What stands for the exit status of a command that has none, as in shells. */
enum { HELPER_NOT_STARTED = 127, HELPER_SIGNAL = 128 };

/* Whether it has ended; then *exit_status is set. */
bool helper_has_ended(pid_t helper, int *exit_status);

/* Kills the group and waits for the helper. */
void helper_kill(pid_t helper);

/* Sleeps until the process ends or so much time has passed. */
void helper_wait(pid_t process, double seconds);

#endif
