/*
 * test_workloads.c - the specs in workloads/: they are what their comments and
 * workloads/README.md say.
 */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generated.h"
#include "harness/generate/generate.h"
#include "theory.h"

static void expect_near(double found, double wanted, double tolerance)
{
	if (fabs(found - wanted) > tolerance)
		fail_msg("%g instead of %g, +- %g", found, wanted, tolerance);
}

/* --- Knuth's sizes ------------------------------------------------------ */

struct share {
	uint64_t size;
	double share;
};

/* Exactly these sizes, each with its share of the allocations. */
static void expect_sizes(const char *name, const struct share *shares,
                         size_t count, double tolerance)
{
	struct generated *made = generate_named(name);
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		size_t n = 0;
		for (size_t j = 0; j < made->count; j++)
			n += made->blocks[j].size == shares[i].size;
		found += n;
		expect_near((double)n / (double)made->count, shares[i].share,
		            tolerance);
	}
	assert_int_equal(found, made->count);
	assert_int_equal(made->trace.slots, 1000);
	generated_free(made);
}

static void knuth_s1_is_uniform(void **state)
{
	struct generated *made = generate_named("knuth-s1");
	bool seen[2001] = {false};
	double sum = 0;

	(void)state;
	for (size_t i = 0; i < made->count; i++) {
		assert_in_range(made->blocks[i].size, 100, 2000);
		seen[made->blocks[i].size] = true;
		sum += (double)made->blocks[i].size;
	}
	for (int size = 100; size <= 2000; size++)
		assert_true(seen[size]);
	expect_near(sum / (double)made->count, 1050, 9);
	generated_free(made);
}

static void knuth_s2_is_powers_of_two(void **state)
{
	static const struct share s2[] = {{1, 1. / 2},   {2, 1. / 4},
	                                  {4, 1. / 8},   {8, 1. / 16},
	                                  {16, 1. / 32}, {32, 1. / 32}};
	struct share units[6];

	(void)state;
	expect_sizes("knuth-s2", s2, 6, .008);
	for (int i = 0; i < 6; i++)
		units[i] = (struct share){s2[i].size * 64 - 16, s2[i].share};
	expect_sizes("knuth-s2-units", units, 6, .008);
}

static void knuth_s3_is_22_sizes(void **state)
{
	static const uint64_t sizes[] = {
		10, 12, 14,  16,  18,  20,  30,  40,   50,   60,   70,
		80, 90, 100, 150, 200, 250, 500, 1000, 2000, 3000, 4000};
	struct share s3[22];

	(void)state;
	for (int i = 0; i < 22; i++)
		s3[i] = (struct share){sizes[i], 1. / 22};
	expect_sizes("knuth-s3", s3, 22, .0035);
}

/* After the first 1000 every allocation follows one free. */
static void knuth_replaces_one_by_one(void **state)
{
	struct generated *made = generate_named("knuth-s1");
	const struct trace_op *ops = made->trace.ops + 1; /* phase */

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(ops[i].kind, TRACE_MALLOC);
	for (uint64_t i = 1000; i < 199000; i += 2) {
		assert_int_equal(ops[i].kind, TRACE_FREE);
		assert_int_equal(ops[i + 1].kind, TRACE_MALLOC);
	}
	generated_free(made);
}

/* --- the fleet ---------------------------------------------------------- */

enum { ROWS = 14 };

static const uint64_t row_size[ROWS] = {8,   16,  24,  32,   48,   64,   96,
                                        128, 256, 512, 1024, 4096, 8192, 65536};

static unsigned row_of(uint64_t size)
{
	unsigned i = 0;

	while (i < ROWS && size > row_size[i])
		i++;
	return i;
}

static void accumulate(double *count, double total)
{
	for (unsigned i = 0; i < ROWS; i++)
		count[i] = (i == 0 ? 0 : count[i - 1]) + count[i] / total;
}

/* The published cumulative shares of allocations, of all groups together. */
static void fleet_allocates_the_published_sizes(void **state)
{
	static const double wanted[ROWS] = {.042, .113, .205, .344, .530,
	                                    .649, .744, .804, .882, .928,
	                                    .953, .985, .995, .999};
	struct generated *made = generate_named("fleet");
	double count[ROWS + 1] = {0};

	(void)state;
	for (size_t i = 0; i < made->count; i++)
		count[row_of(made->blocks[i].size)]++;
	accumulate(count, (double)made->count);
	for (unsigned i = 0; i < ROWS; i++)
		expect_near(count[i], wanted[i], .006);
	generated_free(made);
}

/* The published shares of live objects, over time, as Little's law has them. */
static void fleet_keeps_the_published_objects(void **state)
{
	static const double wanted[ROWS] = {.019, .075, .202, .338, .489,
	                                    .614, .758, .813, .888, .931,
	                                    .948, .984, .995, 1};
	struct generated *made = generate_named("fleet");
	double lived[ROWS + 1] = {0}, total = 0;

	(void)state;
	for (size_t i = 0; i < made->count; i++) {
		const struct generated_block *block = &made->blocks[i];
		uint64_t death = block->death < made->operations
		                         ? block->death
		                         : made->operations;
		double age = (double)(death - block->birth);
		lived[row_of(block->size)] += age;
		total += age;
	}
	accumulate(lived, total);
	for (unsigned i = 0; i < ROWS; i++)
		expect_near(lived[i], wanted[i], .02);
	expect_near((double)made->trace.peak_live_bytes, 8e6, 1e6);
	generated_free(made);
}

