/*
 * spec.c - gives the lines of a spec their meaning: sections, inheritance,
 * values.  spec_check.c then looks at what the values mean together.
 */
#include "spec.h"

#include <stdlib.h>
#include <string.h>

#include "../../allocators/common/count.h"
#include "number.h"
#include "spec_check.h"
#include "spec_keys.h"

/* The section being read. */
struct section {
	unsigned where; /* an IN_ bit; 0 before the first heading */
	struct settings *settings;
	const struct spec_line *given[SPEC_KEYS_MAX]; /* by key, or NULL */
};

static const struct settings initial = {
	.kind = KIND_PHASES,
	.seed = 1,
	.at_end = ORDER_FIFO,
	.repeat = 1,
	.units = 4096,
	.unit_bytes = 64,
	.header_bytes = 16,
	.largest_log2 = 6,
	.rounds = 200,
	.in_flight = 1000,
	.threads = 1,
	.share = 1,
	.bursts_open = 1,
	.keep = 1,
	.end_order = ORDER_FIFO,
	.align = {.kind = DISTRIBUTION_CONSTANT,
                  .min = 64,
                  .max = 64,
                  .step = 1,
                  .u_high = 1},
	.grow_factor = 2,
	.grow_to = 65536,
	.thread = THREAD_ANY,
	.free_thread = THREAD_ANY,
};

/* --- values ------------------------------------------------------------- */

/* A value being read, and where to complain. */
struct value {
	const struct spec *spec;
	const struct spec_line *line;
	const struct key *key;
	struct trace_error *error;
};

#define FAIL(value, ...)                                                       \
	spec_file_fail(&(value)->spec->file, (value)->line, (value)->error,    \
	               __VA_ARGS__)

static bool parse_count(const struct value *value, const char *text,
                        uint64_t *out)
{
	const struct key *key = value->key;

	if (count_parse(text, out) && *out >= key->min && *out <= key->max)
		return true;
	return FAIL(value,
	            "%s cannot be \"%.60s\": it takes a whole number within "
	            "%llu..%llu",
	            key->name, text, (unsigned long long)key->min,
	            (unsigned long long)key->max);
}

static bool parse_real(const struct value *value, double min, double max,
                       double *out)
{
	const char *text = value->line->value;
	bool is_negative = min < 0 && text[0] == '-';

	if (number_parse_real(text + is_negative, out)) {
		if (is_negative)
			*out = -*out;
		if (*out >= min && *out <= max)
			return true;
	}
	return FAIL(value,
	            "%s cannot be \"%.60s\": it takes a number within "
	            "%g..%g",
	            value->key->name, text, min, max);
}

static bool parse_choice(const struct value *value, uint64_t *out)
{
	const char *const *choices = value->key->choices;
	char list[128] = "";

	for (size_t i = 0; choices[i] != NULL; i++) {
		if (strcmp(choices[i], value->line->value) == 0) {
			*out = value->key->first_choice + i;
			return true;
		}
		strcat(strcat(list, i == 0 ? "" : ", "), choices[i]);
	}
	return FAIL(value, "%s cannot be \"%.60s\": it is one of %s",
	            value->key->name, value->line->value, list);
}

static bool parse_thread(const struct value *value, int64_t *out)
{
	uint64_t thread;

	*out = THREAD_ANY;
	if (strcmp(value->line->value, "any") == 0)
		return true;
	if (!count_parse(value->line->value, &thread) ||
	    thread > value->key->max)
		return FAIL(value,
		            "%s cannot be \"%.60s\": it is any, or the number "
		            "of a thread",
		            value->key->name, value->line->value);
	*out = (int64_t)thread;
	return true;
}

/* "N", "N to M" or "none". */
static bool parse_level(const struct value *value, struct level *level)
{
	char copy[64];
	char *to;

	*level = (struct level){0};
	if (strcmp(value->line->value, "none") == 0)
		return true;
	if (strlen(value->line->value) >= sizeof copy)
		return parse_count(value, value->line->value, &level->from);
	strcpy(copy, value->line->value);
	to = strstr(copy, " to ");
	if (to != NULL) {
		*to = '\0';
		to += strlen(" to ");
	}
	level->is_given = true;
	return parse_count(value, copy, &level->from) &&
	       parse_count(value, to == NULL ? copy : to, &level->to);
}

static bool parse_distribution(const struct value *value,
                               struct distribution *distribution)
{
	char reason[256];

	if (strcmp(value->line->value, "none") == 0) {
		distribution->kind = DISTRIBUTION_NONE;
		return true;
	}
	return distribution_parse(value->line->value, value->key->min,
	                          value->key->max, distribution, reason,
	                          sizeof reason) ||
	       FAIL(value, "%s: %s", value->key->name, reason);
}

static bool parse_table(const struct value *value, struct table *table)
{
	char reason[256];

	table->rows = 0;
	return strcmp(value->line->value, "none") == 0 ||
	       table_parse(value->line->value, table, reason, sizeof reason) ||
	       FAIL(value, "%s: %s", value->key->name, reason);
}

static bool parse_value(const struct value *value, struct settings *settings)
{
	void *to = (char *)settings + value->key->offset;

	switch (value->key->type) {
	case KEY_COUNT:
		return parse_count(value, value->line->value, to);
	case KEY_SHARE:
		return parse_real(value, 0, 1, to);
	case KEY_SIGNED_SHARE:
		return parse_real(value, -1, 1, to);
	case KEY_REAL:
		return parse_real(value, (double)value->key->min,
		                  (double)value->key->max, to);
	case KEY_CHOICE:
		return parse_choice(value, to);
	case KEY_THREAD:
		return parse_thread(value, to);
	case KEY_TEXT:
		*(char **)to = value->line->value;
		return true;
	case KEY_LEVEL:
		return parse_level(value, to);
	case KEY_TABLE:
		return parse_table(value, to);
	case KEY_DISTRIBUTION:
		return parse_distribution(value, to);
	}
	return false;
}

