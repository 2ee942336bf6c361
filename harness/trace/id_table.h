/*
 * id_table.h - one word for each id that a trace's reader ever saw.
 *
 *     +------------------+---+
 *     | slot             | 1 |     live, in that slot
 *     | place of death+1 | 0 |     dead since then
 *     | 0                | 0 |     never seen
 *     +------------------+---+
 *
 * The words of 512 neighbouring ids make a *leaf*; a table of pointers leads to
 * the leaves, so that one wild id in a hostile file costs kilobytes.
 */
#ifndef HARNESS_TRACE_ID_TABLE_H
#define HARNESS_TRACE_ID_TABLE_H

#include <stdbool.h>
#include <stdint.h>

static inline bool word_is_live(uint64_t word)
{
	return (word & 1) != 0;
}

static inline uint64_t word_live(uint32_t slot)
{
	return (uint64_t)slot << 1 | 1;
}

static inline uint64_t word_dead(uint64_t place)
{
	return (place + 1) << 1;
}

/* Of a live word. */
static inline uint32_t word_slot(uint64_t word)
{
	return (uint32_t)(word >> 1);
}

/* Of a dead word. */
static inline uint64_t word_place(uint64_t word)
{
	return (word >> 1) - 1;
}

struct id_table {
	uint64_t **leaves;
	uint64_t leaf_count;
	uint64_t count; /* the largest id with a word + 1 */
};

/* The word of an id; 0 for one never seen.  Cost: two reads. */
uint64_t id_table_get(const struct id_table *table, uint64_t id);

/* Its place in the table, made if need be; NULL without memory. */
uint64_t *id_table_at(struct id_table *table, uint64_t id);

void id_table_free(struct id_table *table);

#endif
