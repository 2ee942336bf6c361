/*
 * csv.c - fields of comma-separated files.
 */
#include "csv.h"

#include <string.h>

void csv_text(FILE *out, const char *text)
{
	if (strpbrk(text, ",\"\r\n") == NULL) {
		fputs(text, out);
		return;
	}
	putc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	putc('"', out);
}

bool csv_first_field(const char *line, char *field, size_t capacity)
{
	size_t used = 0;
	bool quoted = line[0] == '"';

	for (line += quoted; *line != '\0'; line++) {
		if (quoted && line[0] == '"') {
			if (line[1] != '"')
				break;
			line++;
		} else if (!quoted && strchr(",\r\n", line[0]) != NULL) {
			break;
		}
		if (used + 1 >= capacity)
			return false;
		field[used++] = *line;
	}
	field[used] = '\0';
	return !quoted || line[0] == '"';
}
