/*
 * interrupt.c - three signals and a flag.
 */
#include "interrupt.h"

#include <signal.h>

enum { SIGNALS = 3 };

static const int signals[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction before[SIGNALS];
static volatile sig_atomic_t came;

static void on_signal(int number)
{
	(void)number;
	came = 1;
}

void interrupt_watch(void)
{
	const struct sigaction watch = {.sa_handler = on_signal};

	came = 0;
	for (int i = 0; i < SIGNALS; i++) {
		sigaction(signals[i], &watch, &before[i]);
		/* nohup and shells' background jobs start us with it ignored */
		if (before[i].sa_handler == SIG_IGN)
			sigaction(signals[i], &before[i], NULL);
	}
}

void interrupt_unwatch(void)
{
	for (int i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
}

void interrupt_ignore(void)
{
	for (int i = 0; i < SIGNALS; i++)
		signal(signals[i], SIG_IGN);
}

bool interrupt_came(void)
{
	return came != 0;
}
