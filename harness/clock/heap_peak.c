/*
 * heap_peak.c - /proc/self/statm, often, and /proc/self/smaps, rarely.
 *
 * Which mappings are the heap's?  A page source that is watched marks its own
 * (page_kernel.c), and smaps shows that as the flag "rr" [proc(5)].  A program that
 * has another allocator's library loaded may hold pages of that: not counted.
 *
 * Not stdio, whose streams malloc; not malloc, in whose middle we are.
 */
#include "heap_peak.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../allocators/common/lock.h"

enum { KIB = 1024, PAGE_KIB = 4, NEWS_SHARE = 256 };

static struct lock look_lock; /* guards `text` and the peak */
static char text[16 * KIB];

static int open_proc(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* ---- of the process, as the kernel counts it ---------------------------------- */

/* Resident pages less those of files and shared memory, in bytes. */
static uint64_t process_bytes(void)
{
	int file = open_proc("/proc/self/statm");
	ssize_t got = file < 0 ? 0 : read(file, text, sizeof text - 1);
	char *rest = text;

	if (file >= 0)
		close(file);
	text[got > 0 ? got : 0] = '\0';
	strtoull(rest, &rest, 10); /* the address space */
	uint64_t resident = strtoull(rest, &rest, 10);
	uint64_t shared = strtoull(rest, &rest, 10);
	return resident > shared ? (resident - shared) * PAGE_KIB * KIB : 0;
}

/* ---- of the heap, from the page tables ----------------------------------------- */

struct sum {
	uint64_t mapping_kib; /* of the mapping whose lines are read  */
	uint64_t heap_kib;    /* of those that turned out to be heap  */
};

static uint64_t number_behind(const char *line, const char *key)
{
	size_t length = strlen(key);

	return strncmp(line, key, length) == 0
	               ? strtoull(line + length, NULL, 10)
	               : 0;
}

/* VmFlags is the last line of a mapping. */
static void add_line(struct sum *sum, const char *line)
{
	sum->mapping_kib += number_behind(line, "Anonymous:");
	sum->mapping_kib += number_behind(line, "Swap:");
	if (strncmp(line, "VmFlags:", 8) != 0)
		return;
	if (strstr(line, " rr") != NULL)
		sum->heap_kib += sum->mapping_kib;
	sum->mapping_kib = 0;
}

/* Takes the whole lines out of `text`; returns how many bytes are left in it. */
static size_t add_lines(struct sum *sum, size_t used)
{
	char *start = text, *end;

	while ((end = memchr(start, '\n', used)) != NULL) {
		*end = '\0';
		add_line(sum, start);
		used -= (size_t)(end + 1 - start);
		start = end + 1;
	}
	memmove(text, start, used);
	return used;
}

static uint64_t heap_bytes(void)
{
	int file = open_proc("/proc/self/smaps");
	struct sum sum = {0};
	size_t used = 0;
	ssize_t got;

	if (file < 0)
		return 0;
	/* A path is shorter than the buffer: it never fills with half a line. */
	while ((got = read(file, text + used, sizeof text - used)) > 0)
		used = add_lines(&sum, used + (size_t)got);
	close(file);
	return sum.heap_kib * KIB;
}

/* ---- both ------------------------------------------------------------------------ */

static void look_locked(struct heap_peak *peak)
{
	peak->now = heap_bytes();
	peak->looks++;
	if (peak->now > peak->bytes)
		peak->bytes = peak->now;
}

void heap_peak_look(void *ctx)
{
	struct heap_peak *peak = ctx;

	lock_take(&look_lock, &MANY_THREADS);
	uint64_t process = process_bytes();
	if (process > peak->process_bytes + peak->process_bytes / NEWS_SHARE) {
		peak->process_bytes = process;
		look_locked(peak);
	}
	lock_drop(&look_lock, &MANY_THREADS);
}

void heap_peak_look_closely(struct heap_peak *peak)
{
	lock_take(&look_lock, &MANY_THREADS);
	look_locked(peak);
	lock_drop(&look_lock, &MANY_THREADS);
}
