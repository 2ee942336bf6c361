/*
 * text_sites.h - the declarations of call sites in the text form, for
 * text_read.c: what stands between the parentheses of
 *
 *     module(PATH)  frame(MODULE,HEX[,TEXT])  site(FRAME[,CALLER])
 *
 * Each adds one to the table and returns NULL, or the reason why not.
 */
#ifndef HARNESS_TRACE_TEXT_SITES_H
#define HARNESS_TRACE_TEXT_SITES_H

#include "sites.h"

const char *text_sites_module(struct trace_sites *sites, const char *inside,
                              size_t bytes);
const char *text_sites_frame(struct trace_sites *sites, const char *inside,
                             size_t bytes);
const char *text_sites_site(struct trace_sites *sites, const char *inside,
                            size_t bytes);

#endif
