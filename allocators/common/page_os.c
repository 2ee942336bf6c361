/*
 * page_os.c - address space from the kernel, in programs that may have little.
 *
 * Idea.  What is reserved is PROT_NONE and costs nothing but addresses; yet a
 * program may have few of them (RLIMIT_AS, `ulimit -v`), or limit itself later
 * and then need some for its stack.  So the contiguous region is not one vast
 * reservation: it is put where there is room behind it, and only a step of it is
 * reserved at a time, in place:
 *
 *     place   |<---------------- 64 GiB, unmapped again -------------->|
 *     region  |#### committed ####|... writable ...|.. PROT_NONE ..|
 *             ^ region            ^ brk            ^ writable      ^ region_end
 *
 * The kernel fills gaps from their upper end, so the region meets what others
 * map only when all 64 GiB are full.  Where so much cannot be reserved even for
 * a moment, a place that far below the other mappings is tried.
 *
 * An OS source is the one that is timed, so it saves kernel calls: purged pages
 * stay writable, and the region is made writable a step ahead of its end.
 *
 * A range that the kernel refuses to unmap, because the hole would make one
 * mapping too many, is *kept*: dropped, joined with kept neighbours, tried again
 * with the next neighbour that is released, and handed out when the kernel
 * refuses new address space.
 *
 * Words.
 *     step    what the region's end moves by: 64 MiB, or 1 MiB where that much
 *             was refused once
 *     kept    released, but still mapped
 *
 * Invariants.
 *     I1  kept ranges do not touch each other, and are zero when committed again
 *     I2  region <= brk <= writable <= region_end, and from brk to writable all
 *         is zero
 *
 * Cost.     a reservation is one call, three or four where it must be aligned
 * Threads.  Under the source's lock.
 */
#include "page_os.h"

#include <errno.h>

#include "bits.h"
#include "page_kernel.h"

#define PLACE_BYTES ((size_t)64 << 30)

enum {
	STEP_BYTES = 64 << 20,      /* of the region's reserved end          */
	SMALL_STEP_BYTES = 1 << 20, /* the same in little address space      */
	WRITABLE_STEP = 1 << 20,    /* a page fault costs more               */
	PLACES = 8,                 /* tried for the region, in little space */
	ALIGNED_PLACES = 4,         /* tried before more than enough is taken */
};

/* ---- kept ranges -------------------------------------------------------- */

static void forget_kept(struct page_source *source, unsigned index)
{
	source->kept[index] = source->kept[--source->kept_count];
}

/* Without room in the table it stays mapped, but nobody will use it. */
static void keep(struct page_source *source, char *start, size_t bytes)
{
	if (bytes > 0 && source->kept_count < PAGE_KEPT_MAX)
		source->kept[source->kept_count++] =
			(struct page_range){start, bytes};
}

bool page_os_release(struct page_source *source, char *start, size_t bytes)
{
	struct page_range all = {start, bytes};

	for (unsigned i = source->kept_count; i-- > 0;) {
		struct page_range kept = source->kept[i];
		if (kept.start + kept.bytes == all.start)
			all.start = kept.start;
		else if (all.start + all.bytes != kept.start)
			continue;
		all.bytes += kept.bytes;
		forget_kept(source, i);
	}
	source->kept_bytes -= all.bytes - bytes;
	if (source->kernel->munmap(all.start, all.bytes) == 0)
		return true;
	keep(source, all.start, all.bytes);
	source->kept_bytes += all.bytes;
	return false;
}

/* [before][- before + bytes -][behind]: the outer parts stay kept. */
static char *reserve_kept(struct page_source *source, size_t before,
                          size_t bytes, size_t align)
{
	for (unsigned i = 0; i < source->kept_count; i++) {
		struct page_range kept = source->kept[i];
		char *aligned =
			(char *)round_up((size_t)kept.start + before, align);
		size_t end = (size_t)(aligned - kept.start) + bytes;
		if (end > kept.bytes)
			continue;
		forget_kept(source, i);
		keep(source, kept.start,
		     (size_t)(aligned - before - kept.start));
		keep(source, aligned + bytes, kept.bytes - end);
		source->kept_bytes -= before + bytes;
		return aligned;
	}
	return NULL;
}

