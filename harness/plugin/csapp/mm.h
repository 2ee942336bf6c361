/*
 * mm.h - what a CS:APP mm.c declares, for files that come without their own.
 */
#ifndef MM_H
#define MM_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mm_init(void);
void *mm_malloc(size_t size);
void mm_free(void *block);
void *mm_realloc(void *block, size_t size);

typedef struct {
	char *teamname, *name1, *id1, *name2, *id2;
} team_t;
extern team_t team;

#endif
