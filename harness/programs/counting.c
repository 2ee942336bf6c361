/*
 * counting.c - the page of the counter, and the environment that leads to it.
 */
#include "counting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "beside.h"

static bool map_page(struct counting *counting)
{
	if (ftruncate(counting->file, sizeof *counting->page) != 0)
		return false;
	void *map = mmap(NULL, sizeof *counting->page, PROT_READ | PROT_WRITE,
	                 MAP_SHARED, counting->file, 0);
	if (map == MAP_FAILED)
		return false;
	counting->page = map;
	return true;
}

bool counting_open(struct counting *counting, struct trace_error *error)
{
	strcpy(counting->path, "/dev/shm/alloclab-count.XXXXXX");
	counting->file = mkostemp(counting->path, O_CLOEXEC);
	if (counting->file < 0) {
		strcpy(counting->path, "/tmp/alloclab-count.XXXXXX");
		counting->file = mkostemp(counting->path, O_CLOEXEC);
	}
	if (counting->file >= 0 && map_page(counting))
		return true;
	trace_fail(error, "%s: %s", counting->path, strerror(errno));
	if (counting->file >= 0) {
		close(counting->file);
		unlink(counting->path);
	}
	return false;
}

void counting_close(struct counting *counting)
{
	munmap(counting->page, sizeof *counting->page);
	close(counting->file);
	unlink(counting->path);
}

char **counting_environment(struct counting *counting,
                            struct contender *contender,
                            struct trace_error *error)
{
	char library[768], **environment;
	size_t count = 0, used = 0;

	if (!beside_program("liballoclab-count.so", library, sizeof library)) {
		trace_fail(error, "no path to the counting library");
		return NULL;
	}
	snprintf(counting->preload, sizeof counting->preload,
	         "LD_PRELOAD=%s%s%s", library,
	         contender->library.preload[0] != '\0' ? ":" : "",
	         contender->library.preload);
	snprintf(counting->variable, sizeof counting->variable, "%s=%s",
	         COUNT_VARIABLE, counting->path);
	environment = library_environment(&contender->library);
	while (environment != NULL && environment[count] != NULL)
		count++;
	char **result =
		environment != NULL
			? realloc(environment, (count + 3) * sizeof *result)
			: NULL;
	if (result == NULL) {
		free(environment);
		trace_fail(error, "no memory for the environment");
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		if (strncmp(result[i], "LD_PRELOAD=", 11) != 0)
			result[used++] = result[i];
	result[used++] = counting->preload;
	result[used++] = counting->variable;
	result[used] = NULL;
	return result;
}

uint64_t counting_calls(const struct counting *counting)
{
	uint64_t calls = 0;

	for (int i = 0; i < COUNT_SLOTS; i++)
		calls += counting->page->slots[i].calls;
	return calls;
}

/* By the file, whatever the path that leads to it. */
bool counting_is_served_by(const struct counting *counting,
                           const struct contender *contender)
{
	const char *preload = contender->library.preload;
	const char *served = counting->page->served_by;
	const char *wanted = strrchr(preload, '/');
	const char *found = strrchr(served, '/');

	if (preload[0] == '\0')
		return true;
	return strcmp(wanted == NULL ? preload : wanted + 1,
	              found == NULL ? served : found + 1) == 0;
}