/* ---- reservations ------------------------------------------------------- */

/*
 * The kernel takes the upper end of a gap: below what it chose there is room
 * more often than not.
 */
static char *reserve_below(struct page_source *source, char *chosen,
                           size_t before, size_t bytes, size_t align)
{
	size_t wish = round_down((size_t)chosen + before, align);

	for (int i = 0; i < ALIGNED_PLACES && wish > before; i++) {
		char *start = page_kernel_reserve(
			source, (char *)(wish - before), before + bytes);
		if (start != NULL)
			return start + before;
		if (wish < align)
			break;
		wish -= align;
	}
	return NULL;
}

/* [trimmed][- before + bytes -][trimmed] */
static char *reserve_wide(struct page_source *source, size_t before,
                          size_t bytes, size_t align)
{
	size_t whole = before + bytes;

	if (whole + align < whole)
		return NULL;
	char *wide = page_kernel_reserve(source, NULL, whole + align);
	if (wide == NULL)
		return NULL;
	char *start = (char *)round_up((size_t)wide + before, align) - before;
	size_t skip = (size_t)(start - wide);
	if (skip > 0)
		page_os_release(source, wide, skip);
	if (skip < align)
		page_os_release(source, start + whole, align - skip);
	return start + before;
}

/*
 * mmap gives no alignment, though after one aligned range the next of its size
 * usually is.
 */
static char *reserve_new(struct page_source *source, size_t before,
                         size_t bytes, size_t align)
{
	char *chosen = page_kernel_reserve(source, NULL, before + bytes);

	if (chosen == NULL)
		return NULL;
	if (is_aligned(chosen + before, align))
		return chosen + before;
	page_os_release(source, chosen, before + bytes);
	char *start = reserve_below(source, chosen, before, bytes, align);
	return start != NULL ? start
	                     : reserve_wide(source, before, bytes, align);
}

char *page_os_reserve(struct page_source *source, size_t before, size_t bytes,
                      size_t align)
{
	if (before + bytes < bytes)
		return NULL;
	char *start = reserve_new(source, before, bytes, align);
	return start != NULL ? start
	                     : reserve_kept(source, before, bytes, align);
}

/* ---- the contiguous region ---------------------------------------------- */

/* A step at the low end of 64 GiB that nobody uses now. */
static char *place_region(struct page_source *source)
{
	char *start = page_kernel_reserve(source, NULL, PLACE_BYTES);

	if (start == NULL)
		return NULL;
	page_os_release(source, start + STEP_BYTES, PLACE_BYTES - STEP_BYTES);
	source->region_step = STEP_BYTES;
	return start;
}

/*
 * The same where a limit forbids to try: at a multiple of 64 GiB below what is
 * mapped, so that two regions in one program are far from each other, too.
 */
static char *place_small_region(struct page_source *source)
{
	char *chosen = page_kernel_reserve(source, NULL, SMALL_STEP_BYTES);

	source->region_step = SMALL_STEP_BYTES;
	if (chosen == NULL)
		return reserve_kept(source, 0, SMALL_STEP_BYTES, PAGE_BYTES);
	page_os_release(source, chosen, SMALL_STEP_BYTES);
	size_t wish = round_down((size_t)chosen, PLACE_BYTES);
	for (int i = 0; i < PLACES && wish > PLACE_BYTES; i++) {
		wish -= PLACE_BYTES;
		char *start = page_kernel_reserve(source, (char *)wish,
		                                  SMALL_STEP_BYTES);
		if (start != NULL)
			return start;
	}
	return page_kernel_reserve(source, NULL, SMALL_STEP_BYTES);
}

