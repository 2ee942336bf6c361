/*
 * distribution_parse.c - distributions from their written form.
 *
 * A kind is a row of `kinds`: the parameters it needs and those it may have.
 * Everything a user can get wrong ends in one sentence that says what would be
 * right.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "distribution.h"
#include "distribution_internal.h"
#include "../../allocators/common/count.h"
#include "number.h"

enum parameter {
	PARAMETER_VALUE,
	PARAMETER_MIN,
	PARAMETER_MAX,
	PARAMETER_STEP,
	PARAMETER_MEAN,
	PARAMETER_MEDIAN,
	PARAMETER_SIGMA,
	PARAMETERS,
};

static const char *const parameter_names[PARAMETERS] = {
	"value", "min", "max", "step", "mean", "median", "sigma"};

#define BIT(parameter) (1u << PARAMETER_##parameter)

static const struct kind {
	const char *name;
	unsigned needs, allows; /* bits of parameters */
	bool has_table;
} kinds[DISTRIBUTION_KINDS] = {
	[DISTRIBUTION_NONE] = {"", 0, 0, false},
	[DISTRIBUTION_CONSTANT] = {"constant", BIT(VALUE), 0, false},
	[DISTRIBUTION_UNIFORM] = {"uniform", BIT(MIN) | BIT(MAX), BIT(STEP),
                                  false},
	[DISTRIBUTION_EXPONENTIAL] = {"exponential", BIT(MEAN),
                                      BIT(MIN) | BIT(MAX), false},
	[DISTRIBUTION_LOGNORMAL] = {"lognormal", BIT(MEDIAN) | BIT(SIGMA),
                                    BIT(MIN) | BIT(MAX), false},
	[DISTRIBUTION_DISCRETE] = {"discrete", 0, 0, true},
	[DISTRIBUTION_EMPIRICAL] = {"empirical", 0, BIT(MIN), true},
};

/* A written form being read: the words, and where to complain. */
struct reading {
	char *words; /* the rest of a copy of the text */
	char *error;
	size_t capacity;
	const struct kind *kind;
	unsigned given;             /* bits of parameters */
	double number[PARAMETERS];  /* mean, median, sigma */
	uint64_t count[PARAMETERS]; /* value, min, max, step */
};

__attribute__((format(printf, 3, 4))) static bool fail(char *error,
                                                       size_t capacity,
                                                       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, capacity, format, args);
	va_end(args);
	return false;
}

#define FAIL(reading, ...)                                                     \
	fail((reading)->error, (reading)->capacity, __VA_ARGS__)

static const char *next_word(char **rest)
{
	const char *word;

	do
		word = strsep(rest, " \t");
	while (word != NULL && word[0] == '\0');
	return word;
}

/* --- tables ------------------------------------------------------------- */

static bool parse_row(char *word, uint64_t *value, double *share, char *error,
                      size_t capacity)
{
	char *colon = strchr(word, ':');

	if (colon == NULL)
		return fail(error, capacity,
		            "\"%.60s\" is not of the form value:share", word);
	*colon = '\0';
	if (!count_parse(word, value))
		return fail(error, capacity, "\"%.60s\" is not a whole number",
		            word);
	if (!number_parse_real(colon + 1, share))
		return fail(error, capacity,
		            "\"%.60s\" is not a share such as .25, 1/4 or 25%%",
		            colon + 1);
	return true;
}

/* Appends a row; values must rise. */
static bool add_row(struct table *table, uint64_t value, double share,
                    char *error, size_t capacity)
{
	unsigned i = table->rows;

	if (i == TABLE_ROWS_MAX)
		return fail(error, capacity, "a table has at most %d rows",
		            TABLE_ROWS_MAX);
	if (i > 0 && value <= table->row[i - 1].value)
		return fail(error, capacity,
		            "the values of a table must rise: %llu after %llu",
		            (unsigned long long)value,
		            (unsigned long long)table->row[i - 1].value);
	table->row[i].value = value;
	table->row[i].share = share;
	table->rows++;
	return true;
}

/* Requires shares that rise to 1. */
static bool check_cumulative(const struct table *table, char *error,
                             size_t capacity)
{
	double before = 0;

	if (table->rows == 0)
		return fail(error, capacity, "the table has no rows");
	for (unsigned i = 0; i < table->rows; i++) {
		if (table->row[i].share < before)
			return fail(error, capacity,
			            "the shares of a cumulative table must not "
			            "fall: %g after %g",
			            table->row[i].share, before);
		before = table->row[i].share;
	}
	if (fabs(before - 1) > 1e-9)
		return fail(error, capacity,
		            "the last share of a cumulative table must be 1, "
		            "not %g",
		            before);
	return true;
}