/* --- sections ----------------------------------------------------------- */

static const char *where_name(unsigned where)
{
	return where == IN_WORKLOAD ? "[workload]"
	       : where == IN_PHASE  ? "[phase]"
	                            : "[group]";
}

static bool read_entry(struct spec *spec, struct section *section,
                       const struct spec_line *line, struct trace_error *error)
{
	const struct key *key = spec_key_find(line->key);
	struct value value = {spec, line, key, error};

	if (key == NULL)
		return FAIL(
			&value,
			"unknown key \"%s\" (alloclab gen --keys lists all)",
			line->key);
	if ((key->where & section->where) == 0)
		return FAIL(&value, "%s does not belong into %s", key->name,
		            where_name(section->where));
	const struct spec_line **given = &section->given[key - spec_keys];
	if (*given != NULL)
		return FAIL(&value, "%s is given twice (before at line %u)",
		            key->name, (*given)->number);
	*given = line;
	return parse_value(&value, section->settings);
}

static bool add_phase(struct spec *spec, const char *name,
                      const struct spec_line *line)
{
	struct phase *phases =
		realloc(spec->phases, (spec->phase_count + 1) * sizeof *phases);

	if (phases == NULL)
		return false;
	spec->phases = phases;
	phases[spec->phase_count++] =
		(struct phase){.name = name,
	                       .heading = line,
	                       .settings = spec->workload,
	                       .first_group = spec->group_count};
	return true;
}

static bool add_group(struct spec *spec, const struct spec_line *line)
{
	struct phase *phase = &spec->phases[spec->phase_count - 1];
	struct group *groups =
		realloc(spec->groups, (spec->group_count + 1) * sizeof *groups);

	if (groups == NULL)
		return false;
	spec->groups = groups;
	groups[spec->group_count++] =
		(struct group){.heading = line, .settings = phase->settings};
	phase->groups++;
	return true;
}

/* A phase without groups is a group of its own. */
static bool finish_phase(struct spec *spec)
{
	if (spec->phase_count == 0)
		return true;
	struct phase *phase = &spec->phases[spec->phase_count - 1];
	return phase->groups > 0 || add_group(spec, phase->heading);
}

static bool name_is_sound(const char *name)
{
	return name[0] != '\0' &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
	                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] ==
	               '\0';
}

static bool open_phase(struct spec *spec, struct section *section,
                       const char *name, const struct spec_line *line)
{
	if (!finish_phase(spec) || !add_phase(spec, name, line))
		return false;
	section->where = IN_PHASE;
	section->settings = &spec->phases[spec->phase_count - 1].settings;
	return true;
}

static bool open_group(struct spec *spec, struct section *section,
                       const struct spec_line *line)
{
	if (!add_group(spec, line))
		return false;
	section->where = IN_GROUP;
	section->settings = &spec->groups[spec->group_count - 1].settings;
	return true;
}

static bool read_heading(struct spec *spec, struct section *section,
                         const struct spec_line *line,
                         struct trace_error *error)
{
	const char *text = line->value;
	unsigned before = section->where;

	memset(section->given, 0, sizeof section->given);
	if (before == 0 && strcmp(text, "workload") != 0)
		return spec_file_fail(&spec->file, line, error,
		                      "a spec begins with [workload]");
	if (before == 0) {
		section->where = IN_WORKLOAD;
		section->settings = &spec->workload;
		return true;
	}
	if (strncmp(text, "phase ", 6) == 0 && name_is_sound(text + 6))
		return open_phase(spec, section, text + 6, line) ||
		       spec_file_fail(&spec->file, line, error, "no memory");
	if (strncmp(text, "group ", 6) == 0 && name_is_sound(text + 6) &&
	    before != IN_WORKLOAD)
		return open_group(spec, section, line) ||
		       spec_file_fail(&spec->file, line, error, "no memory");
	return spec_file_fail(&spec->file, line, error,
	                      "[%s] is neither [phase NAME] nor, within a "
	                      "phase, [group NAME] (letters, digits, - and _)",
	                      text);
}

static bool read_lines(struct spec *spec, struct trace_error *error)
{
	struct section section = {0};

	for (size_t i = 0; i < spec->file.count; i++) {
		const struct spec_line *line = &spec->file.lines[i];
		bool good = line->is_heading
		                    ? read_heading(spec, &section, line, error)
		                    : read_entry(spec, &section, line, error);
		if (!good)
			return false;
	}
	return finish_phase(spec) || trace_fail(error, "no memory");
}

/* --- the whole ---------------------------------------------------------- */

bool spec_read(const char *path, const char *const *sets, struct spec *spec,
               struct trace_error *error)
{
	*spec = (struct spec){.workload = initial};
	bool good = spec_file_read(path, &spec->file, error);

	for (; good && sets != NULL && *sets != NULL; sets++)
		good = spec_file_set(&spec->file, *sets, error);
	good = good && read_lines(spec, error) && spec_check(spec, error);
	if (!good)
		spec_free(spec);
	return good;
}

void spec_free(struct spec *spec)
{
	free(spec->phases);
	free(spec->groups);
	free(spec->pools);
	spec_file_free(&spec->file);
	*spec = (struct spec){0};
}
