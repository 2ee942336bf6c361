/*
 * sentences.c - the findings of a run in words: who is smallest and fastest,
 * who ties, what went wrong, and why each heap grew to its peak.
 *
 * A cause is printed only if it was computed.  When a heap grew although it had
 * free memory, the counterfactual decides what to call it: had all free memory
 * been one piece, would the request have fitted?  If so, fragmentation made the
 * heap grow; if not, the program simply needed more than there was.
 */
#include <stdlib.h>
#include <string.h>

#include "report.h"

enum { NAMES_MAX = 512 };

static const double KIB = 1024, MIB = 1024 * 1024;

/* "4,112" */
static const char *grouped(uint64_t n, char *text, size_t capacity)
{
	char digits[32];
	size_t length = (size_t)snprintf(digits, sizeof digits, "%lu", n);
	size_t used = 0;

	for (size_t i = 0; i < length && used + 2 < capacity; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			text[used++] = ',';
		text[used++] = digits[i];
	}
	text[used] = '\0';
	return text;
}

/* "2.93 MiB", "12.0 KiB", "48 bytes" */
static const char *sized(uint64_t bytes, char *text, size_t capacity)
{
	char number[32];

	if ((double)bytes >= MIB)
		snprintf(text, capacity, "%.2f MiB", (double)bytes / MIB);
	else if ((double)bytes >= 10 * KIB)
		snprintf(text, capacity, "%.1f KiB", (double)bytes / KIB);
	else
		snprintf(text, capacity, "%s bytes",
		         grouped(bytes, number, sizeof number));
	return text;
}

/* ---- smallest and fastest ----------------------------------------------- */

static bool has_footprint(const struct subject *subject)
{
	return subject->verdict.kind == VERDICT_OK &&
	       !subject->allocator->ignores_page_source;
}

static void say_smallest(const struct run *run, FILE *out)
{
	const struct subject *best = NULL;
	char names[NAMES_MAX] = "";
	int equals = 0;

	for (int i = 0; i < run->count; i++) {
		const struct subject *subject = &run->subjects[i];
		if (has_footprint(subject) &&
		    (best == NULL || subject->audit.peak_footprint_bytes <
		                             best->audit.peak_footprint_bytes))
			best = subject;
	}
	if (best == NULL)
		return;
	for (int i = 0; i < run->count; i++) {
		const struct subject *subject = &run->subjects[i];
		if (!has_footprint(subject) ||
		    subject->audit.peak_footprint_bytes !=
		            best->audit.peak_footprint_bytes)
			continue;
		size_t used = strlen(names);
		snprintf(names + used, sizeof names - used, "%s%s",
		         equals > 0 ? " and " : "", subject->label);
		equals++;
	}
	fprintf(out, "Smallest: %s, heap/live %.2f at the peak.\n", names,
	        best->audit.jw4);
}

static void say_fastest(const struct run *run, FILE *out)
{
	const struct subject *best = NULL;
	int ties = 0;

	for (int i = 0; i < run->count; i++) {
		const struct subject *subject = &run->subjects[i];
		if (subject->reps > 0 &&
		    (best == NULL || subject->ns.median < best->ns.median))
			best = subject;
	}
	if (best == NULL || run->options->pace > 0)
		return;
	fprintf(out, "Fastest: %s, %.1f ns per operation", best->label,
	        best->ns.median);
	if (run->null_reps > 0)
		fprintf(out, " (the loop alone takes %.1f)",
		        run->null_estimate.median);
	for (int i = 0; i < run->count; i++) {
		const struct subject *subject = &run->subjects[i];
		size_t n =
			subject->reps < best->reps ? subject->reps : best->reps;
		if (subject == best || n < 2) /* no interval, no tie */
			continue;
		struct estimate ratio =
			estimate_ratio(subject->ns_per_op, best->ns_per_op, n);
		if (!estimate_is_tie(&ratio))
			continue;
		fprintf(out, "%s %s (%.2f..%.2f times its time)",
		        ties == 0 ? "; a tie with" : " and", subject->label,
		        ratio.low, ratio.high);
		ties++;
	}
	fprintf(out, ".\n");
}

/* ---- why ---------------------------------------------------------------- */

/* What the blocks of a tier are called. */
static const char *blocks_of(const struct census_tier *tier)
{
	static const struct {
		const char *tier, *one, *many;
	} names[] = {
		{"hole", "hole", "holes"},
		{"slot", "free slot", "free slots"},
		{"empty slab", "slot of an empty slab", "slots of empty slabs"},
		{"page heap", "free run of pages", "free runs of pages"},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i].tier, tier->name) == 0)
			return tier->blocks == 1 ? names[i].one : names[i].many;
	return tier->blocks == 1 ? "block" : "blocks";
}

/* The free memory of one tier: "2.93 MiB lay free in 9,204 holes". */
static void say_free(const struct census_tier *tier, FILE *out)
{
	char size[32], count[32], largest[32];

	fprintf(out, "%s lay free in %s %s, the largest %s",
	        sized(tier->bytes, size, sizeof size),
	        grouped(tier->blocks, count, sizeof count), blocks_of(tier),
	        grouped(tier->largest, largest, sizeof largest));
}

/* Whether the subject's heap has no walk: free and headers are one. */
static bool is_opaque(const struct growth *growth)
{
	return growth->main_tier.name != NULL &&
	       strcmp(growth->main_tier.name, "unknown") == 0;
}

