/*
 * knob.c - knobs read from the command line and printed again.
 */
#include "knob.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "count.h"

void knob_defaults(const struct knob *knobs, struct knob_values *values)
{
	*values = (struct knob_values){0};
	for (size_t i = 0; knobs[i].name != NULL; i++) {
		assert(i < KNOBS_MAX);
		values->of[i] = knobs[i].initial;
	}
}

/* Appends to a text of fixed capacity; what does not fit is cut off. */
static void append(char *text, size_t capacity, const char *more)
{
	size_t used = strlen(text);
	snprintf(text + used, capacity - used, "%s", more);
}

/*
 * Writes 65536 as "64K".  What is no whole multiple stays a plain number, and so
 * do whole millions: 10000000000 ns are not easier to read as 9765625K.
 */
static void print_number(uint64_t n, char *text, size_t capacity)
{
	enum { MILLION = 1000 * 1000 };
	static const char suffix[] = {'\0', 'K', 'M', 'G'};
	unsigned power = 0;

	bool is_decimal = n % MILLION == 0;

	while (power < 3 && n != 0 && !is_decimal && n % 1024 == 0) {
		n /= 1024;
		power++;
	}
	snprintf(text, capacity, "%llu%.1s", (unsigned long long)n,
	         &suffix[power]);
}

void knob_print_range(const struct knob *knob, char *text, size_t capacity)
{
	if (knob->choices != NULL) {
		text[0] = '\0';
		for (size_t i = 0; knob->choices[i] != NULL; i++) {
			append(text, capacity, i == 0 ? "" : " | ");
			append(text, capacity, knob->choices[i]);
		}
		return;
	}
	char low[24], high[24];
	print_number(knob->min, low, sizeof low);
	print_number(knob->max, high, sizeof high);
	snprintf(text, capacity, "%s..%s%s", low, high,
	         knob->power_of_two ? ", a power of two" : "");
}

static bool parse_value(const struct knob *knob, const char *text,
                        uint64_t *out)
{
	if (knob->choices == NULL)
		return count_parse(text, out) && *out >= knob->min &&
		       *out <= knob->max &&
		       (!knob->power_of_two || is_power_of_two(*out));
	for (uint64_t i = 0; knob->choices[i] != NULL; i++) {
		if (strcmp(knob->choices[i], text) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

static void list_names(const struct knob *knobs, char *text, size_t capacity)
{
	text[0] = '\0';
	for (size_t i = 0; knobs[i].name != NULL; i++) {
		append(text, capacity, i == 0 ? "" : ", ");
		append(text, capacity, knobs[i].name);
	}
}

/* The place of a knob in its array, or KNOBS_MAX. */
static size_t find_knob(const struct knob *knobs, const char *name)
{
	for (size_t i = 0; knobs[i].name != NULL; i++)
		if (strcmp(knobs[i].name, name) == 0)
			return i;
	return KNOBS_MAX;
}

/* Applies one "name=value"; the bits of `done` say which knobs were set. */
static bool set_knob(const struct knob *knobs, char *setting,
                     struct knob_values *values, uint32_t *done, char *error,
                     size_t capacity)
{
	char *value = strchr(setting, '=');
	char text[256];

	if (value == NULL) {
		snprintf(error, capacity,
		         "\"%s\" is not of the form knob=value", setting);
		return false;
	}
	*value++ = '\0';
	size_t i = find_knob(knobs, setting);
	if (i == KNOBS_MAX) {
		list_names(knobs, text, sizeof text);
		snprintf(error, capacity, "there is no knob \"%s\" (%s%s)",
		         setting, text[0] == '\0' ? "it has none" : "it has ",
		         text);
		return false;
	}
	if (*done & (uint32_t)1 << i) {
		snprintf(error, capacity, "knob %s is set twice", setting);
		return false;
	}
	*done |= (uint32_t)1 << i;
	if (parse_value(&knobs[i], value, &values->of[i]))
		return true;
	knob_print_range(&knobs[i], text, sizeof text);
	snprintf(error, capacity, "knob %s cannot be \"%s\": it takes %s%s%s",
	         setting, value, text, knobs[i].unit[0] == '\0' ? "" : "; ",
	         knobs[i].unit);
	return false;
}

static_assert(KNOBS_MAX <= 32, "one bit of `done` per knob");

bool knob_parse(const struct knob *knobs, const char *settings,
                struct knob_values *values, char *error, size_t capacity)
{
	uint32_t done = 0;
	char copy[1024];

	if (strlen(settings) >= sizeof copy) {
		snprintf(error, capacity, "the knob settings are too long");
		return false;
	}
	strcpy(copy, settings);
	char *rest = copy, *setting;
	while ((setting = strsep(&rest, ",")) != NULL) {
		if (setting[0] == '\0' && settings[0] == '\0')
			break;
		if (!set_knob(knobs, setting, values, &done, error, capacity))
			return false;
	}
	return true;
}

void knob_print(const struct knob *knobs, const struct knob_values *values,
                bool changed_only, char *text, size_t capacity)
{
	text[0] = '\0';
	for (size_t i = 0; knobs[i].name != NULL; i++) {
		uint64_t value = values->of[i];
		if (changed_only && value == knobs[i].initial)
			continue;
		char number[24];
		print_number(value, number, sizeof number);
		append(text, capacity, text[0] == '\0' ? "" : ",");
		append(text, capacity, knobs[i].name);
		append(text, capacity, "=");
		append(text, capacity,
		       knobs[i].choices != NULL ? knobs[i].choices[value]
		                                : number);
	}
}
