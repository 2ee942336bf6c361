/*
 * memlib.h - the memory that a CS:APP mm.c asks for; see ../csapp.h.
 */
#ifndef MEMLIB_H
#define MEMLIB_H

#include <stddef.h>

/* Moves the break up by `increment` bytes; the old break, or (void *)-1. */
void *mem_sbrk(int increment);

void *mem_heap_lo(void); /* the first byte of the heap */
void *mem_heap_hi(void); /* its last byte              */
size_t mem_heapsize(void);
size_t mem_pagesize(void);

#endif
