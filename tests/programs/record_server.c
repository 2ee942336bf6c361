/*
 * record_server.c - does what the letters on its standard input say, answers
 * each with "done", and has handlers of its own.
 *
 * It begins with KEPT blocks each of malloc(6001), calloc(6002), 64-aligned
 * 6003 and a realloc to 6004 bytes, and one malloc of 20 MiB.
 *     w   allocates and frees ROUNDS blocks of 6005 bytes
 *     f   frees what it began with
 *     c   forks a child that allocates and frees ROUNDS blocks of 6006 bytes
 *     q   exits with the number of SIGUSR1 and SIGUSR2 that it has caught
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEPT = 500, ROUNDS = 1000 };

static void *kept[4 * KEPT + 1];
static volatile sig_atomic_t caught;

static void on_signal(int signal)
{
	(void)signal;
	caught++;
}

static void begin(void)
{
	for (int i = 0; i < KEPT; i++) {
		kept[4 * i] = malloc(6001);
		kept[4 * i + 1] = calloc(1, 6002);
		kept[4 * i + 2] = aligned_alloc(64, 6003);
		kept[4 * i + 3] = realloc(malloc(10), 6004);
	}
	kept[4 * KEPT] = malloc(20 << 20);
}

static void work(size_t size)
{
	for (int i = 0; i < ROUNDS; i++)
		free(malloc(size));
}

static void obey(char letter)
{
	if (letter == 'w')
		work(6005);
	for (int i = 0; letter == 'f' && i <= 4 * KEPT; i++)
		free(kept[i]);
	if (letter == 'c' && fork() == 0) {
		work(6006);
		_exit(0);
	}
	if (letter == 'c')
		wait(NULL);
}

int main(void)
{
	char letter;

	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, on_signal);
	begin();
	do {
		if (write(STDOUT_FILENO, "done\n", 5) != 5 ||
		    read(STDIN_FILENO, &letter, 1) != 1)
			return 100;
		obey(letter);
	} while (letter != 'q');
	return caught;
}
