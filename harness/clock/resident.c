/*
 * resident.c - /proc/self, read.
 */
#include "resident.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KIB = 1024 };

uint64_t resident_between(const void *start, const void *end)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	uint64_t sum = 0;
	unsigned long from, to, kib;
	int inside = 0;
	char line[512];

	if (maps == NULL)
		return 0;
	while (fgets(line, sizeof line, maps) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = from >= (uintptr_t)start &&
			         to <= (uintptr_t)end;
		else if (inside && sscanf(line, "Rss: %lu kB", &kib) == 1)
			sum += (uint64_t)kib * KIB;
	}
	fclose(maps);
	return sum;
}

/* Reads a small file whole, without stdio, whose streams would malloc. */
static void read_text(const char *path, char *text, size_t capacity)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = file < 0 ? 0 : read(file, text, capacity - 1);

	text[got > 0 ? got : 0] = '\0';
	if (file >= 0)
		close(file);
}

/* The line "key  N kB", in bytes. */
static uint64_t find_kib(const char *text, const char *key)
{
	const char *line = strstr(text, key);

	return line == NULL ? 0 : strtoull(line + strlen(key), NULL, 10) * KIB;
}

struct resident resident_now(void)
{
	char text[4096];

	read_text("/proc/self/smaps_rollup", text, sizeof text);
	return (struct resident){
		.anonymous_bytes = find_kib(text, "\nAnonymous:") +
	                           find_kib(text, "\nSwap:"),
		.huge_bytes = find_kib(text, "\nAnonHugePages:"),
	};
}

void resident_reset_peak(void)
{
	int refs = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	/* 5: reset VmHWM [proc(5)].  If it cannot, the old peak stays. */
	if (refs >= 0 && write(refs, "5", 1) != 1)
		perror("/proc/self/clear_refs");
	if (refs >= 0)
		close(refs);
}

uint64_t resident_peak(void)
{
	char text[4096];

	read_text("/proc/self/status", text, sizeof text);
	uint64_t all = find_kib(text, "\nVmHWM:");
	uint64_t files =
		find_kib(text, "\nRssFile:") + find_kib(text, "\nRssShmem:");
	return all > files ? all - files : 0;
}
