/*
 * switch.c - two signals and a timer, which change one word in shared memory.
 */
#include "switch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* What the handlers need: they are given no argument of ours. */
static struct raw_control *control;
static const struct record_switch *wishes;
static timer_t timer;

/* timer_settime may be called in a signal handler. */
static void start_timer(void)
{
	struct itimerspec time = {.it_value.tv_sec = (time_t)wishes->seconds};

	time.it_value.tv_nsec =
		(long)((wishes->seconds - (double)time.it_value.tv_sec) * 1e9);
	if (wishes->seconds > 0)
		timer_settime(timer, 0, &time, NULL);
}

static void stop(enum raw_stop why)
{
	uint32_t none = RAW_STOP_NONE;

	if (control->order != RAW_ORDER_RECORD)
		return;
	atomic_compare_exchange_strong(&control->stop, &none, why);
	control->order = RAW_ORDER_STOP;
}

static void on_signal(int signal)
{
	if (signal == wishes->start_signal &&
	    control->order == RAW_ORDER_WAIT) {
		control->order = RAW_ORDER_RECORD;
		start_timer();
	} else if (signal == wishes->stop_signal) {
		stop(RAW_STOP_SIGNAL);
	}
}

static void on_time(int signal)
{
	(void)signal;
	stop(RAW_STOP_TIME);
}

/* These end `alloclab record`, or are passed on to the program. */
static bool is_taken(int signal)
{
	static const int taken[] = {SIGKILL, SIGSTOP, SIGALRM, SIGCHLD,
	                            SIGINT,  SIGTERM, SIGQUIT, SIGSEGV,
	                            SIGBUS,  SIGILL,  SIGFPE,  SIGABRT};

	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
		if (taken[i] == signal)
			return true;
	return false;
}

int switch_signal(const char *name)
{
	char *end;
	long number = strtol(name, &end, 10);

	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int i = 1; i < SIGRTMIN; i++) {
		const char *own = sigabbrev_np(i);
		bool is_it = own != NULL && strcasecmp(own, name) == 0;
		if (is_it || (*end == '\0' && number == i))
			return is_taken(i) ? 0 : i;
	}
	return 0;
}

static bool catch (int signal, void (*handler)(int), struct trace_error *error)
{
	const struct sigaction action = {.sa_handler = handler};

	return signal == 0 || sigaction(signal, &action, NULL) == 0 ||
	       trace_fail(error, "signal %d: %s", signal, strerror(errno));
}

bool switch_prepare(const struct record_switch *own_wishes,
                    struct raw_control *own_control, struct trace_error *error)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
	                         .sigev_signo = SIGALRM};

	wishes = own_wishes;
	control = own_control;
	control->max_bytes = wishes->max_bytes;
	control->order =
		wishes->start_signal == 0 ? RAW_ORDER_RECORD : RAW_ORDER_WAIT;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
		return trace_fail(error, "a timer: %s", strerror(errno));
	if (!catch (SIGALRM, on_time, error) ||
	    !catch (wishes->start_signal, on_signal, error) ||
	    !catch (wishes->stop_signal, on_signal, error))
		return false;
	if (wishes->start_signal == 0)
		start_timer();
	return true;
}

void switch_end(void)
{
	const struct sigaction nothing = {.sa_handler = SIG_IGN};

	timer_delete(timer);
	sigaction(SIGALRM, &nothing, NULL);
	if (wishes->start_signal != 0)
		sigaction(wishes->start_signal, &nothing, NULL);
	if (wishes->stop_signal != 0)
		sigaction(wishes->stop_signal, &nothing, NULL);
}

bool switch_may_stop(const struct record_switch *own_wishes)
{
	return own_wishes->stop_signal != 0 || own_wishes->seconds > 0 ||
	       own_wishes->max_bytes > 0;
}

bool switch_reason(const struct record_switch *own_wishes,
                   const struct raw_control *own_control, char *text,
                   size_t capacity)
{
	switch ((enum raw_stop)own_control->stop) {
	case RAW_STOP_NONE:
		return false;
	case RAW_STOP_SIGNAL:
		snprintf(text, capacity, "stopped by SIG%s",
		         sigabbrev_np(own_wishes->stop_signal));
		return true;
	case RAW_STOP_TIME:
		snprintf(text, capacity, "stopped after %g s",
		         own_wishes->seconds);
		return true;
	case RAW_STOP_SIZE:
		snprintf(text, capacity, "stopped at --max-size, %llu bytes",
		         (unsigned long long)own_wishes->max_bytes);
		return true;
	}
	return false;
}
