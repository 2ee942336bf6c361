/*
 * count.c - digits and a suffix.
 */
#include "count.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool count_parse(const char *text, uint64_t *out)
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
