/*
 * pace.c - sleep, set the clock, one event.
 */
#include "pace.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "now.h"

/* Nobody sleeps for less: events that lie closer are made in one go. */
enum { LEAST_SLEEP_NS = 50 * 1000 };

static void sleep_until(uint64_t due_ns)
{
	const uint64_t ns_in_s = 1000000000u;
	const struct timespec due = {
		.tv_sec = (time_t)(due_ns / ns_in_s),
		.tv_nsec = (long)(due_ns % ns_in_s),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) ==
	       EINTR)
		;
}

void pace_run(struct stage *stage, const struct pacer *pacer, uint64_t from,
              uint64_t to, enum touch touch)
{
	const uint64_t *times = stage->loop.trace->times;
	uint64_t now = now_ns();

	if (pacer->pace == 0) {
		loop_run(&stage->loop, from, to, touch);
		return;
	}
	for (uint64_t event = from; event < to; event++) {
		uint64_t due = pacer->start_ns +
		               (uint64_t)((double)times[event] / pacer->pace);
		if (due > now + LEAST_SLEEP_NS)
			now = now_ns();
		if (due > now + LEAST_SLEEP_NS) {
			sleep_until(due);
			now = now_ns();
		}
		page_source_set_now(&stage->pages, times[event]);
		loop_run(&stage->loop, event, event + 1, touch);
	}
}

double pace_seconds(const struct trace *trace)
{
	return trace->times == NULL || trace->events == 0
	               ? 0
	               : (double)trace->times[trace->events - 1] * 1e-9;
}

bool pace_is_known(const struct trace *trace, const char *name,
                   struct trace_error *error)
{
	return trace->times != NULL ||
	       trace_fail(error,
	                  "%s has no times, so there is no pace to keep "
	                  "(alloclab record --time keeps them)",
	                  name);
}

bool pace_parse(const char *text, double *pace)
{
	static const double least = 0.001, most = 1e9;
	char *end;

	if (strcmp(text, "recorded") == 0) {
		*pace = 1;
		return true;
	}
	if (text[0] != 'x' || !isdigit((unsigned char)text[1]))
		return false;
	*pace = strtod(text + 1, &end);
	return *end == '\0' && *pace >= least && *pace <= most;
}

const char *pace_print(double pace, char text[PACE_BYTES])
{
	if (pace == 0)
		return "none";
	if (pace == 1)
		return "recorded";
	snprintf(text, PACE_BYTES, "x%g", pace);
	return text;
}
