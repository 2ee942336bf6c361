/*
 * process.c - how every test program starts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

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

/*
 * Output goes by lines, so that what is written to stderr stays beside the test
 * it belongs to.  TEST_FILTER='*free*' runs the tests whose names match.
 */
__attribute__((constructor)) static void start(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	cmocka_set_test_filter(getenv("TEST_FILTER"));
}
