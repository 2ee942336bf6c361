/*
 * beside.c - one path from another.
 */
#include "beside.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool beside_program(const char *name, char *path, size_t capacity)
{
	char self[PATH_MAX];
	ssize_t got = readlink("/proc/self/exe", self, sizeof self - 1);

	if (got < 0)
		return false;
	self[got] = '\0';
	return snprintf(path, capacity, "%s/lib/%s", dirname(self), name) <
	               (int)capacity &&
	       strpbrk(path, " :") == NULL;
}
