/*
 * number.c - reads the numbers of specs, strictly: no sign, no exponent, no
 * hexadecimal, nothing left over.
 */
#include "number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool number_parse_count(const char *text, uint64_t *out)
{
	static const char suffixes[] = "KMG";
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno != 0)
		return false;
	if (*end != '\0') {
		const char *suffix =
			strchr(suffixes, toupper((unsigned char)*end));
		if (suffix == NULL || end[1] != '\0')
			return false;
		unsigned shift = 10 * (unsigned)(suffix - suffixes + 1);
		if (n > UINT64_MAX >> shift)
			return false;
		n <<= shift;
	}
	*out = n;
	return true;
}

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
