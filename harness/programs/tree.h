/*
 * tree.h - the memory of a process's descendants, now.
 */
#ifndef HARNESS_PROGRAMS_TREE_H
#define HARNESS_PROGRAMS_TREE_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Resident bytes of all descendants of `root`, without itself: the sum of their
 * proportional sizes (Pss), in which a page that n processes share counts as a
 * n-th for each.  So a forked child's pages count once until it writes to them.
 * 0 if there is none.  What ends meanwhile is not in it.
 * Cost: the kernel walks the page tables of each, some 10 us a MiB.
 */
uint64_t tree_resident_bytes(pid_t root);

#endif
