/*
 * compare_uses.c - a program that knows what it uses, for e2e_compare.sh.
 *
 *     touch MIB       holds and touches so many MiB, for a fifth of a second
 *     calls N         N mallocs and N frees, and prints N
 *     crew MIB        four children at a time that touch so many MiB together
 *     share MIB       touches them, then forks four children that only wait
 *     serve PORT      answers on a port: m MIB\n takes memory, f\n frees it; the
 *                     answer is "done"; q\n ends the program
 *     leave           leaves a process behind, with a session of its own
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const size_t MIB = 1 << 20;
enum { PAUSE_US = 200 * 1000, CHILDREN = 4 };

static void *hold(size_t mib)
{
	char *block = malloc(mib * MIB);

	if (block != NULL)
		memset(block, 1, mib * MIB);
	return block;
}

static int touch(size_t mib)
{
	void *block = hold(mib);

	usleep(PAUSE_US);
	free(block);
	return puts("touched") < 0;
}

/* The compiler must not see that the block is not used. */
static int calls(unsigned long number)
{
	for (unsigned long i = 0; i < number; i++) {
		void *volatile block = malloc(i % 100);
		free(block);
	}
	return printf("%lu\n", number) < 0;
}

/* Touches its share, says so, and holds it until nobody can write `go`. */
static void join_crew(size_t mib, const int ready[2], const int go[2])
{
	void *mine = mib > 0 ? hold(mib / CHILDREN) : NULL;
	char byte = 0;

	close(go[1]);
	if (write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 0)
		_exit(1);
	free(mine);
	_exit(0);
}

/* All of them hold their shares for a while at the same time. */
static int crew(size_t mib, size_t own)
{
	void *block = hold(own);
	int ready[2], go[2];
	char byte;

	if (pipe(ready) != 0 || pipe(go) != 0)
		return 1;
	for (int i = 0; i < CHILDREN; i++)
		if (fork() == 0)
			join_crew(mib, ready, go);
	for (int i = 0; i < CHILDREN; i++)
		if (read(ready[0], &byte, 1) != 1)
			return 1;
	usleep(2 * PAUSE_US);
	close(go[1]);
	while (wait(NULL) > 0)
		;
	free(block);
	return 0;
}

static int listen_on(unsigned short port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int file = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(file, (const struct sockaddr *)&address, sizeof address) !=
	            0 ||
	    listen(file, 4) != 0)
		exit(1);
	return file;
}

/* Whether to go on. */
static int answer(int file, void **held)
{
	char line[64] = "";
	ssize_t got = read(file, line, sizeof line - 1);

	if (got > 0 && line[0] == 'm')
		*held = hold(strtoul(line + 1, NULL, 10));
	if (got > 0 && line[0] == 'f') {
		free(*held);
		*held = NULL;
	}
	if (got > 0 && write(file, "done\n", 5) != 5)
		return 0;
	close(file);
	return line[0] != 'q';
}

static int serve(unsigned short port)
{
	void *held = NULL;
	int door = listen_on(port);

	while (answer(accept(door, NULL, NULL), &held))
		;
	return 0;
}

static int leave(void)
{
	if (fork() == 0) {
		setsid();
		sleep(1000);
	}
	return 3;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	unsigned long number = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

	if (strcmp(what, "touch") == 0)
		return touch(number);
	if (strcmp(what, "calls") == 0)
		return calls(number);
	if (strcmp(what, "crew") == 0)
		return crew(number, 1);
	if (strcmp(what, "share") == 0)
		return crew(0, number);
	if (strcmp(what, "serve") == 0)
		return serve((unsigned short)number);
	return strcmp(what, "leave") == 0 ? leave() : 2;
}
