/*
 * text_sites.h - the declarations of call sites in the text form, for
 * text_read.c:
 *
 *     module(PATH)  frame(MODULE,HEX[,TEXT])  site(FRAME[,CALLER])
 */
#ifndef HARNESS_TRACE_TEXT_SITES_H
#define HARNESS_TRACE_TEXT_SITES_H

#include "sites.h"

/* Whether the token begins as one of these. */
bool text_sites_is_declaration(const char *token, size_t bytes);

/* Adds what it declares to the table; NULL, or the reason why not. */
const char *text_sites_declare(struct trace_sites *sites, const char *token,
                               size_t bytes);

#endif
