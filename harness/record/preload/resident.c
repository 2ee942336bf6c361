/*
 * resident.c - asks /proc/self/pagemap, in either way [proc(5); of the newer one
 * Documentation/admin-guide/mm/pagemap.rst in the kernel].
 *
 * The file is opened for every question: a forked child would go on asking about
 * its parent, and a program may close any descriptor.
 */
#include "resident.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- from Linux 6.7 on ------------------------------------------------------ */

/* Of linux/fs.h, which may be older than the kernel. */
enum {
	PAGE_PRESENT = 1 << 3,
	PAGE_SWAPPED = 1 << 4,
	PAGE_ZERO = 1 << 5, /* was read, and never written to */
};

struct page_run {
	uint64_t start, end, categories;
};

struct scan {
	uint64_t size, flags, start, end, walk_end;
	uint64_t runs, run_count, max_pages;
	uint64_t inverted, all_of, any_of, told;
};

enum { RUNS = 64 };
#define SCAN_REQUEST _IOWR('f', 16, struct scan)

static void add_run(struct resident *resident, const struct page_run *run)
{
	resident->pages += (run->end - run->start) / RESIDENT_PAGE_BYTES;
	resident->end = run->end;
}

static bool count_by_scan(int file, uint64_t start, uint64_t end,
                          struct resident *resident)
{
	struct page_run runs[RUNS];
	struct scan scan = {
		.size = sizeof scan,
		.start = start,
		.end = end,
		.runs = (uintptr_t)runs,
		.run_count = RUNS,
		.inverted = PAGE_ZERO,
		.all_of = PAGE_ZERO,
		.any_of = PAGE_PRESENT | PAGE_SWAPPED,
		.told = PAGE_PRESENT,
	};

	for (; scan.start < end; scan.start = scan.walk_end) {
		int got = ioctl(file, SCAN_REQUEST, &scan);
		if (got < 0 || scan.walk_end <= scan.start)
			return false;
		for (int i = 0; i < got; i++)
			add_run(resident, &runs[i]);
	}
	return true;
}

/* ---- before ------------------------------------------------------------------ */

static const uint64_t ENTRY_IS_THERE = (uint64_t)3 << 62; /* or swapped */

static bool count_by_entries(int file, uint64_t start, uint64_t end,
                             struct resident *resident)
{
	uint64_t entries[512];

	while (start < end) {
		uint64_t pages = (end - start) / RESIDENT_PAGE_BYTES;
		size_t bytes = pages * sizeof entries[0];
		if (bytes > sizeof entries)
			bytes = sizeof entries;
		off_t at = (off_t)(start / RESIDENT_PAGE_BYTES *
		                   sizeof entries[0]);
		if (pread(file, entries, bytes, at) != (ssize_t)bytes)
			return false;
		for (size_t i = 0; i < bytes / sizeof entries[0]; i++) {
			start += RESIDENT_PAGE_BYTES;
			if ((entries[i] & ENTRY_IS_THERE) == 0)
				continue;
			resident->pages++;
			resident->end = start;
		}
	}
	return true;
}

/* ---- either ------------------------------------------------------------------ */

bool resident_count(uint64_t start, uint64_t end, struct resident *resident)
{
	int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return false;
	*resident = (struct resident){0};
	bool good = count_by_scan(file, start, end, resident);
	if (!good) {
		*resident = (struct resident){0};
		good = count_by_entries(file, start, end, resident);
	}
	close(file);
	return good;
}

/* The kernel copies: the program may have forbidden itself to read the page. */
uint64_t resident_written(uint64_t page)
{
	unsigned char copy[RESIDENT_PAGE_BYTES];
	struct iovec to = {copy, sizeof copy};
	struct iovec from = {(void *)(uintptr_t)page, sizeof copy};
	uint64_t written = sizeof copy;

	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != sizeof copy)
		return written;
	while (written > 0 && copy[written - 1] == 0)
		written--;
	return written;
}
