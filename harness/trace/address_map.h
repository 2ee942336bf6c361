/*
 * address_map.h - which live block is at an address: address -> id.  Any other
 * 64-bit key but 0 will do.
 */
#ifndef HARNESS_TRACE_ADDRESS_MAP_H
#define HARNESS_TRACE_ADDRESS_MAP_H

#include <stdbool.h>
#include <stdint.h>

struct address_entry {
	uint64_t address; /* 0: empty */
	uint32_t id;
};

struct address_map {
	struct address_entry *entries;
	unsigned bits;  /* 2^bits entries; 0: none yet */
	uint64_t count; /* in use                      */
};

static const uint32_t ADDRESS_UNKNOWN = UINT32_MAX;

/* Adds an address that is not in the map and not 0; false without memory. */
bool address_map_add(struct address_map *map, uint64_t address, uint32_t id);

/* The id of an address, or ADDRESS_UNKNOWN. */
uint32_t address_map_get(const struct address_map *map, uint64_t address);

/* Removes an address and returns its id, or ADDRESS_UNKNOWN. */
uint32_t address_map_take(struct address_map *map, uint64_t address);

void address_map_free(struct address_map *map);

#endif
