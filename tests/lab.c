/*
 * lab.c - heaps for tests, and the heap as a string.
 */
#include "lab.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocators/locked/locked.h"
#include "allocators/registry.h"

/* The one on the arena, of which there is one only; a failed test leaves it. */
static struct lab *arena_lab;

static void close_source(struct lab *lab)
{
	if (lab == arena_lab)
		arena_lab = NULL;
	page_source_close(&lab->pages);
	free(lab);
}

static void require_empty_source(const struct lab *lab)
{
	if (lab->pages.reserved_bytes != 0 || lab->pages.committed_bytes != 0)
		fail_msg("destroy left %zu bytes reserved, %zu of them "
		         "committed",
		         lab->pages.reserved_bytes, lab->pages.committed_bytes);
}

struct lab *lab_open_on(const struct allocator *allocator, const char *knobs,
                        const struct page_source_options *options)
{
	bool on_arena = options->kind == PAGE_SOURCE_ARENA;
	if (on_arena && arena_lab != NULL)
		close_source(arena_lab);
	struct lab *lab = calloc(1, sizeof *lab);
	char message[512];

	assert_non_null(lab);
	lab->allocator = allocator;
	knob_defaults(allocator->knobs, &lab->values);
	if (!knob_parse(allocator->knobs, knobs, &lab->values, message,
	                sizeof message))
		fail_msg("%s: %s", allocator->name, message);
	assert_true(page_source_open(&lab->pages, options));
	if (on_arena)
		arena_lab = lab;
	lab->single_thread = 1;
	lab->heap = allocator->create(&lab->values, &lab->pages,
	                              &lab->single_thread);
	if (lab->heap != NULL)
		lab->thread = allocator->attach(lab->heap);
	if (lab->thread == NULL) {
		int error = errno;
		if (lab->heap != NULL)
			allocator->destroy(lab->heap);
		require_empty_source(lab);
		close_source(lab);
		errno = error;
		return NULL;
	}
	return lab;
}

const struct allocator *lab_find(const char *allocator)
{
	static const char prefix[] = "locked ";
	bool is_locked = strncmp(allocator, prefix, strlen(prefix)) == 0;
	char name[64];

	if (is_locked)
		allocator += strlen(prefix);
	snprintf(name, sizeof name, "%.*s", (int)strcspn(allocator, ":"),
	         allocator);
	const struct allocator *found = allocator_find(name);
	return found != NULL && is_locked ? locked_over(found) : found;
}

struct lab *lab_open(const char *allocator)
{
	const struct page_source_options arena = {.kind = PAGE_SOURCE_ARENA};
	const struct allocator *found = lab_find(allocator);
	const char *knobs = strchr(allocator, ':');

	if (found == NULL)
		fail_msg("no allocator is called \"%s\"", allocator);
	struct lab *lab =
		lab_open_on(found, knobs == NULL ? "" : knobs + 1, &arena);
	assert_non_null(lab);
	return lab;
}

void lab_share(struct lab *lab)
{
	lab->single_thread = 0;
}

void lab_close(struct lab *lab)
{
	lab_check(lab);
	lab->allocator->detach(lab->thread);
	lab->allocator->destroy(lab->heap);
	require_empty_source(lab);
	close_source(lab);
}

static void *name_block(struct lab *lab, void *block)
{
	if (block != NULL && lab->names < LAB_NAMES)
		lab->named[lab->names++] = block;
	return block;
}

static bool is_served(struct lab *lab, size_t size, size_t align)
{
	char why[256];

	return lab->allocator->serves == NULL ||
	       lab->allocator->serves(lab->heap, size, align, why, sizeof why);
}

size_t lab_fit_size(struct lab *lab, size_t size)
{
	size_t low = 0, high = size; /* served, and not */

	if (is_served(lab, size, 0))
		return size;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		*(is_served(lab, middle, 0) ? &low : &high) = middle;
	}
	return size % (low + 1);
}

size_t lab_fit_align(struct lab *lab, size_t align, size_t size)
{
	while (align > 1 && !is_served(lab, size, align))
		align /= 2;
	return align;
}

