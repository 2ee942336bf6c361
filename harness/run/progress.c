/*
 * progress.c - the bar.
 */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../clock/now.h"

enum { BAR_WIDTH = 24 };

void progress_open(struct progress *progress, const char *title, double total,
                   bool wanted)
{
	*progress = (struct progress){
		.is_shown = wanted && isatty(STDERR_FILENO),
		.title = title,
		.total = total,
		.started_s = now_s(),
	};
}

void progress_draw(struct progress *progress, double now, const char *what)
{
	double time = now_s();
	char bar[BAR_WIDTH + 1];

	if (!progress->is_shown || time - progress->drawn_s < 0.1)
		return;
	progress->drawn_s = time;
	double share = (progress->done + now) / progress->total;
	if (share > 1)
		share = 1;
	int full = (int)(share * BAR_WIDTH);
	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', (size_t)full);
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r\033[K%s  [%s] %3.0f %%  %s", progress->title, bar,
	        share * 100, what);
	if (share > 0.02)
		fprintf(stderr, "  about %.0f s left",
		        (time - progress->started_s) * (1 - share) / share);
	fflush(stderr);
}

void progress_close(struct progress *progress)
{
	if (progress->is_shown)
		fprintf(stderr, "\r\033[K");
}
