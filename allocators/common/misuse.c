/*
 * misuse.c - stop with a sentence; nothing here allocates.
 */
#include "misuse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void misuse(const char *allocator, const void *block, const char *format, ...)
{
	char text[512];
	va_list args;

	int used = snprintf(text, sizeof text, "%s: %p: ", allocator, block);
	va_start(args, format);
	used += vsnprintf(text + used, sizeof text - (size_t)used - 1, format,
	                  args);
	va_end(args);
	if (used > (int)sizeof text - 2)
		used = (int)sizeof text - 2;
	text[used++] = '\n';
	if (write(STDERR_FILENO, text, (size_t)used) < 0)
		abort(); /* nobody listens: stop all the same */
	abort();
}
