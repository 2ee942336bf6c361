/*
 * symbolise.c - one addr2line for each module, addresses in, names out.
 *
 *     in      0x11c7                 out    0x00000000000011c7
 *                                           intern
 *                                           /home/me/words.c:41
 *                                           main
 *                                           /home/me/words.c:77 (discriminator 2)
 *     text    intern (words.c:41)
 *             main (words.c:77)
 *
 * Without debug information there is no line; then the text says the module,
 * "PyList_Append (python3.11)", and the function is the last one before the
 * offset that the file still names: perhaps another one than the true.
 *
 * A frame's offset is where the call returns to.  The byte before it belongs to
 * the call: its line is the one that is meant.
 */
#include "symbolise.h"

#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Text of one frame that is being put together. */
struct answer {
	struct trace_sites *sites;
	const uint32_t *frames; /* asked about, in order      */
	uint32_t count;         /* of those                   */
	const char *module;     /* its name, without the path */
	uint32_t next;          /* the one after the current  */
	char text[SITE_TEXT_BYTES_MAX + 1];
	size_t bytes;
	bool has_line; /* a source file is known */
};

bool sites_are_bare(const struct trace_sites *sites)
{
	for (uint32_t i = 0; i < sites->frame_count; i++)
		if (sites->frames[i].text != NULL)
			return false;
	return true;
}

/* --- what comes out ----------------------------------------------------- */

/* The frame's text is complete; a bare symbol replaces nothing. */
static void finish(struct answer *answer)
{
	if (answer->next > 0 && answer->bytes > 0) {
		uint32_t frame = answer->frames[answer->next - 1];
		if (answer->has_line ||
		    answer->sites->frames[frame].text == NULL)
			sites_set_text(answer->sites, frame, answer->text,
			               answer->bytes);
	}
	answer->bytes = 0;
	answer->has_line = false;
}

/* "/home/me/words.c:77 (discriminator 2)" => "words.c:77"; "" if unknown */
static void short_place(char *place)
{
	char *blank = strchr(place, ' ');
	if (blank != NULL)
		*blank = '\0';
	char *slash = strrchr(place, '/');
	if (slash != NULL)
		memmove(place, slash + 1, strlen(slash));
	size_t bytes = strlen(place);
	if (place[0] == '?' ||
	    (bytes >= 2 && strcmp(place + bytes - 2, ":?") == 0))
		place[0] = '\0';
}

/* One line of the text: a function and its place. */
static void add_scope(struct answer *answer, const char *function, char *place)
{
	if (strcmp(function, "??") == 0)
		return;
	short_place(place);
	bool has_line = place[0] != '\0';
	size_t room = sizeof answer->text - answer->bytes;
	int added = snprintf(answer->text + answer->bytes, room, "%s%s (%s)",
	                     answer->bytes > 0 ? "\n" : "", function,
	                     has_line ? place : answer->module);
	if (added < 0 || (size_t)added >= room) {
		answer->text[answer->bytes] = '\0'; /* as many as fit */
		return;
	}
	answer->bytes += (size_t)added;
	answer->has_line = answer->has_line || has_line;
}

/* Reads a line without its end; false at the end. */
static bool read_line(FILE *from, char **line, size_t *room)
{
	ssize_t bytes = getline(line, room, from);

	if (bytes <= 0)
		return false;
	(*line)[strcspn(*line, "\n")] = '\0';
	return true;
}

static void read_answers(FILE *from, struct answer *answer)
{
	char *function = NULL, *place = NULL;
	size_t function_room = 0, place_room = 0;

	while (read_line(from, &function, &function_room)) {
		if (strncmp(function, "0x", 2) == 0) { /* the next address */
			finish(answer);
			if (answer->next == answer->count)
				break;
			answer->next++;
			continue;
		}
		if (!read_line(from, &place, &place_room))
			break;
		add_scope(answer, function, place);
	}
	finish(answer);
	free(function);
	free(place);
}

/* --- what goes in ------------------------------------------------------- */

/* A file with an address in each line; NULL with errno set. */
static FILE *write_addresses(const struct answer *answer)
{
	FILE *to = tmpfile();

	for (uint32_t i = 0; to != NULL && i < answer->count; i++) {
		uint64_t offset =
			answer->sites->frames[answer->frames[i]].offset;
		fprintf(to, "0x%" PRIx64 "\n", offset > 0 ? offset - 1 : 0);
	}
	if (to != NULL && fseek(to, 0, SEEK_SET) != 0) {
		fclose(to);
		to = NULL;
	}
	return to;
}

static pid_t start_addr2line(const char *path, int in, int out)
{
	char *const arguments[] = {"addr2line",
	                           "-a",
	                           "-f",
	                           "-i",
	                           "-C",
	                           "-e",
	                           (char *)(uintptr_t)path,
	                           NULL};
	posix_spawn_file_actions_t actions;
	pid_t process;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
	                                 0, 0);
	if (posix_spawnp(&process, "addr2line", &actions, NULL, arguments,
	                 environ) != 0)
		process = -1;
	posix_spawn_file_actions_destroy(&actions);
	return process;
}

/* Runs addr2line over the addresses and reads what it says. */
static void ask(const char *path, FILE *addresses, struct answer *answer)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	pid_t process = start_addr2line(path, fileno(addresses), ends[1]);
	close(ends[1]);
	FILE *from = process < 0 ? NULL : fdopen(ends[0], "r");
	if (from != NULL) {
		read_answers(from, answer);
		fclose(from);
	} else {
		close(ends[0]);
	}
	if (process >= 0)
		waitpid(process, NULL, 0);
}

static void symbolise_module(struct trace_sites *sites, uint32_t module,
                             uint32_t *frames)
{
	struct answer *answer = calloc(1, sizeof *answer);

	if (answer == NULL)
		return;
	answer->sites = sites;
	answer->frames = frames;
	const char *slash = strrchr(sites->modules[module], '/');
	answer->module = slash == NULL ? sites->modules[module] : slash + 1;
	for (uint32_t i = 0; i < sites->frame_count; i++)
		if (sites->frames[i].module == module)
			frames[answer->count++] = i;
	FILE *addresses = answer->count > 0 ? write_addresses(answer) : NULL;
	if (addresses != NULL) {
		ask(sites->modules[module], addresses, answer);
		fclose(addresses);
	}
	free(answer);
}

uint32_t sites_symbolise(struct trace_sites *sites)
{
	uint32_t *frames =
		calloc((size_t)sites->frame_count + 1, sizeof *frames);
	uint32_t named = 0;

	for (uint32_t i = 0; frames != NULL && i < sites->module_count; i++)
		if (access(sites->modules[i], R_OK) == 0)
			symbolise_module(sites, i, frames);
	free(frames);
	for (uint32_t i = 0; i < sites->frame_count; i++)
		named += sites->frames[i].text != NULL;
	return named;
}
