/*
 * spec_check.c - settings that contradict each other, each with its sentence.
 */
#include "spec_check.h"

#include <stdlib.h>
#include <string.h>

#include "../../allocators/common/bits.h"
#include "crew.h"
#include "spec_keys.h"

/* A group being checked. */
struct check {
	struct spec *spec;
	const struct phase *phase;
	struct group *group;
	struct trace_error *error;
};

#define FAIL(check, ...)                                                       \
	spec_file_fail(&(check)->spec->file, (check)->group->heading,          \
	               (check)->error, __VA_ARGS__)

/* --- groups ------------------------------------------------------------- */

static bool check_burst(const struct check *check)
{
	const struct settings *it = &check->group->settings;

	if (it->burst.kind == DISTRIBUTION_NONE)
		return true;
	if (it->lifetime.kind != DISTRIBUTION_NONE || it->live.is_given ||
	    it->live_bytes.is_given)
		return FAIL(check,
		            "a burst is freed when it is complete: it "
		            "goes with neither lifetime nor live nor "
		            "live_bytes (= none drops an inherited one)");
	if (it->grow_share > 0)
		return FAIL(check, "burst and grow_share do not go together");
	return true;
}

static bool check_align(const struct check *check)
{
	const struct settings *it = &check->group->settings;
	const struct distribution *align = &it->align;

	if (it->calloc_share + it->aligned_share > 1)
		return FAIL(check, "calloc_share and aligned_share add up to "
		                   "more than 1");
	if (align->kind != DISTRIBUTION_CONSTANT &&
	    align->kind != DISTRIBUTION_DISCRETE)
		return FAIL(check, "align is a number or discrete");
	bool good = is_power_of_two(align->min);
	for (unsigned i = 0; i < align->table.rows; i++)
		good = good && is_power_of_two(align->table.row[i].value);
	return good || FAIL(check, "alignments are powers of two");
}

static bool check_growth(const struct check *check)
{
	const struct settings *it = &check->group->settings;

	if (it->grow_share > 0 && it->grow_factor <= 1 && it->grow_step == 0)
		return FAIL(check, "with grow_factor = 1 and grow_step = 0 no "
		                   "block grows");
	return true;
}

static bool check_threads(const struct check *check)
{
	const struct settings *it = &check->group->settings;
	int64_t threads = (int64_t)check->phase->settings.threads;

	if (it->thread >= threads || it->free_thread >= threads)
		return FAIL(
			check,
			"thread %lld is not there: threads = %lld, numbered "
			"from 0",
			(long long)(it->thread >= threads ? it->thread
		                                          : it->free_thread),
			(long long)threads);
	if (it->remote_share > 0 && threads == 1)
		return FAIL(check, "remote_share needs threads = 2 or more");
	return true;
}

/*
 * Little's law: live share = allocation share * lifetime / mean lifetime, for
 * each row of the size table.  So the lifetimes of a row are those that are
 * drawn times live share / allocation share; their mean over all stays.
 */
static bool derive_lifetime_factors(const struct check *check)
{
	struct group *group = check->group;
	const struct table *live = &group->settings.live_objects;
	const struct table *made = &group->settings.size.table;
	double live_before = 0, made_before = 0;

	for (unsigned i = 0; i < live->rows; i++) {
		double live_share = live->row[i].share - live_before;
		double made_share = made->row[i].share - made_before;
		if (made_share <= 0 && live_share > 0)
			return FAIL(check,
			            "live_objects has blocks of up to %llu "
			            "bytes, which size never makes",
			            (unsigned long long)live->row[i].value);
		group->lifetime_factor[i] =
			made_share > 0 ? live_share / made_share : 0;
		live_before = live->row[i].share;
		made_before = made->row[i].share;
	}
	return true;
}

static bool check_live_objects(const struct check *check)
{
	const struct settings *it = &check->group->settings;
	const struct table *live = &it->live_objects;

	if (live->rows == 0)
		return true;
	if (it->size.kind != DISTRIBUTION_EMPIRICAL ||
	    it->lifetime.kind == DISTRIBUTION_NONE)
		return FAIL(check, "live_objects needs size = empirical and a "
		                   "lifetime");
	bool same = live->rows == it->size.table.rows;
	for (unsigned i = 0; same && i < live->rows; i++)
		same = live->row[i].value == it->size.table.row[i].value;
	if (!same)
		return FAIL(check, "live_objects and size must have rows of "
		                   "the same values");
	return derive_lifetime_factors(check);
}

static bool check_group(const struct check *check)
{
	const struct settings *it = &check->group->settings;

	if (it->size.kind == DISTRIBUTION_NONE)
		return FAIL(check, "[%s] has no size",
		            check->group->heading->value);
	if (it->correlation < 0 || it->correlation > 0) {
		if (it->lifetime.kind == DISTRIBUTION_NONE)
			return FAIL(check, "correlation needs a lifetime");
	}
	return check_burst(check) && check_align(check) &&
	       check_growth(check) && check_threads(check) &&
	       check_live_objects(check);
}