/* Turns weights into shares of all that is <= value. */
static bool accumulate(struct table *table, char *error, size_t capacity)
{
	double sum = 0, so_far = 0;

	for (unsigned i = 0; i < table->rows; i++)
		sum += table->row[i].share;
	if (!(sum > 0))
		return fail(error, capacity, "the weights add up to 0");
	for (unsigned i = 0; i < table->rows; i++) {
		so_far += table->row[i].share;
		table->row[i].share = so_far / sum;
	}
	table->row[table->rows - 1].share = 1;
	return true;
}

bool table_parse(const char *text, struct table *table, char *error,
                 size_t capacity)
{
	char *copy = strdup(text);
	char *rest = copy;
	const char *word;
	uint64_t value;
	double share;
	bool good = copy != NULL || fail(error, capacity, "no memory");

	table->rows = 0;
	while (good && (word = next_word(&rest)) != NULL)
		good = parse_row((char *)word, &value, &share, error,
		                 capacity) &&
		       add_row(table, value, share, error, capacity);
	free(copy);
	return good && check_cumulative(table, error, capacity);
}

/* --- parameters --------------------------------------------------------- */

static bool parse_value(struct reading *reading, enum parameter parameter,
                        const char *text)
{
	if (parameter < PARAMETER_MEAN) {
		if (count_parse(text, &reading->count[parameter]))
			return true;
		return FAIL(reading, "%s=%.60s is not a whole number",
		            parameter_names[parameter], text);
	}
	uint64_t count;
	if (number_parse_real(text, &reading->number[parameter]))
		return true;
	if (count_parse(text, &count)) {
		reading->number[parameter] = (double)count;
		return true;
	}
	return FAIL(reading, "%s=%.60s is not a number",
	            parameter_names[parameter], text);
}

static void list_parameters(const struct kind *kind, char *text,
                            size_t capacity)
{
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; i < PARAMETERS; i++)
		if (((kind->needs | kind->allows) & 1u << i) != 0)
			used += (size_t)snprintf(text + used, capacity - used,
			                         "%s%s", used > 0 ? ", " : "",
			                         parameter_names[i]);
}

static bool parse_parameter(struct reading *reading, char *word)
{
	unsigned known = reading->kind->needs | reading->kind->allows;
	char *value = strchr(word, '=');
	char list[128];
	int i = 0;

	if (value == NULL)
		return FAIL(reading,
		            "\"%.60s\" is not of the form "
		            "parameter=value",
		            word);
	*value++ = '\0';
	while (i < PARAMETERS && strcmp(word, parameter_names[i]) != 0)
		i++;
	if (i == PARAMETERS || (known & 1u << i) == 0) {
		list_parameters(reading->kind, list, sizeof list);
		return FAIL(reading, "%s has no parameter \"%.60s\" (%s%s)",
		            reading->kind->name, word,
		            list[0] == '\0' ? "it has none" : "it has ", list);
	}
	if ((reading->given & 1u << i) != 0)
		return FAIL(reading, "%s is given twice", word);
	reading->given |= 1u << i;
	return parse_value(reading, (enum parameter)i, value);
}

static bool check_needs(struct reading *reading)
{
	for (int i = 0; i < PARAMETERS; i++)
		if ((reading->kind->needs & ~reading->given & 1u << i) != 0)
			return FAIL(reading,
			            "%s lacks %s=", reading->kind->name,
			            parameter_names[i]);
	return true;
}

/* --- the whole ---------------------------------------------------------- */

static bool find_kind(struct reading *reading, const char *name)
{
	for (int i = DISTRIBUTION_CONSTANT; i < DISTRIBUTION_KINDS; i++) {
		if (strcmp(kinds[i].name, name) == 0) {
			reading->kind = &kinds[i];
			return true;
		}
	}
	return FAIL(reading,
	            "there is no distribution \"%.60s\" (constant, uniform, "
	            "exponential, lognormal, discrete, empirical)",
	            name);
}

static bool read_words(struct reading *reading, struct table *table)
{
	const char *word;
	uint64_t value;
	double share;

	while ((word = next_word(&reading->words)) != NULL) {
		if (!reading->kind->has_table || strchr(word, '=') != NULL) {
			if (!parse_parameter(reading, (char *)word))
				return false;
			continue;
		}
		if (!parse_row((char *)word, &value, &share, reading->error,
		               reading->capacity) ||
		    !add_row(table, value, share, reading->error,
		             reading->capacity))
			return false;
	}
	if (reading->kind->has_table && table->rows == 0)
		return FAIL(reading, "%s has no rows value:share",
		            reading->kind->name);
	return check_needs(reading);
}

