/*
 * address_map.c - open addressing with linear probing, at most half full.
 *
 * Removal leaves no tombstones: the entries behind the gap that would no longer
 * be found from their home move up [Knuth98, 6.4, algorithm R].
 *
 *     home of c: 3        3   4   5   6            3   4   5   6
 *     take(b)           | a | b | c | . |   =>   | a | c | . | . |
 */
#include "address_map.h"

#include <stdlib.h>

enum { FIRST_BITS = 12 };

static uint64_t map_mask(const struct address_map *map)
{
	return ((uint64_t)1 << map->bits) - 1;
}

/* Multiplication by 2^64 / golden ratio; the top bits are the mixed ones. */
static uint64_t home_of(const struct address_map *map, uint64_t address)
{
	return (address * 0x9e3779b97f4a7c15u) >> (64 - map->bits);
}

/* The place of the address, or the empty one that ends its search. */
static uint64_t probe(const struct address_map *map, uint64_t address)
{
	uint64_t at = home_of(map, address);

	while (map->entries[at].address != 0 &&
	       map->entries[at].address != address)
		at = (at + 1) & map_mask(map);
	return at;
}

static bool grow(struct address_map *map)
{
	struct address_map larger = {
		.bits = map->bits == 0 ? FIRST_BITS : map->bits + 1,
		.count = map->count,
	};

	larger.entries = calloc(map_mask(&larger) + 1, sizeof *larger.entries);
	if (larger.entries == NULL)
		return false;
	for (uint64_t i = 0; map->bits > 0 && i <= map_mask(map); i++) {
		struct address_entry entry = map->entries[i];
		if (entry.address != 0)
			larger.entries[probe(&larger, entry.address)] = entry;
	}
	free(map->entries);
	*map = larger;
	return true;
}

bool address_map_add(struct address_map *map, uint64_t address, uint32_t id)
{
	if ((map->bits == 0 || 2 * map->count > map_mask(map)) && !grow(map))
		return false;
	map->entries[probe(map, address)] = (struct address_entry){address, id};
	map->count++;
	return true;
}

uint32_t address_map_get(const struct address_map *map, uint64_t address)
{
	if (map->bits == 0)
		return ADDRESS_UNKNOWN;
	const struct address_entry *entry = &map->entries[probe(map, address)];
	return entry->address == 0 ? ADDRESS_UNKNOWN : entry->id;
}

/* Closes the gap at `hole`: moves up what probing would lose behind it. */
static void close_gap(struct address_map *map, uint64_t hole)
{
	uint64_t mask = map_mask(map), at = hole;

	for (;;) {
		map->entries[hole].address = 0;
		uint64_t home;
		do {
			at = (at + 1) & mask;
			if (map->entries[at].address == 0)
				return;
			home = home_of(map, map->entries[at].address);
			/* Found without the hole: home in (hole, at]. */
		} while (((at - home) & mask) < ((at - hole) & mask));
		map->entries[hole] = map->entries[at];
		hole = at;
	}
}

uint32_t address_map_take(struct address_map *map, uint64_t address)
{
	if (map->bits == 0)
		return ADDRESS_UNKNOWN;
	uint64_t at = probe(map, address);
	if (map->entries[at].address == 0)
		return ADDRESS_UNKNOWN;
	uint32_t id = map->entries[at].id;
	map->count--;
	close_gap(map, at);
	return id;
}

void address_map_free(struct address_map *map)
{
	free(map->entries);
	*map = (struct address_map){0};
}