/* All that was free: the main tier, the others, the end of the heap. */
static void say_all_free(const struct growth *growth, FILE *out)
{
	uint64_t others = growth->free.bytes - growth->main_tier.bytes -
	                  growth->wilderness.bytes;
	char size[32];

	if (growth->main_tier.blocks > 0)
		say_free(&growth->main_tier, out);
	else
		fprintf(out, "nothing lay free");
	if (others > 0)
		fprintf(out, " (and %s in other tiers",
		        sized(others, size, sizeof size));
	if (others > 0 && growth->free.largest > growth->main_tier.largest)
		fprintf(out, ", the largest %s",
		        grouped(growth->free.largest, size, sizeof size));
	if (others > 0)
		putc(')', out);
	if (growth->wilderness.bytes > 0)
		fprintf(out, ", %s %s above the last block",
		        growth->main_tier.blocks > 0 ? "and" : "but",
		        sized(growth->wilderness.bytes, size, sizeof size));
	if (growth->slack > 0 && growth->main_tier.blocks == 0)
		fprintf(out, ", and %s were beyond reuse",
		        sized(growth->slack, size, sizeof size));
}

/* The counterfactual: would all of it in one piece have been enough? */
static const char *conclude(const struct growth *growth)
{
	if (growth->free.largest >= growth->need_bytes)
		return "large enough, but not usable for this request";
	if (growth->free.bytes - growth->bound >= growth->need_bytes)
		return "in one piece it would have fitted";
	if (growth->free.bytes >= growth->need_bytes)
		return "enough, but what caches and slots hold of it merges "
		       "with nothing";
	if (growth->main_tier.blocks == 0)
		return "the heap was full";
	return "too little even in one piece";
}

static bool has_grown(const struct subject *subject)
{
	return subject->is_metered && subject->meter.growth.known &&
	       subject->meter.growth.grown_bytes > 0;
}

/* What happened, where the heap grew although nothing was asked for. */
static const char *cause_of(const struct growth *growth)
{
	switch (growth->kind) {
	case TRACE_THREAD_START:
		return "a new thread: its arena and cache took";
	case TRACE_THREAD_EXIT:
		return "a thread ended: for itself the heap took";
	default:
		return "a free: for itself the heap took";
	}
}

static void say_why(const struct subject *subject, FILE *out)
{
	const struct growth *growth = &subject->meter.growth;
	char event[32], size[32];

	fprintf(out, "  %s grew to its peak at event %s", subject->label,
	        grouped(growth->event, event, sizeof event));
	if (growth->request_bytes == 0) {
		fprintf(out, ": %s %s.\n", cause_of(growth),
		        sized(growth->grown_bytes, size, sizeof size));
		return;
	}
	fprintf(out, ": asked %s bytes",
	        grouped(growth->request_bytes, size, sizeof size));
	if (growth->need_bytes > growth->request_bytes)
		fprintf(out, " (%s with rounding and headers)",
		        grouped(growth->need_bytes, size, sizeof size));
	if (is_opaque(growth)) {
		fprintf(out, " while %s of the heap were not live.\n",
		        sized(growth->free.bytes, size, sizeof size));
		return;
	}
	fprintf(out, " while ");
	say_all_free(growth, out);
	fprintf(out, ": %s.\n", conclude(growth));
}

/* Prints a sentence on lines of at most COLUMNS, the later ones indented. */
static void print_wrapped(const char *text, FILE *out)
{
	enum { COLUMNS = 100, INDENT = 4 };

	for (int room = COLUMNS; (int)strlen(text) > room;
	     room = COLUMNS - INDENT) {
		int cut = room;
		while (cut > INDENT && text[cut] != ' ')
			cut--;
		if (cut <= INDENT) /* a word longer than a line */
			break;
		fprintf(out, "%.*s\n%*s", cut, text, INDENT, "");
		text += cut + 1;
	}
	fputs(text, out);
}

static void explain_growth(const struct subject *subject, FILE *out)
{
	char *text = NULL;
	size_t length;
	FILE *memory = open_memstream(&text, &length);

	if (memory == NULL)
		return;
	say_why(subject, memory);
	if (fclose(memory) == 0)
		print_wrapped(text, out);
	free(text);
}

static void say_failures(const struct run *run, FILE *out)
{
	char event[32];

	for (int i = 0; i < run->count; i++) {
		const struct subject *subject = &run->subjects[i];
		const struct verdict *verdict = &subject->verdict;
		if (verdict->kind == VERDICT_OK)
			continue;
		fprintf(out, "%s: %s", subject->label,
		        verdict_word(verdict->kind));
		if (verdict->event > 0)
			fprintf(out, " at event %s",
			        grouped(verdict->event, event, sizeof event));
		if (verdict->sentence[0] != '\0')
			fprintf(out, ": %s", verdict->sentence);
		fprintf(out, ".\n");
	}
}

void report_sentences(const struct run *run, FILE *out)
{
	bool any = false;

	say_smallest(run, out);
	say_fastest(run, out);
	say_failures(run, out);
	for (int i = 0; i < run->count; i++) {
		if (!has_grown(&run->subjects[i]))
			continue;
		if (!any)
			fprintf(out, "Why:\n");
		any = true;
		explain_growth(&run->subjects[i], out);
	}
}