static bool open_region(struct page_source *source)
{
	source->region = place_region(source);
	if (source->region == NULL)
		source->region = place_small_region(source);
	if (source->region == NULL)
		return false;
	source->region_end = source->region + source->region_step;
	source->brk = source->writable = source->region;
	return true;
}

static bool reserve_behind_region(struct page_source *source, size_t bytes)
{
	if (page_kernel_reserve(source, source->region_end, bytes) == NULL)
		return false;
	source->region_end += bytes;
	return true;
}

/* Moves region_end up to `missing` bytes or more. */
static bool lengthen_region(struct page_source *source, size_t missing)
{
	if (missing > PLACE_BYTES)
		return false;
	if (reserve_behind_region(source,
	                          round_up(missing, source->region_step)))
		return true;
	source->region_step = SMALL_STEP_BYTES;
	return reserve_behind_region(source,
	                             round_up(missing, SMALL_STEP_BYTES)) ||
	       reserve_behind_region(source, missing);
}

/* Mostly a step ahead, within what is reserved. */
static bool make_region_writable(struct page_source *source, size_t missing)
{
	size_t ahead = round_up(missing, WRITABLE_STEP);
	size_t room = (size_t)(source->region_end - source->writable);

	if (ahead > room)
		ahead = room;
	if (!page_kernel_make_writable(source, source->writable, ahead)) {
		ahead = missing;
		if (!page_kernel_make_writable(source, source->writable, ahead))
			return false;
	}
	source->writable += ahead;
	return true;
}

bool page_os_grow(struct page_source *source, size_t bytes)
{
	if (source->region == NULL && !open_region(source))
		return false;
	size_t room = (size_t)(source->region_end - source->brk);
	if (bytes > room && !lengthen_region(source, bytes - room))
		return false;
	char *end = source->brk + bytes;
	return end <= source->writable ||
	       make_region_writable(source, (size_t)(end - source->writable));
}

void page_os_cut_region(struct page_source *source)
{
	size_t step = source->region_step;
	size_t above = (size_t)(source->region_end - source->brk);

	if (above < 2 * step)
		return;
	size_t cut = round_down(above - step, PAGE_BYTES);
	if (source->kernel->munmap(source->region_end - cut, cut) != 0)
		return; /* it is the region's still: nothing is lost */
	source->region_end -= cut;
	if (source->writable > source->region_end)
		source->writable = source->region_end;
}

void page_os_close(struct page_source *source)
{
	if (source->region != NULL)
		source->kernel->munmap(
			source->region,
			(size_t)(source->region_end - source->region));
}

/* ---- resize ------------------------------------------------------------- */

/*
 * To an address of some alignment.  A refused mremap may have unmapped `to`, and
 * another thread mapped something there: only what can be claimed is unmapped,
 * else addresses are lost.
 */
static char *move_aligned(struct page_source *source, char *start,
                          size_t old_bytes, size_t new_bytes, size_t align)
{
	char *to = page_os_reserve(source, 0, new_bytes, align);

	if (to == NULL)
		return NULL;
	char *at = page_kernel_resize(source, start, old_bytes, new_bytes,
	                              MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (at == NULL && page_kernel_reserve(source, to, new_bytes) != NULL)
		page_os_release(source, to, new_bytes);
	return at;
}

char *page_os_lengthen(struct page_source *source, char *start,
                       size_t old_bytes, size_t new_bytes, size_t align)
{
	int may_move = align == PAGE_BYTES ? MREMAP_MAYMOVE : 0;

	errno = 0;
	char *at = page_kernel_resize(source, start, old_bytes, new_bytes,
	                              may_move, NULL);
	/* EFAULT: the kernel keeps the range as several, and moves none. */
	if (at != NULL || align <= PAGE_BYTES || errno == EFAULT)
		return at;
	return move_aligned(source, start, old_bytes, new_bytes, align);
}