/* Fills min and max where the spec leaves them open; 0 only comes when asked. */
static void set_range(const struct reading *reading, uint64_t least,
                      uint64_t most, struct distribution *to)
{
	const struct table *table = &to->table;
	bool has_min = (reading->given & BIT(MIN)) != 0;
	bool has_max = (reading->given & BIT(MAX)) != 0;

	to->min = has_min     ? reading->count[PARAMETER_MIN]
	          : least > 1 ? least
	                      : 1;
	to->max = has_max ? reading->count[PARAMETER_MAX] : most;
	if (to->kind == DISTRIBUTION_CONSTANT)
		to->min = to->max = reading->count[PARAMETER_VALUE];
	if (to->kind == DISTRIBUTION_DISCRETE)
		to->min = table->row[0].value;
	if (table->rows > 0)
		to->max = table->row[table->rows - 1].value;
}

static bool check_range(const struct reading *reading, uint64_t least,
                        uint64_t most, const struct distribution *made)
{
	if (made->min > made->max)
		return FAIL(reading, "min %llu is above max %llu",
		            (unsigned long long)made->min,
		            (unsigned long long)made->max);
	if (made->min < least || made->max > most)
		return FAIL(reading,
		            "values must lie within %llu..%llu, "
		            "these reach %llu",
		            (unsigned long long)least, (unsigned long long)most,
		            (unsigned long long)(made->min < least
		                                         ? made->min
		                                         : made->max));
	if (made->kind == DISTRIBUTION_EMPIRICAL &&
	    made->min > made->table.row[0].value)
		return FAIL(reading, "min %llu is above the first row",
		            (unsigned long long)made->min);
	if (made->kind == DISTRIBUTION_UNIFORM && made->step == 0)
		return FAIL(reading, "step must be at least 1");
	if (made->kind == DISTRIBUTION_LOGNORMAL && made->sigma > 8)
		return FAIL(reading, "sigma must be at most 8");
	if ((made->kind == DISTRIBUTION_EXPONENTIAL ||
	     made->kind == DISTRIBUTION_LOGNORMAL) &&
	    !(made->scale > 0 && made->scale <= 0x1p60))
		return FAIL(reading, "the %s must be above 0",
		            made->kind == DISTRIBUTION_LOGNORMAL ? "median"
		                                                 : "mean");
	return true;
}

static bool finish(const struct reading *reading, uint64_t least, uint64_t most,
                   struct distribution *to)
{
	to->kind = (enum distribution_kind)(reading->kind - kinds);
	to->step = (reading->given & BIT(STEP)) != 0
	                   ? reading->count[PARAMETER_STEP]
	                   : 1;
	to->scale = (reading->given & BIT(MEDIAN)) != 0
	                    ? reading->number[PARAMETER_MEDIAN]
	                    : reading->number[PARAMETER_MEAN];
	to->sigma = reading->number[PARAMETER_SIGMA];
	set_range(reading, least, most, to);
	if (!check_range(reading, least, most, to))
		return false;
	if (to->kind == DISTRIBUTION_DISCRETE &&
	    !accumulate(&to->table, reading->error, reading->capacity))
		return false;
	if (to->kind == DISTRIBUTION_EMPIRICAL &&
	    !check_cumulative(&to->table, reading->error, reading->capacity))
		return false;
	to->u_low = 0;
	to->u_high = 1;
	if ((to->kind == DISTRIBUTION_EXPONENTIAL ||
	     to->kind == DISTRIBUTION_LOGNORMAL) &&
	    !distribution_truncate(to))
		return FAIL(reading,
		            "almost none of this %s lies within "
		            "%llu..%llu",
		            reading->kind->name, (unsigned long long)to->min,
		            (unsigned long long)to->max);
	return true;
}

bool distribution_parse(const char *text, uint64_t least, uint64_t most,
                        struct distribution *distribution, char *error,
                        size_t capacity)
{
	char *copy = strdup(text);
	struct reading reading = {
		.words = copy, .error = error, .capacity = capacity};
	struct distribution made = {0};
	bool good = false;

	if (copy == NULL)
		return fail(error, capacity, "no memory");
	const char *name = next_word(&reading.words);
	if (name == NULL) {
		FAIL(&reading, "the value is missing");
	} else if (count_parse(name, &reading.count[PARAMETER_VALUE])) {
		reading.kind = &kinds[DISTRIBUTION_CONSTANT];
		reading.given = BIT(VALUE);
		good = read_words(&reading, &made.table);
	} else {
		good = find_kind(&reading, name) &&
		       read_words(&reading, &made.table);
	}
	good = good && finish(&reading, least, most, &made);
	if (good)
		*distribution = made;
	free(copy);
	return good;
}
