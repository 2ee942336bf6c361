/*
 * resident.h - which pages of private memory have been written to.
 */
#ifndef HARNESS_RECORD_PRELOAD_RESIDENT_H
#define HARNESS_RECORD_PRELOAD_RESIDENT_H

#include <stdbool.h>
#include <stdint.h>

enum { RESIDENT_PAGE_BYTES = 4096 };

struct resident {
	uint64_t pages; /* written to since they were dropped          */
	uint64_t end;   /* the address behind the last of them, or 0   */
};

/*
 * Asks the page tables about whole pages of anonymous private memory, in memory
 * or swapped out.  From Linux 6.7 on pages that were only read are left out
 * (PAGEMAP_SCAN); before, they count.  False where /proc does not tell.
 * No malloc; opens and closes a file.  2 us, and 10 ns a page.
 */
bool resident_count(uint64_t start, uint64_t end, struct resident *resident);

/*
 * How much of a page that was zero has been written to: the bytes up to the last
 * that is not 0; all of them if it cannot be read.
 */
uint64_t resident_written(uint64_t page);

#endif