void *lab_malloc(struct lab *lab, size_t size)
{
	size = lab_fit_size(lab, size);
	return name_block(lab, lab->allocator->malloc(lab->thread, size));
}

void *lab_aligned(struct lab *lab, size_t align, size_t size)
{
	size = lab_fit_size(lab, size);
	align = lab_fit_align(lab, align, size);
	return name_block(
		lab, lab->allocator->aligned_malloc(lab->thread, align, size));
}

void lab_free(struct lab *lab, void *block)
{
	for (int i = 0; i < lab->names; i++)
		if (lab->named[i] == block)
			lab->named[i] = NULL;
	lab->allocator->free(lab->thread, block);
}

size_t lab_usable(struct lab *lab, const void *block)
{
	return lab->allocator->usable_size(lab->heap, block);
}

void lab_check(struct lab *lab)
{
	if (lab->allocator->check == NULL)
		return;
	const char *broken = lab->allocator->check(lab->heap);
	if (broken != NULL)
		fail_msg("%s", broken);
}

struct tiling {
	struct lab *lab;
	char *end; /* of the extent before */
	size_t bytes;
	long live;
};

static bool lay_tile(void *ctx, const struct extent *extent)
{
	struct tiling *tiling = ctx;

	assert_true(extent->bytes > 0);
	if ((char *)extent->start < tiling->end)
		fail_msg("the walk meets %p below %p", extent->start,
		         (void *)tiling->end);
	assert_non_null(extent->tier);
	if (extent->kind == EXTENT_FREE)
		assert_true(extent->tier[0] != '\0');
	/* Not committed would be a crash: read both ends. */
	char first = *(volatile char *)extent->start;
	char last = ((volatile char *)extent->start)[extent->bytes - 1];
	(void)first;
	(void)last;
	tiling->end = (char *)extent->start + extent->bytes;
	tiling->bytes += extent->bytes;
	tiling->live += extent->kind == EXTENT_LIVE;
	return true;
}

void lab_check_walk(struct lab *lab, long live)
{
	struct tiling tiling = {.lab = lab};

	if (lab->allocator->walk == NULL)
		return;
	lab->allocator->walk(lab->heap, lay_tile, &tiling);
	if (tiling.bytes != lab->pages.committed_bytes)
		fail_msg("the walk covers %zu of %zu committed bytes",
		         tiling.bytes, lab->pages.committed_bytes);
	if (live >= 0 && tiling.live != live)
		fail_msg("the walk meets %ld live blocks of %ld", tiling.live,
		         live);
}

static bool print_block(void *ctx, const struct extent *extent)
{
	struct lab *lab = ctx;
	size_t used = strlen(lab->text);
	char letter = extent->kind == EXTENT_FREE ? '.' : '?';

	if (extent->kind != EXTENT_LIVE && extent->kind != EXTENT_FREE)
		return true;
	for (int i = 0; i < lab->names; i++)
		if (lab->named[i] == extent->start)
			letter = (char)('a' + i);
	snprintf(lab->text + used, sizeof lab->text - used, "%c %zu|", letter,
	         extent->bytes);
	return true;
}

const char *lab_heap_string(struct lab *lab)
{
	strcpy(lab->text, "|");
	lab->allocator->walk(lab->heap, print_block, lab);
	return lab->text;
}

struct heap_stats lab_stats(struct lab *lab)
{
	struct heap_stats stats;

	lab->allocator->stats(lab->heap, &stats);
	return stats;
}

void lab_expect_misuse(void (*act)(void *ctx), void *ctx, const char *sentence)
{
	char text[2048];
	size_t used = 0;
	int ends[2], status;

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		act(ctx);
		_exit(0);
	}
	close(ends[1]);
	ssize_t got;
	while (used < sizeof text - 1 &&
	       (got = read(ends[0], text + used, sizeof text - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("not stopped (status %x), stderr: %s", status, text);
	if (strstr(text, sentence) == NULL)
		fail_msg("stopped with \"%s\", not with \"%s\"", text,
		         sentence);
}
