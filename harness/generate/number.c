/*
 * number.c - reads the fractions of specs, strictly: no sign, no exponent, no
 * hexadecimal, nothing left over.
 */
#include "number.h"

#include <stdlib.h>
#include <string.h>

/* Digits with at most one point; *end is set behind them. */
static bool parse_decimal(const char *text, double *out, char **end)
{
	size_t digits = strspn(text, "0123456789.");
	const char *point = memchr(text, '.', digits);

	if (strcspn(text, "0123456789") >= digits || digits > 30)
		return false;
	if (point != NULL &&
	    memchr(point + 1, '.', digits - (size_t)(point + 1 - text)) != NULL)
		return false;
	char copy[32] = {0};
	memcpy(copy, text, digits);
	*out = strtod(copy, NULL);
	*end = (char *)text + digits;
	return true;
}

bool number_parse_real(const char *text, double *out)
{
	double under;
	char *end;

	if (!parse_decimal(text, out, &end))
		return false;
	if (*end == '/') {
		if (!parse_decimal(end + 1, &under, &end) || under <= 0)
			return false;
		*out /= under;
	} else if (*end == '%') {
		*out /= 100;
		end++;
	}
	return *end == '\0';
}
