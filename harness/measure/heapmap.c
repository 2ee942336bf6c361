/*
 * heapmap.c - extents into cells, cells into rows.
 */
#include "heapmap.h"

#include "../report/csv.h"

void heapmap_begin(struct heapmap *map, uint64_t event)
{
	map->event = event;
	map->cell = map->run = (struct stretch){0};
}

static void write_run(struct heapmap *map)
{
	const struct parts *parts = &map->run.parts;

	if (map->run.bytes == 0)
		return;
	csv_text(map->out, map->label);
	fprintf(map->out, ",%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu\n", map->event,
	        map->run.start, map->run.bytes, parts->requested,
	        parts->internal, parts->metadata, parts->free, parts->slack);
	map->run = (struct stretch){0};
}

/* Whether every cell of the run so far looks like `cell`. */
static bool continues_run(const struct stretch *run, const struct stretch *cell)
{
	uint64_t cells = run->bytes / cell->bytes;
	const struct parts *a = &run->parts, *b = &cell->parts;

	return run->bytes == cells * cell->bytes && run->bytes > 0 &&
	       a->requested == cells * b->requested &&
	       a->internal == cells * b->internal &&
	       a->metadata == cells * b->metadata &&
	       a->free == cells * b->free && a->slack == cells * b->slack;
}

static void finish_cell(struct heapmap *map)
{
	struct stretch *run = &map->run, *cell = &map->cell;

	if (!continues_run(run, cell)) {
		write_run(map);
		run->start = cell->start;
	}
	run->bytes += cell->bytes;
	run->parts.requested += cell->parts.requested;
	run->parts.internal += cell->parts.internal;
	run->parts.metadata += cell->parts.metadata;
	run->parts.free += cell->parts.free;
	run->parts.slack += cell->parts.slack;
	*cell = (struct stretch){.start = cell->start + cell->bytes};
}

/* Pours `bytes` of one use, counted in `part` of the cell, into the cells. */
static void pour(struct heapmap *map, uint64_t bytes, uint64_t *part)
{
	while (bytes > 0) {
		uint64_t room = map->cell_bytes - map->cell.bytes;
		uint64_t now = bytes < room ? bytes : room;
		*part += now;
		map->cell.bytes += now;
		bytes -= now;
		if (map->cell.bytes == map->cell_bytes)
			finish_cell(map);
	}
}

void heapmap_add(void *heapmap, const struct census_extent *extent)
{
	struct heapmap *map = heapmap;
	struct parts *parts = &map->cell.parts;
	uint64_t bytes = extent->extent.bytes;

	switch (extent->extent.kind) {
	case EXTENT_LIVE:
		pour(map, extent->requested, &parts->requested);
		pour(map, bytes - extent->requested, &parts->internal);
		break;
	case EXTENT_FREE:
		pour(map, bytes, &parts->free);
		break;
	case EXTENT_METADATA:
		pour(map, bytes, &parts->metadata);
		break;
	case EXTENT_SLACK:
		pour(map, bytes, &parts->slack);
		break;
	}
}

void heapmap_end(struct heapmap *map)
{
	if (map->cell.bytes > 0)
		finish_cell(map);
	write_run(map);
}
