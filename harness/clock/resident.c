/*
 * resident.c - /proc/self, read.
 */
#include "resident.h"

#include <stdio.h>
#include <string.h>

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

/* A line "Key:  N kB" of /proc/self/status, in bytes. */
static uint64_t read_status(const char *key)
{
	FILE *status = fopen("/proc/self/status", "r");
	unsigned long kib = 0;
	char line[256];

	if (status == NULL)
		return 0;
	while (fgets(line, sizeof line, status) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			sscanf(line + strlen(key), ": %lu", &kib);
	fclose(status);
	return (uint64_t)kib * KIB;
}

uint64_t resident_now(void)
{
	return read_status("VmRSS");
}

uint64_t resident_file_now(void)
{
	return read_status("RssFile");
}

void resident_reset_peak(void)
{
	FILE *refs = fopen("/proc/self/clear_refs", "w");

	if (refs == NULL)
		return;
	fputs("5", refs); /* 5: reset VmHWM [proc(5)] */
	fclose(refs);
}

uint64_t resident_peak(void)
{
	return read_status("VmHWM");
}
