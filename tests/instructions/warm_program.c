/*
 * warm_program.c - the calls of warm.h to the malloc and free of a program, as
 * tests/e2e_instructions.sh counts them under a preloaded library.
 *
 *     warm_program malloc      the malloc and free of the process
 *     warm_program nothing     two functions that return at once
 */
#include <stdlib.h>
#include <string.h>

static void *nothing_malloc(size_t size)
{
	(void)size;
	return NULL;
}

static void nothing_free(void *block)
{
	(void)block;
}

struct calls {
	void *(*malloc)(size_t size);
	void (*free)(void *block);
};

#define CALL_MALLOC(calls, size) (calls)->malloc(size)
#define CALL_FREE(calls, block)  (calls)->free(block)
#include "warm.h"

int main(int count, char **arguments)
{
	struct calls calls = {malloc, free};

	if (count == 2 && strcmp(arguments[1], "nothing") == 0)
		calls = (struct calls){nothing_malloc, nothing_free};
	measure_all(&calls);
	return EXIT_SUCCESS;
}
