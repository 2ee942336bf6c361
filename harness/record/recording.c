/*
 * recording.c - plumbing around the folder that the library writes into.
 */
#include "recording.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "raw.h"

/*
 * Maps the control file, made here; false with errno.  Room for it is taken first:
 * on a full disk the first store would be a SIGBUS.
 */
static bool make_control(struct recording *recording)
{
	char path[sizeof recording->directory + 16];

	snprintf(path, sizeof path, "%s/%s", recording->directory,
	         RAW_CONTROL_FILE);
	int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		return false;
	int refused = posix_fallocate(file, 0, sizeof *recording->control);
	void *memory = MAP_FAILED;
	if (refused == 0)
		memory = mmap(NULL, sizeof *recording->control,
		              PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	else
		errno = refused;
	close(file);
	if (memory == MAP_FAILED)
		return false;
	recording->control = memory;
	return true;
}

bool recording_create(struct recording *recording, struct trace_error *error)
{
	const char *parent = getenv("TMPDIR");
	char *absolute;

	*recording = (struct recording){.count = 0};
	if (parent == NULL || parent[0] == '\0')
		parent = "/tmp";
	absolute = realpath(parent, NULL);
	if (absolute == NULL)
		return trace_fail(error, "%s: %s", parent, strerror(errno));
	int used = snprintf(recording->directory, sizeof recording->directory,
	                    "%s/alloclab-record-XXXXXX", absolute);
	free(absolute);
	if (used >= (int)sizeof recording->directory / 2)
		return trace_fail(error, "TMPDIR is too long a path");
	if (mkdtemp(recording->directory) == NULL) {
		recording->directory[0] = '\0';
		return trace_fail(error, "%s: no temporary folder there: %s",
		                  parent, strerror(errno));
	}
	if (!make_control(recording)) {
		trace_fail(error, "%s: %s", recording->directory,
		           strerror(errno));
		recording_close(recording, false);
		return false;
	}
	return true;
}

/* --- commands as text --------------------------------------------------- */

static bool needs_quotes(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=:,./@%^";

	return word[0] == '\0' || word[strspn(word, plain)] != '\0';
}

static void print_word(FILE *to, const char *word)
{
	if (!needs_quotes(word)) {
		fputs(word, to);
		return;
	}
	fputc('\'', to);
	for (; *word != '\0'; word++)
		if (*word == '\'')
			fputs("'\\''", to);
		else
			fputc(*word, to);
	fputc('\'', to);
}

char *command_line(const char *const words[], size_t count)
{
	char *line = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&line, &bytes);

	if (to == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		fputs(i > 0 ? " " : "", to);
		print_word(to, words[i]);
	}
	if (fclose(to) != 0) {
		free(line);
		return NULL;
	}
	return line;
}

/* The command in an image's head: strings, each ended by a 0. */
static char *command_of(struct raw_image *image)
{
	const char *words[sizeof image->command / 2 + 1];
	size_t count = 0;

	image->command[sizeof image->command - 1] = '\0';
	for (size_t at = 0; at < image->command_bytes &&
	                    count < sizeof words / sizeof words[0];
	     at += strlen(image->command + at) + 1)
		words[count++] = image->command + at;
	return command_line(words, count);
}

/* "python3.11" of "/usr/bin/python3.11", fit to be part of a file name. */
static char *program_of(const struct raw_image *image)
{
	const char *slash = strrchr(image->command, '/');
	char *name = strdup(slash == NULL ? image->command : slash + 1);

	if (name == NULL || name[0] == '\0') {
		free(name);
		return strdup("program");
	}
	name[strcspn(name, " \t\n")] = '\0';
	if (strlen(name) > 64)
		name[64] = '\0';
	return name;
}

/* --- images ------------------------------------------------------------- */

/* "4711.0" is an image's head, "4711.0.0" one of its threads. */
static bool is_head_name(const char *name)
{
	size_t digits = strspn(name, "0123456789");

	if (digits == 0 || name[digits] != '.')
		return false;
	name += digits + 1;
	return name[0] != '\0' && name[strspn(name, "0123456789")] == '\0';
}

static bool image_add(struct recording *recording, const char *path,
                      struct trace_error *error)
{
	struct recorded_image *images = reallocarray(
		recording->images, recording->count + 1, sizeof *images);

	if (images == NULL)
		return trace_fail(error, "no memory for %zu processes",
		                  recording->count + 1);
	recording->images = images;
	struct recorded_image *image = &images[recording->count];
	*image = (struct recorded_image){.command = NULL};
	if (!raw_reader_open(&image->reader, path, error))
		return false;
	recording->count++;
	recording->skipped_children += image->reader.image.skipped_children;
	image->command = command_of(&image->reader.image);
	image->program = program_of(&image->reader.image);
	if (image->command == NULL || image->program == NULL)
		return trace_fail(error, "no memory for a command line");
	return true;
}

static int by_start(const void *left, const void *right)
{
	const struct recorded_image *a = left, *b = right;
	uint64_t start_a = a->reader.image.started_ns;
	uint64_t start_b = b->reader.image.started_ns;

	return (start_a > start_b) - (start_a < start_b);
}

static uint64_t count_skipped_programs(const struct recording *recording)
{
	char path[sizeof recording->directory + 16];
	struct stat status;

	snprintf(path, sizeof path, "%s/%s", recording->directory,
	         RAW_SKIPPED_FILE);
	return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

bool recording_open(struct recording *recording, struct trace_error *error)
{
	char path[sizeof recording->directory + 256 + 1];
	DIR *folder = opendir(recording->directory);
	bool good = true;

	if (folder == NULL)
		return trace_fail(error, "%s: %s", recording->directory,
		                  strerror(errno));
	for (struct dirent *entry; good && (entry = readdir(folder)) != NULL;) {
		snprintf(path, sizeof path, "%s/%s", recording->directory,
		         entry->d_name);
		if (is_head_name(entry->d_name))
			good = image_add(recording, path, error);
	}
	closedir(folder);
	if (recording->count > 0)
		qsort(recording->images, recording->count,
		      sizeof *recording->images, by_start);
	recording->skipped_programs = count_skipped_programs(recording);
	return good;
}

struct recorded_image *recording_main_image(struct recording *recording,
                                            pid_t process)
{
	struct recorded_image *found = NULL;

	for (size_t i = 0; i < recording->count; i++) {
		struct recorded_image *image = &recording->images[i];
		const struct raw_image *head = &image->reader.image;
		if (head->process != process || head->forked != 0)
			continue;
		if (found == NULL ||
		    image->reader.records > found->reader.records)
			found = image;
	}
	return found;
}

/* --- the end ------------------------------------------------------------ */

static void remove_folder(const char *path)
{
	char file[4096 + 256 + 1];
	DIR *folder = opendir(path);

	if (folder == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(file);
	}
	closedir(folder);
	rmdir(path);
}

void recording_close(struct recording *recording, bool keep)
{
	for (size_t i = 0; i < recording->count; i++) {
		raw_reader_close(&recording->images[i].reader);
		free(recording->images[i].command);
		free(recording->images[i].program);
	}
	free(recording->images);
	if (recording->control != NULL)
		munmap(recording->control, sizeof *recording->control);
	if (!keep && recording->directory[0] != '\0')
		remove_folder(recording->directory);
	*recording = (struct recording){.count = 0};
}
