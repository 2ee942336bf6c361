/*
 * process.c - how every test program starts.
 */
#include <stdio.h>

/* The C library's malloc under a sanitizer is to say NULL, like any other. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* By lines, so that what goes to stderr stays beside the test it belongs to. */
__attribute__((constructor)) static void write_lines(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
}
