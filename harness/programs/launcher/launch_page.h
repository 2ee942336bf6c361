/*
 * launch_page.h - what the launcher finds out, in memory shared with alloclab.
 *
 *     alloclab --exec--> launcher --fork, exec--> program --> its children
 *        |                  |  waits for all of them: times, faults, peak
 *        '--- this page ----'
 *
 * Why a program between: the kernel keeps the peak resident size of a process
 * over exec, so what the process was before counts, too.  The launcher is
 * static and small, and says how small (floor_bytes).
 */
#ifndef HARNESS_PROGRAMS_LAUNCHER_LAUNCH_PAGE_H
#define HARNESS_PROGRAMS_LAUNCHER_LAUNCH_PAGE_H

#include <stdint.h>

enum {
	LAUNCH_PAGE_FILE = 3
}; /* the descriptor that the launcher finds it as */

struct launch_page {
	/* Set by alloclab. */
	volatile int stays; /* what the program leaves behind lives on: wait,
	                       do not kill; may be cleared later             */

	/* Set by the launcher. */
	volatile int process;       /* of the program; 0: not started yet     */
	volatile int exec_errno;    /* why it could not become the program    */
	volatile int status;        /* of the program, as from waitpid        */
	volatile int is_over;       /* everything here is final               */
	volatile uint64_t start_ns; /* on the monotonic clock                 */
	volatile uint64_t wall_ns;  /* until the program's end                */
	/* Of the program and all its descendants that were waited for. */
	volatile uint64_t user_ns, system_ns;
	volatile uint64_t page_faults, major_faults;
	volatile uint64_t peak_bytes;  /* resident, of the largest process    */
	volatile uint64_t floor_bytes; /* below that peak_bytes says nothing  */
	volatile uint64_t left_behind; /* processes that outlived the program */
};

#endif