/* --- adversaries against real allocators -------------------------------- */

static struct theory theory;

/* Replays a trace of units of 64 bytes with 16 of header; the highest end. */
static size_t units_used(const char *allocator, const struct trace *trace,
                         uint64_t header)
{
	theory_open(&theory, allocator, 64);
	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		if (op->kind == TRACE_MALLOC)
			theory_alloc(&theory, op->slot,
			             (op->size + header) / 64);
		else
			theory_free(&theory, op->slot);
	}
	size_t high = theory.high;
	theory_close(&theory);
	return high;
}

static void robson_takes_what_theory_says(void **state)
{
	static const char *const allocators[] = {"first-fit", "best-fit",
	                                         "next-fit", "buddy"};
	struct generated *made = generate_named("robson");

	(void)state;
	assert_int_equal(made->trace.peak_live_bytes, 4096 * 63);
	for (int i = 0; i < 4; i++)
		assert_int_equal(units_used(allocators[i], &made->trace, 16),
		                 4096 * (1 + 6 / 2));
	generated_free(made);
}

static void next_fit_walks_away(void **state)
{
	struct generated *made = generate_named("next-fit-worst");

	(void)state;
	assert_int_equal(units_used("first-fit", &made->trace, 16), 63 + 2000);
	assert_int_equal(units_used("best-fit", &made->trace, 16), 63 + 2000);
	assert_int_equal(units_used("next-fit:wilderness=listed,growth=8M",
	                            &made->trace, 16),
	                 64 * 2000);
	generated_free(made);
}

static void buddy_has_its_bad_case(void **state)
{
	struct generated *made = generate_named("buddy-worst");

	(void)state;
	assert_int_equal(made->trace.peak_live_bytes, 2048 * 64);
	assert_int_equal(units_used("buddy", &made->trace, 0),
	                 2048 * (1 + 10 / 2));
	generated_free(made);
}

/* --- all ---------------------------------------------------------------- */

/* The table of workloads/README.md is what `alloclab gen` prints now. */
static void readme_tells_the_truth(const char *name, const char *readme)
{
	struct generated *made = generate_named(name);
	const char *kind;
	char row[1024], path[512], shows[256];
	struct trace_error error;

	snprintf(path, sizeof path, "workloads/%s.ini", name);
	assert_true(
		generate_describe(path, shows, sizeof shows, &kind, &error));
	snprintf(row, sizeof row, "| %s | %s | %s | %llu | %u | %llu |\n", name,
	         kind, shows, (unsigned long long)made->trace.events,
	         made->trace.slots,
	         (unsigned long long)made->trace.peak_live_bytes);
	if (strstr(readme, row) == NULL)
		fail_msg("workloads/README.md lacks the row\n%s", row);
	generated_free(made);
}

static void every_spec_is_listed(void **state)
{
	static char readme[65536];
	FILE *file = fopen("workloads/README.md", "r");
	DIR *folder = opendir("workloads");
	const struct dirent *entry;
	int specs = 0;

	(void)state;
	assert_non_null(file);
	assert_non_null(folder);
	readme[fread(readme, 1, sizeof readme - 1, file)] = '\0';
	fclose(file);
	while ((entry = readdir(folder)) != NULL) {
		char name[sizeof entry->d_name];
		if (!path_is_spec(entry->d_name))
			continue;
		snprintf(name, sizeof name, "%s", entry->d_name);
		*strrchr(name, '.') = '\0';
		readme_tells_the_truth(name, readme);
		specs++;
	}
	closedir(folder);
	assert_in_range(specs, 12, 100);
}

/* Short enough to read: three phases, some sixty events. */
static void tiny_is_tiny(void **state)
{
	struct generated *made = generate_named("tiny");

	(void)state;
	assert_in_range(made->trace.events, 30, 60);
	assert_int_equal(made->trace.phase_count, 3);
	generated_free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knuth_s1_is_uniform),
		cmocka_unit_test(knuth_s2_is_powers_of_two),
		cmocka_unit_test(knuth_s3_is_22_sizes),
		cmocka_unit_test(knuth_replaces_one_by_one),
		cmocka_unit_test(fleet_allocates_the_published_sizes),
		cmocka_unit_test(fleet_keeps_the_published_objects),
		cmocka_unit_test(robson_takes_what_theory_says),
		cmocka_unit_test(next_fit_walks_away),
		cmocka_unit_test(buddy_has_its_bad_case),
		cmocka_unit_test(tiny_is_tiny),
		cmocka_unit_test(every_spec_is_listed),
	};
	return cmocka_run_group_tests_name("workloads", tests, NULL, NULL);
}
