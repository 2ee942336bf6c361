/*
 * judge.c - sentences on how runs ended.
 */
#include "judge.h"

#include <stdio.h>
#include <string.h>

const char *const outcome_words[OUTCOMES] = {
	[OUTCOME_OK] = "ok",
	[OUTCOME_BYPASSES] = "bypasses",
	[OUTCOME_NOT_LOADED] = "not-loaded",
	[OUTCOME_DIFFERS] = "differs",
	[OUTCOME_EXIT] = "exit",
	[OUTCOME_CRASH] = "crash",
	[OUTCOME_TIMEOUT] = "timeout",
	[OUTCOME_FAILED] = "failed",
	[OUTCOME_NOT_RUN] = "not-run",
};

static void set(struct cell_row *row, enum outcome outcome, const char *what,
                const char *says)
{
	row->outcome = outcome;
	snprintf(row->sentence, sizeof row->sentence, "%s%s%s", what,
	         says[0] != '\0' ? "; it said last: " : "", says);
}

void judge_failed(struct cell_row *row, enum outcome outcome,
                  const char *sentence)
{
	set(row, outcome, sentence, "");
}

/* ---- how it ended --------------------------------------------------------- */

static void set_timeout(struct cell_row *row, const struct trial *trial,
                        const struct cell_row *first, double seconds)
{
	bool is_deaf = trial->end == TRIAL_NOT_READY;
	char what[128];
	int used = snprintf(what, sizeof what, "not %s after %.3g s",
	                    is_deaf ? "ready" : "over", seconds);

	if (row != first)
		snprintf(what + used, sizeof what - (size_t)used,
		         ", by itself %safter %.3g", is_deaf ? "over " : "",
		         first->shortest_s);
	set(row, OUTCOME_TIMEOUT, what, trial->says);
}

/* A service that did not come to its end as it should. */
static void set_service(struct cell_row *row, const struct trial *trial,
                        const struct program *program)
{
	bool is_told = program->service.stop != NULL;
	char what[128];

	if (trial->end == TRIAL_NO_LOAD)
		snprintf(what, sizeof what,
		         "its load ended with exit status %d", trial->number);
	else if (trial->end == TRIAL_NO_STOP && is_told)
		snprintf(what, sizeof what,
		         "not over %d s after its stop command, which ended "
		         "with exit status %d",
		         SERVICE_STOP_S, trial->number);
	else if (trial->end == TRIAL_NO_STOP)
		snprintf(what, sizeof what, "not over %d s after SIGTERM",
		         SERVICE_STOP_S);
	else
		snprintf(what, sizeof what,
		         "it ended by itself, with exit status %d, before it "
		         "was stopped",
		         trial->number);
	set(row, OUTCOME_FAILED, what, trial->says);
}

/* It came to an end of its own: was that the right one? */
static void set_exited(struct cell_row *row, const struct trial *trial,
                       const struct cell_row *first,
                       const struct program *program)
{
	char what[128];

	snprintf(what, sizeof what, "exit status %d, without the library %d",
	         trial->number, program->exit_status);
	if (trial->number != program->exit_status)
		set(row, OUTCOME_EXIT, what, trial->says);
	else if (!program->varies && trial->output_hash != first->output_hash)
		set(row, OUTCOME_DIFFERS,
		    "other output than without the library", trial->says);
	else
		row->outcome = OUTCOME_OK;
}

void judge(struct cell_row *row, const struct trial *trial,
           const struct cell_row *first, const struct program *program,
           double seconds)
{
	char what[128];

	if (trial->end == TRIAL_STOPPED) {
		row->outcome = OUTCOME_NOT_RUN;
		return;
	}
	row->number = trial->number;
	switch (trial->end) {
	case TRIAL_NO_START:
		set(row, OUTCOME_FAILED, strerror(trial->number), "");
		return;
	case TRIAL_TOO_LONG:
	case TRIAL_NOT_READY:
		set_timeout(row, trial, first, seconds);
		return;
	case TRIAL_TOO_MUCH:
		set(row, OUTCOME_FAILED,
		    "its output is more than 4 GiB, or than there is room for "
		    "in TMPDIR",
		    "");
		return;
	case TRIAL_KILLED:
		snprintf(what, sizeof what, "killed by SIG%s",
		         sigabbrev_np(trial->number));
		set(row, OUTCOME_CRASH, what, trial->says);
		return;
	case TRIAL_EXITED:
		set_exited(row, trial, first, program);
		return;
	default:
		set_service(row, trial, program);
	}
}

void judge_first(struct cell_row *row, const struct trial *trial,
                 struct program *program, double seconds)
{
	program->exit_status = trial->number;
	row->output_hash = trial->output_hash;
	judge(row, trial, row, program, seconds);
}

/* ---- and who served it ------------------------------------------------------ */

void judge_calls(struct cell_row *row, const struct program *program,
                 const struct counting *counting,
                 const struct contender *contender)
{
	char what[400];

	row->calls = counting_calls(counting);
	row->is_counted = true;
	if (row->outcome != OUTCOME_OK)
		return;
	if (program->bypasses)
		set(row, OUTCOME_BYPASSES, program->why_bypass, "");
	else if (row->calls == 0)
		set(row, OUTCOME_BYPASSES,
		    "no call reached the library: the program calls none, or "
		    "has its own malloc",
		    "");
	if (row->outcome != OUTCOME_OK ||
	    counting_is_served_by(counting, contender))
		return;
	snprintf(what, sizeof what,
	         "the loader did not take the library; served by %.300s",
	         counting->page->served_by);
	set(row, OUTCOME_NOT_LOADED, what, "");
}
