/*
 * json.h - what every run.json is made of.
 */
#ifndef HARNESS_REPORT_JSON_H
#define HARNESS_REPORT_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "../library/library.h"

/*
 * JSON is UTF-8; a command line or a file name need not be.  Then what is not
 * ASCII becomes "?".
 */
json_t *json_of_text(const char *text);

/* When, what and where: the start of run.json. */
json_t *json_of_run(const char *command);

/* The malloc that a row's processes had. */
json_t *json_of_library(const struct library *library);

/* Writes and frees it; false if it cannot be written, or is NULL. */
bool json_write(json_t *root, const char *path);

#endif