/* --- pools -------------------------------------------------------------- */

/* "group x" -> "x"; the group that a phase is itself is "main". */
static const char *pool_name(const struct group *group)
{
	if (group->settings.pool != NULL)
		return group->settings.pool;
	if (strncmp(group->heading->value, "group ", 6) == 0)
		return group->heading->value + 6;
	return "main";
}

static bool find_pool(struct spec *spec, struct group *group)
{
	const char *name = pool_name(group);
	uint32_t i = 0;

	while (i < spec->pool_count && strcmp(spec->pools[i], name) != 0)
		i++;
	group->pool = i;
	if (i < spec->pool_count)
		return true;
	const char **pools = realloc(spec->pools, (i + 1) * sizeof *pools);
	if (pools == NULL)
		return false;
	spec->pools = pools;
	spec->pools[spec->pool_count++] = name;
	return true;
}

/* --- phases, the whole -------------------------------------------------- */

static bool check_phase(struct spec *spec, const struct phase *phase,
                        struct trace_error *error)
{
	struct check check = {spec, phase, NULL, error};
	double shares = 0;

	if (phase->settings.operations == 0)
		return spec_file_fail(&spec->file, phase->heading, error,
		                      "[%s] has no operations",
		                      phase->heading->value);
	for (uint32_t i = 0; i < phase->groups; i++) {
		check.group = &spec->groups[phase->first_group + i];
		shares += check.group->settings.share;
		if (!check_group(&check))
			return false;
		if (!find_pool(spec, check.group))
			return trace_fail(error, "no memory");
	}
	return shares > 0 || spec_file_fail(&spec->file, phase->heading, error,
	                                    "the shares of the groups of [%s] "
	                                    "add up to 0",
	                                    phase->heading->value);
}

static bool check_adversary(const struct spec *spec, struct trace_error *error)
{
	const struct settings *it = &spec->workload;
	const struct spec_line *heading = &spec->file.lines[0];

	if (it->header_bytes >= it->unit_bytes)
		return spec_file_fail(&spec->file, heading, error,
		                      "header_bytes must be below unit_bytes");
	if (it->kind == KIND_ROBSON && it->units >> it->largest_log2 == 0)
		return spec_file_fail(
			&spec->file, heading, error,
			"a block of 2^%u units is larger than all "
			"%u units",
			(unsigned)it->largest_log2, (unsigned)it->units);
	return true;
}

static bool check_crew(const struct spec *spec, struct trace_error *error)
{
	const struct settings *it = &spec->workload;
	const struct spec_line *heading = &spec->file.lines[0];
	const char *kind = spec_kind_name((enum spec_kind)it->kind);
	bool passes_on =
		it->kind == KIND_RING || it->kind == KIND_FALSE_SHARING;

	if (it->size.kind == DISTRIBUTION_NONE)
		return spec_file_fail(&spec->file, heading, error,
		                      "kind = %s needs a size", kind);
	if (it->operations == 0 && !passes_on)
		return spec_file_fail(&spec->file, heading, error,
		                      "kind = %s needs operations", kind);
	if (it->threads < 2 && passes_on)
		return spec_file_fail(&spec->file, heading, error,
		                      "kind = %s needs threads = 2 or more",
		                      kind);
	if (it->kind == KIND_THREAD_CHURN && it->operations < it->in_flight)
		return spec_file_fail(&spec->file, heading, error,
		                      "a thread that makes %llu blocks cannot "
		                      "leave in_flight = %llu behind",
		                      (unsigned long long)it->operations,
		                      (unsigned long long)it->in_flight);
	return true;
}

/* Refuses keys and sections that this kind of workload does not know. */
static bool check_kind(const struct spec *spec, struct trace_error *error)
{
	enum spec_kind kind = (enum spec_kind)spec->workload.kind;

	for (size_t i = 0; i < spec->file.count; i++) {
		const struct spec_line *line = &spec->file.lines[i];
		bool known = line->is_heading
		                     ? i == 0 || kind == KIND_PHASES
		                     : (spec_key_find(line->key)->kinds &
		                        1u << kind) != 0;
		if (!known)
			return spec_file_fail(
				&spec->file, line, error, "kind = %s has no %s",
				spec_kind_name(kind),
				line->is_heading ? "sections but [workload]"
						 : line->key);
	}
	return true;
}

bool spec_check(struct spec *spec, struct trace_error *error)
{
	if (!check_kind(spec, error))
		return false;
	if (crew_knows((enum spec_kind)spec->workload.kind))
		return check_crew(spec, error);
	if (spec->workload.kind != KIND_PHASES)
		return check_adversary(spec, error);
	if (spec->phase_count == 0)
		return spec_file_fail(&spec->file, &spec->file.lines[0], error,
		                      "the spec has no [phase NAME]");
	for (uint32_t i = 0; i < spec->phase_count; i++)
		if (!check_phase(spec, &spec->phases[i], error))
			return false;
	return true;
}
