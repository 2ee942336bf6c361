/*
 * test_theory_threads.c - allocators with more than one owner of memory against
 * numbers that were known before: E12 blow-up, E13 stranding, E14 false sharing.
 *
 * All on one OS thread, with a handle for each logical thread, in recorded
 * order: the same figures in every run, exact where an equality is asserted.
 * "private-heaps" (private_heaps.h) is what the theory talks about; the
 * allocators of the registry are held to the bound that their design has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocators/registry.h"
#include "replayed.h"

/* K blocks of s bytes in flight, R times; a ring of P threads. */
enum {
	S = 64,
	K = 1024,
	R = 16,
	P = 8,
	LIMIT = 64, /* of private heaps with back=bounded */
};

static size_t grown(struct replayed_figures it)
{
	return it.peak_bytes - it.empty_bytes;
}

/* One producer, one consumer, R * K blocks, K in flight. */
static struct replayed_figures flow(const char *allocator)
{
	return replayed_workload(allocator, "producer-consumer", "size=64",
	                         "live=1024", "operations=16384", NULL);
}

/* One load of K blocks, R times round P threads. */
static struct replayed_figures ring(const char *allocator)
{
	return replayed_workload(allocator, "ring", "size=64", "in_flight=1024",
	                         "threads=8", "rounds=16", NULL);
}

/* a / b is `wanted`, within a share of it. */
static void expect_share(const char *allocator, size_t a, size_t b,
                         double wanted, double tolerance)
{
	double found = (double)a / (double)b;

	if (found < wanted * (1 - tolerance) ||
	    found > wanted * (1 + tolerance))
		fail_msg("%s: %.3f, not within %g %% of %g", allocator, found,
		         100 * tolerance, wanted);
}

/* --- E12: blow-up ------------------------------------------------------- */

static void the_workloads_hold_k_blocks(void **state)
{
	(void)state;
	assert_int_equal(flow("bump").live_bytes, K * S);
	assert_int_equal(ring("bump").live_bytes, K * S);
}

/*
 * [Berger00, 2]: without return the producer never sees its memory again, and
 * the consumer never needs it; with return each of the ring's threads holds on
 * to what came home; a bound on what a thread keeps bounds the loss.
 */
static void private_heaps_blow_up_as_derived(void **state)
{
	(void)state;
	assert_int_equal(grown(flow("private-heaps:back=freer")), R * K * S);
	assert_int_equal(grown(flow("private-heaps:back=owner")), K * S);
	assert_int_equal(grown(flow("private-heaps:back=bounded")),
	                 (K + LIMIT) * S);
	assert_int_equal(grown(ring("private-heaps:back=freer")), K * S);
	assert_int_equal(grown(ring("private-heaps:back=owner")), P * K * S);
	assert_int_equal(grown(ring("private-heaps:back=bounded")), K * S);
}

/* All that one thread leaves to another is in flight: a heap for all, exactly. */
static void require_blind(const char *allocator, const char *workload)
{
	const char *no_sets[] = {NULL};
	struct trace trace;

	replayed_generate(workload, no_sets, &trace);
	size_t many = replayed_trace(allocator, &trace).peak_bytes;
	replayed_on_one_thread(&trace);
	size_t one = replayed_trace(allocator, &trace).peak_bytes;
	trace_destroy(&trace);
	if (many != one)
		fail_msg("%s, %s: %zu bytes on many threads, %zu on one",
		         allocator, workload, many, one);
}

static bool is_shared_heap(const struct allocator *allocator)
{
	return !allocator->has_locks && !allocator->ignores_page_source &&
	       strcmp(allocator->name, "pool") != 0; /* of one size */
}

/* U: what the program uses, whoever does it. */
static void a_heap_for_all_does_not_see_threads(void **state)
{
	static const char *const workloads[] = {"ring", "thread-churn",
	                                        "stranding"};

	(void)state;
	for (size_t i = 0; allocator_registry[i] != NULL; i++)
		for (size_t j = 0; j < 3; j++)
			if (is_shared_heap(allocator_registry[i]))
				require_blind(allocator_registry[i]->name,
				              workloads[j]);
}

/* --- designs with many owners ------------------------------------------- */

/*
 * What the designs of the registry come to, as multiples of what the same
 * program takes of them in one thread.  In the ring P threads own memory in
 * turn; stranding lets two.
 */
struct design {
	const char *allocator;
	unsigned ring; /* 0: see bounded_caches_bound_the_loss */
	unsigned strand;
};

static const struct design designs[] = {
	/* Arenas: what is freed goes home and stays there ... */
	{"ptmalloc:trim_threshold=1G,top_pad=0", P, 2},
	/* ... or goes back to the system from the top of an arena. */
	{"ptmalloc", 1, 1},
	{"ptmalloc:arenas=1", 1, 1},
	/* Arenas that give back whole chunks, all but one, but not half ones. */
	{"jemalloc", P, 1},
	{"jemalloc:cache_slots=0", P, 1},
	{"jemalloc:arenas=1", 1, 1},
	/* Pages for everybody, and no thread keeps anything. */
	{"tcmalloc:thread_cache=0", 1, 1},
	/* Caches. */
	{"tcmalloc", 0, 1},
};
enum { DESIGNS = sizeof designs / sizeof *designs };

