/*
 * sentence.h - a text that grows piece by piece, for `explain`.
 *
 *     struct sentence sentence = sentence_begin(text, capacity);
 *     say(&sentence, "its last %zu bytes ", left);
 *     say(&sentence, "stay a hole");
 */
#ifndef ALLOCATORS_COMMON_SENTENCE_H
#define ALLOCATORS_COMMON_SENTENCE_H

#include <stddef.h>

struct sentence {
	char *end;   /* where the next piece goes */
	size_t left; /* room there, the last \0 included */
};

/* An empty sentence in the `capacity` bytes at `text`; 0: it stays nowhere. */
struct sentence sentence_begin(char *text, size_t capacity);

/* Appends as printf does; what does not fit is cut off. */
void say(struct sentence *sentence, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
