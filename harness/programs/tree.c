/*
 * tree.c - /proc: children of threads, smaps_rollup of processes.
 */
#include "tree.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TREE_MAX = 1024 }; /* processes that wait to be visited */

struct tree {
	pid_t waiting[TREE_MAX];
	int count;
};

/* Adds the processes that one thread has started. */
static void add_children(struct tree *tree, pid_t process, const char *thread)
{
	char path[64];
	int child;

	snprintf(path, sizeof path, "/proc/%d/task/%.16s/children",
	         (int)process, thread);
	FILE *list = fopen(path, "re");
	while (list != NULL && tree->count < TREE_MAX &&
	       fscanf(list, "%d", &child) == 1)
		tree->waiting[tree->count++] = child;
	if (list != NULL)
		fclose(list);
}

static void add_descendants(struct tree *tree, pid_t process)
{
	char path[64];
	const struct dirent *entry;

	snprintf(path, sizeof path, "/proc/%d/task", (int)process);
	DIR *threads = opendir(path);
	while (threads != NULL && (entry = readdir(threads)) != NULL)
		if (entry->d_name[0] != '.')
			add_children(tree, process, entry->d_name);
	if (threads != NULL)
		closedir(threads);
}

/* "Pss:   123 kB" is the first line that begins so. */
static uint64_t proportional_bytes(pid_t process)
{
	char path[64], line[256];
	uint64_t kib = 0;

	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)process);
	FILE *file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, "Pss:", 4) == 0) {
			kib = strtoul(line + 4, NULL, 10);
			break;
		}
	if (file != NULL)
		fclose(file);
	return kib * 1024;
}

uint64_t tree_resident_bytes(pid_t root)
{
	struct tree tree = {.count = 0};
	uint64_t bytes = 0;

	add_descendants(&tree, root);
	while (tree.count > 0) {
		pid_t process = tree.waiting[--tree.count];
		bytes += proportional_bytes(process);
		add_descendants(&tree, process);
	}
	return bytes;
}