/* 256 bytes: a class of its own everywhere, and too large for fast bins. */
#define RING_SETS "size=256", "in_flight=4096", "threads=8"
#define FLOW_SETS "size=256", "live=4096"

/* The same program, done by one thread. */
static size_t alone(const char *allocator, const char *workload,
                    const char *const *sets)
{
	struct trace trace;

	replayed_generate(workload, sets, &trace);
	replayed_on_one_thread(&trace);
	size_t bytes = grown(replayed_trace(allocator, &trace));
	trace_destroy(&trace);
	return bytes;
}

static bool is_design_of(const struct design *design, const char *name)
{
	size_t bytes = strlen(name);

	return strncmp(design->allocator, name, bytes) == 0 &&
	       (design->allocator[bytes] == ':' ||
	        design->allocator[bytes] == '\0');
}

static bool has_owners(const struct allocator *allocator)
{
	return allocator->has_locks && !allocator->ignores_page_source;
}

/* A new design without its numbers here is a failure, not a silence. */
static void every_design_has_its_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; allocator_registry[i] != NULL; i++) {
		const char *name = allocator_registry[i]->name;
		bool has_numbers = !has_owners(allocator_registry[i]);
		for (size_t j = 0; j < DESIGNS && !has_numbers; j++)
			has_numbers = is_design_of(&designs[j], name);
		if (!has_numbers)
			fail_msg("%s has no numbers in designs[]", name);
	}
}

/* E12: four times the rounds, not a byte more: nobody loses memory for ever. */
static void rounds_do_not_matter(void **state)
{
	(void)state;
	for (size_t i = 0; i < DESIGNS; i++) {
		const char *it = designs[i].allocator;
		assert_int_equal(
			replayed_workload(it, "producer-consumer", FLOW_SETS,
		                          "operations=32768", NULL)
				.peak_bytes,
			replayed_workload(it, "producer-consumer", FLOW_SETS,
		                          "operations=131072", NULL)
				.peak_bytes);
		assert_int_equal(replayed_workload(it, "ring", RING_SETS,
		                                   "rounds=2", NULL)
		                         .peak_bytes,
		                 replayed_workload(it, "ring", RING_SETS,
		                                   "rounds=8", NULL)
		                         .peak_bytes);
	}
}

/* E12: P K s where memory stays with its owner, K s where it does not. */
static void owners_hold_what_came_home(void **state)
{
	/*
	 * 1 MB, so that it stays below what an arena of jemalloc may keep dirty,
	 * a chunk; then the 128 KB that ptmalloc asks for ahead are an eighth.
	 */
	static const char *const sets[] = {RING_SETS, "rounds=2", NULL};

	(void)state;
	for (size_t i = 0; i < DESIGNS; i++) {
		const char *it = designs[i].allocator;
		if (designs[i].ring == 0)
			continue;
		struct replayed_figures many = replayed_workload(
			it, "ring", sets[0], sets[1], sets[2], sets[3], NULL);
		expect_share(it, grown(many), alone(it, "ring", sets),
		             designs[i].ring, .125);
	}
}

/*
 * E12: at most U + P c for caches of c bytes, and what the page heap asks for at
 * a time.
 */
static void bounded_caches_bound_the_loss(void **state)
{
	static const struct {
		const char *allocator;
		size_t cache_bytes;
	} cases[] = {
		{"tcmalloc", 2 << 20},
		{"tcmalloc:thread_cache=512K", 512 << 10},
		{"tcmalloc:thread_cache=64K", 64 << 10},
	};
	enum { USED = 4096 * 256, GROWTH = 1 << 20 };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct replayed_figures ring =
			replayed_workload(cases[i].allocator, "ring", RING_SETS,
		                          "rounds=4", NULL);
		struct replayed_figures flow = replayed_workload(
			cases[i].allocator, "producer-consumer", FLOW_SETS,
			"operations=65536", NULL);
		assert_in_range(grown(ring), USED,
		                USED + P * cases[i].cache_bytes + GROWTH);
		assert_in_range(grown(flow), USED,
		                USED + 2 * cases[i].cache_bytes + GROWTH);
	}
}

/* --- E13: stranding ----------------------------------------------------- */

/* 300 MB by one thread, then by the other: arenas twice that, others once. */
static void free_pages_are_everybodys_or_strand(void **state)
{
	static const char *const sets[] = {"size=1000", "operations=300000",
	                                   NULL};

	(void)state;
	for (size_t i = 0; i < DESIGNS; i++) {
		const char *it = designs[i].allocator;
		struct replayed_figures both = replayed_workload(
			it, "stranding", sets[0], sets[1], NULL);
		expect_share(it, grown(both), alone(it, "stranding", sets),
		             designs[i].strand, .05);
	}
}

