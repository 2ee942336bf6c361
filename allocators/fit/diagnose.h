/*
 * diagnose.h - the checked build's answer to a pointer that is no live block.
 */
#ifndef ALLOCATORS_FIT_DIAGNOSE_H
#define ALLOCATORS_FIT_DIAGNOSE_H

#include "fit.h"

/*
 * Returns if `payload` is that of a live block with sound tags; otherwise stops
 * with a sentence about what it is instead.  `call` is the caller's: "free".
 */
void require_live(const struct fit_heap *heap, const void *payload,
                  const char *call);

/* Stops with a sentence if a hole's neighbours on the chain do not agree. */
void require_linked(const struct fit_heap *heap, const struct block *hole);

#endif