/*
 * 32 MiB in blocks of 64 bytes, by one thread, then by the other.  Ten times as
 * much changes no ratio: nothing here depends on the amount but the share of the
 * fixed costs, which shrinks.
 */
enum { STRANDED = 1 << 19 };

static struct replayed_figures strand(const char *allocator)
{
	return replayed_workload(allocator, "stranding", "size=64",
	                         "operations=524288", NULL);
}

static void private_heaps_strand(void **state)
{
	(void)state;
	assert_int_equal(grown(strand("private-heaps:back=freer")),
	                 2 * STRANDED * S);
	assert_int_equal(grown(strand("private-heaps:back=owner")),
	                 2 * STRANDED * S);
	assert_int_equal(grown(strand("private-heaps:back=bounded")),
	                 (STRANDED + LIMIT) * S);
}

/* --- E14: false sharing ------------------------------------------------- */

/* Four threads, 250 blocks of 8 bytes each. */
static void lines_of_two_threads_are_counted(void **state)
{
	static const struct {
		const char *allocator;
		uint64_t active, passive;
	} cases[] = {
		/* 1000 blocks of 32 bytes, two to a line, neighbours differ */
		{"first-fit", 500, 500},
		{"best-fit", 500, 500},
		{"buddy", 500, 500},
		/* of 16, the first of a slab not at a line's start */
		{"slab", 251, 251},
		/* of 8, a page and more for each thread */
		{"private-heaps:back=owner", 0, 0},
		/* ... but what thread 0 made stays with those who freed it */
		{"private-heaps:back=freer", 0, 125},
		/* ... or goes, from a list for all, to whoever asks next */
		{"private-heaps:back=bounded,limit=0", 0, 125},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct replayed_figures active = replayed_workload(
			cases[i].allocator, "false-sharing-active", "rounds=1",
			NULL);
		struct replayed_figures passive = replayed_workload(
			cases[i].allocator, "false-sharing-passive", "rounds=1",
			NULL);
		if (active.shared_lines != cases[i].active ||
		    passive.shared_lines != cases[i].passive)
			fail_msg("%s: %llu lines shared actively, %llu "
			         "passively, not %llu and %llu",
			         cases[i].allocator,
			         (unsigned long long)active.shared_lines,
			         (unsigned long long)passive.shared_lines,
			         (unsigned long long)cases[i].active,
			         (unsigned long long)cases[i].passive);
	}
}

/* Which of the lines of those 1000 blocks are shared: none, some, all. */
enum shared { NONE, SOME, ALL };

static void expect_shared(const char *allocator, const char *workload,
                          enum shared wanted)
{
	struct replayed_figures it =
		replayed_workload(allocator, workload, "rounds=1", NULL);
	enum shared found = it.shared_lines == 0              ? NONE
	                    : it.shared_lines + 2 >= it.lines ? ALL
	                                                      : SOME;

	if (found != wanted)
		fail_msg("%s, %s: %llu of %llu lines shared", allocator,
		         workload, (unsigned long long)it.shared_lines,
		         (unsigned long long)it.lines);
}

/*
 * Arenas keep threads apart when they allocate; so do caches that are filled by
 * the line or more, but batches that grow from one object tear lines apart.  What
 * another thread made and freed, a cache uses again: only where a block goes home
 * does passive sharing end.
 */
static void designs_share_lines_as_derived(void **state)
{
	static const struct {
		const char *allocator;
		enum shared active, passive;
	} cases[] = {
		{"ptmalloc:tcache=0", NONE, NONE},
		{"ptmalloc", NONE, ALL}, /* seven blocks of each thread */
		{"ptmalloc:arenas=1,tcache=0", ALL, ALL},
		{"jemalloc:cache_slots=0", NONE, NONE},
		{"jemalloc", NONE, ALL},
		{"tcmalloc:thread_cache=0", ALL, ALL},
		{"tcmalloc", SOME, ALL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		expect_shared(cases[i].allocator, "false-sharing-active",
		              cases[i].active);
		expect_shared(cases[i].allocator, "false-sharing-passive",
		              cases[i].passive);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_workloads_hold_k_blocks),
		cmocka_unit_test(private_heaps_blow_up_as_derived),
		cmocka_unit_test(a_heap_for_all_does_not_see_threads),
		cmocka_unit_test(every_design_has_its_numbers),
		cmocka_unit_test(rounds_do_not_matter),
		cmocka_unit_test(owners_hold_what_came_home),
		cmocka_unit_test(bounded_caches_bound_the_loss),
		cmocka_unit_test(private_heaps_strand),
		cmocka_unit_test(free_pages_are_everybodys_or_strand),
		cmocka_unit_test(lines_of_two_threads_are_counted),
		cmocka_unit_test(designs_share_lines_as_derived),
	};
	return cmocka_run_group_tests_name("theory of threads", tests, NULL,
	                                   NULL);
}
