/*
 * phases.c - plays a program that goes through phases.
 *
 * Idea.  Time is counted in *operations*: each allocates one block or grows one.
 * At an operation, first the blocks whose lifetime is over die.  Then one of the
 * phase's groups, drawn by share, acts: it adds a block to its burst, or grows a
 * block, or makes room below its bound on what is live and allocates.
 *
 *     operation 41   free(due at 41)  free(due at 41)
 *                    draw a group: "session"
 *                    pool full: free(random one of the pool)
 *                    malloc(quantile of size), due at 41 + lifetime
 *
 * So with lifetimes the live blocks settle at the mean lifetime (one birth an
 * operation: Little's law), and with a bound they fill up to it and stay.
 *
 * Words.
 *     pool    the blocks among which death chooses; groups of one name, in
 *             whatever phase, share a pool
 *     burst   blocks allocated one after the other by one thread and freed
 *             together once there are enough: a call tree, a request
 *     due     the operation before which a block dies
 *
 * Cost.     O(1) an operation, O(log live) with lifetimes.
 * Threads.  None; the threads of the trace are made up.
 * Sources.  [Little61] for live = rate * lifetime; [Knuth97, 3.4.2] for the
 *           choice of survivors; [Wilson95, 2.4] for ramps, peaks, plateaus.
 */
#include "phases.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "../../allocators/common/bits.h"
#include "exact_math.h"

/* A burst under way. */
struct burst {
	uint64_t wanted; /* blocks when complete; 0: not begun */
	uint64_t count, capacity;
	uint32_t *blocks; /* the oldest first */
	uint32_t thread;
};

/* A phase being played. */
struct player {
	struct program *program;
	const struct phase *phase;
	const struct group *groups; /* of the phase                     */
	double *shares;             /* cumulative, of the groups        */
	struct burst **bursts;      /* bursts_open for each group       */
	double progress;            /* of the phase: 0 at first, 1 last */
};

/* --- threads ------------------------------------------------------------ */

static uint32_t draw_thread(struct program *program,
                            const struct settings *settings)
{
	if (settings->thread != THREAD_ANY)
		return (uint32_t)settings->thread;
	if (program->threads == 1)
		return 0;
	return (uint32_t)random_below(&program->choices, program->threads);
}

/* A thread that is not `owner`: the one the spec names, or any. */
static uint32_t draw_other_thread(struct program *program,
                                  const struct settings *settings,
                                  uint32_t owner)
{
	if (settings->free_thread != THREAD_ANY)
		return program_thread_or_first(program,
		                               (uint32_t)settings->free_thread);
	uint32_t other =
		(uint32_t)random_below(&program->choices, program->threads - 1);
	return other < owner ? other : other + 1;
}

/* Frees a block as the group that made it says. */
static void kill_block(struct program *program, uint32_t number)
{
	const struct live_block *block = &program->live.blocks[number];
	const struct settings *settings =
		&program->spec->groups[block->tag].settings;
	uint32_t thread = program_thread_or_first(program, block->thread);

	if (settings->remote_share > 0 && program->threads > 1 &&
	    random_unit(&program->choices) < settings->remote_share)
		thread = draw_other_thread(program, settings, thread);
	program_release(program, number, thread);
}

/* --- births ------------------------------------------------------------- */

static uint32_t group_index(const struct player *player,
                            const struct group *group)
{
	return (uint32_t)(group - player->program->spec->groups);
}

/* Chooses between malloc, calloc and aligned allocation. */
static void draw_kind(struct program *program, const struct settings *settings,
                      struct birth *birth)
{
	double aligned = settings->aligned_share;
	double cleared = settings->calloc_share;

	birth->kind = TRACE_MALLOC;
	if (aligned + cleared <= 0)
		return;
	double u = random_unit(&program->choices);
	if (u < cleared) {
		birth->kind = TRACE_CALLOC;
	} else if (u < cleared + aligned) {
		birth->kind = TRACE_ALIGNED;
		birth->align_log2 = log2_floor(distribution_quantile(
			&settings->align, random_unit(&program->choices)));
	}
}

/*
 * With rank correlation c the lifetime's u is the size's own in a share |c| of
 * the draws (its mirror image if c < 0), and independent in the others.
 */
static double draw_correlated(struct program *program, double correlation,
                              double size_u)
{
	double u = random_unit(&program->lifetimes);
	double strength = fabs(correlation);

	if (strength <= 0 || random_unit(&program->choices) >= strength)
		return u;
	return correlation > 0 ? size_u : 1 - size_u;
}

static uint64_t draw_lifetime(struct program *program,
                              const struct group *group, uint64_t size,
                              double size_u)
{
	const struct settings *settings = &group->settings;
	double u = draw_correlated(program, settings->correlation, size_u);
	uint64_t lifetime = distribution_quantile(&settings->lifetime, u);

	if (settings->live_objects.rows > 0) {
		unsigned row = table_row_of(&settings->size.table, size);
		double scaled = times_plus((double)lifetime,
		                           group->lifetime_factor[row], .5);
		lifetime = scaled >= 1 ? (uint64_t)scaled : 1;
	}
	return lifetime;
}

/* The bound now, on its way from one end of the phase to the other. */
static uint64_t level_now(const struct level *level, double progress)
{
	if (!level->is_given)
		return UINT64_MAX;
	double way = (double)level->to - (double)level->from;
	return (uint64_t)times_plus(way, progress, (double)level->from + .5);
}

/* Frees until a block of `size` more keeps the pool within its bounds. */
static void make_room(const struct player *player, const struct group *group,
                      uint64_t size)
{
	const struct settings *settings = &group->settings;
	struct program *program = player->program;
	const struct live_pool *pool = &program->live.pools[group->pool];
	uint64_t blocks = level_now(&settings->live, player->progress);
	uint64_t bytes = level_now(&settings->live_bytes, player->progress);

	while (pool->count > 0 && !program->failed &&
	       (pool->count >= blocks || size > bytes ||
	        pool->bytes > bytes - size))
		kill_block(program, live_set_pick(&program->live, group->pool,
		                                  (enum order)settings->death,
		                                  &program->choices));
}

static void allocate(const struct player *player, const struct group *group)
{
	struct program *program = player->program;
	const struct settings *settings = &group->settings;
	double u = random_unit(&program->sizes);
	struct birth birth = {.size = distribution_quantile(&settings->size, u),
	                      .pool = group->pool,
	                      .tag = group_index(player, group)};

	make_room(player, group, birth.size);
	draw_kind(program, settings, &birth);
	birth.thread = draw_thread(program, settings);
	uint32_t block = program_allocate(program, &birth);
	if (block == NO_BLOCK || settings->lifetime.kind == DISTRIBUTION_NONE)
		return;
	uint64_t due =
		program->now + draw_lifetime(program, group, birth.size, u);
	if (!live_set_schedule(&program->live, block, due))
		program_fail_memory(program);
}

/* --- growth ------------------------------------------------------------- */

/* Grows a block of the pool; false if it has none or the chosen one is full. */
static bool grow(const struct player *player, const struct group *group)
{
	struct program *program = player->program;
	const struct settings *settings = &group->settings;
	enum order which =
		settings->grow_which == GROW_NEWEST ? ORDER_LIFO : ORDER_RANDOM;

	if (program->live.pools[group->pool].count == 0)
		return false;
	uint32_t number = live_set_pick(&program->live, group->pool, which,
	                                &program->choices);
	const struct live_block *block = &program->live.blocks[number];
	if (block->size >= settings->grow_to)
		return false;
	double grown =
		ceil(times_plus((double)block->size, settings->grow_factor,
	                        (double)settings->grow_step));
	uint64_t size = grown < (double)settings->grow_to ? (uint64_t)grown
	                                                  : settings->grow_to;
	if (size <= block->size) /* 0 * factor */
		size = block->size + 1;
	program_resize(program, number, size,
	               program_thread_or_first(program, block->thread));
	return true;
}

/* --- bursts ------------------------------------------------------------- */

static void burst_open(struct program *program, const struct group *group,
                       struct burst *burst)
{
	burst->wanted = distribution_quantile(&group->settings.burst,
	                                      random_unit(&program->lifetimes));
	burst->thread = draw_thread(program, &group->settings);
	burst->count = 0;
	if (burst->wanted <= burst->capacity)
		return;
	uint32_t *blocks =
		realloc(burst->blocks, burst->wanted * sizeof *blocks);
	if (blocks == NULL) {
		program_fail_memory(program);
		return;
	}
	burst->blocks = blocks;
	burst->capacity = burst->wanted;
}

/* Frees all its blocks, the newest first unless the spec says otherwise. */
static void burst_close(struct program *program, const struct group *group,
                        struct burst *burst)
{
	uint64_t death = group->settings.death;

	for (uint64_t i = 0; i < burst->count && !program->failed; i++) {
		uint64_t left = burst->count - i, next = left - 1;
		if (death == ORDER_FIFO)
			next = i;
		if (death == ORDER_RANDOM) {
			next = random_below(&program->choices, left);
			uint32_t chosen = burst->blocks[next];
			burst->blocks[next] = burst->blocks[left - 1];
			burst->blocks[left - 1] = chosen;
			next = left - 1;
		}
		kill_block(program, burst->blocks[next]);
	}
	burst->wanted = burst->count = 0;
}

static void burst_step(const struct player *player, const struct group *group,
                       struct burst *bursts)
{
	struct program *program = player->program;
	const struct settings *settings = &group->settings;
	uint64_t open = settings->bursts_open;
	struct burst *burst =
		open == 1 ? bursts
			  : &bursts[random_below(&program->choices, open)];

	if (burst->wanted == 0)
		burst_open(program, group, burst);
	struct birth birth = {.thread = burst->thread,
	                      .pool = program->spec->pool_count,
	                      .tag = group_index(player, group)};
	birth.size = distribution_quantile(&settings->size,
	                                   random_unit(&program->sizes));
	draw_kind(program, settings, &birth);
	uint32_t block = program_allocate(program, &birth);
	if (program->failed)
		return;
	burst->blocks[burst->count++] = block;
	if (burst->count == burst->wanted)
		burst_close(program, group, burst);
}

/* --- a phase ------------------------------------------------------------ */

static uint32_t draw_group(const struct player *player)
{
	uint32_t last = player->phase->groups - 1, i = 0;

	if (last == 0)
		return 0;
	double u =
		random_unit(&player->program->choices) * player->shares[last];
	while (i < last && player->shares[i] < u)
		i++;
	return i;
}

static void operation(const struct player *player)
{
	struct program *program = player->program;
	uint32_t dead;

	program->now++;
	while ((dead = live_set_due(&program->live, program->now)) !=
	               NO_BLOCK &&
	       !program->failed)
		kill_block(program, dead);
	uint32_t i = draw_group(player);
	const struct group *group = &player->groups[i];
	if (group->settings.burst.kind != DISTRIBUTION_NONE) {
		burst_step(player, group, player->bursts[i]);
		return;
	}
	double growing = group->settings.grow_share;
	if (growing > 0 && random_unit(&program->choices) < growing &&
	    grow(player, group))
		return;
	allocate(player, group);
}

/* [Knuth97, 3.4.2, algorithm S]: `wanted` of the pool, by age; how many. */
static size_t choose_victims(struct program *program,
                             const struct live_pool *pool, size_t wanted,
                             uint32_t *victims)
{
	size_t chosen = 0, left = pool->count;

	for (uint32_t i = pool->oldest; i != NO_BLOCK; left--) {
		if (random_below(&program->choices, left) < wanted - chosen)
			victims[chosen++] = i;
		i = program->live.blocks[i].newer;
	}
	assert(chosen == wanted);
	return chosen;
}

/* Frees the share of a pool that does not outlive the phase. */
static void end_pool(struct program *program, const struct group *group)
{
	const struct live_pool *pool = &program->live.pools[group->pool];
	double dying = (1 - group->settings.keep) * pool->count;
	size_t wanted = (size_t)(dying + .5);

	if (wanted == 0)
		return;
	uint32_t *victims = calloc(wanted, sizeof *victims);
	if (victims == NULL) {
		program_fail_memory(program);
		return;
	}
	choose_victims(program, pool, wanted, victims);
	program_release_all(program, victims, wanted,
	                    (enum order)group->settings.end_order);
	free(victims);
}

/* Whether an earlier group of the phase has the same pool. */
static bool pool_is_done(const struct player *player, uint32_t i)
{
	for (uint32_t j = 0; j < i; j++)
		if (player->groups[j].pool == player->groups[i].pool)
			return true;
	return false;
}

static void end_phase(const struct player *player)
{
	struct program *program = player->program;

	for (uint32_t i = 0; i < player->phase->groups; i++) {
		const struct group *group = &player->groups[i];
		for (uint64_t j = 0; player->bursts[i] != NULL &&
		                     j < group->settings.bursts_open;
		     j++)
			burst_close(program, group, &player->bursts[i][j]);
		if (!pool_is_done(player, i) && !program->failed)
			end_pool(program, group);
	}
}

/* --- players ------------------------------------------------------------ */

static bool player_init(struct player *player)
{
	uint32_t groups = player->phase->groups;
	double sum = 0;

	player->shares = calloc(groups, sizeof *player->shares);
	player->bursts = calloc(groups, sizeof *player->bursts);
	if (player->shares == NULL || player->bursts == NULL)
		return false;
	for (uint32_t i = 0; i < groups; i++) {
		const struct settings *settings = &player->groups[i].settings;
		player->shares[i] = sum += settings->share;
		if (settings->burst.kind == DISTRIBUTION_NONE)
			continue;
		player->bursts[i] = calloc(settings->bursts_open,
		                           sizeof *player->bursts[i]);
		if (player->bursts[i] == NULL)
			return false;
	}
	return true;
}

static void player_free(struct player *player)
{
	for (uint32_t i = 0;
	     player->bursts != NULL && i < player->phase->groups; i++) {
		uint64_t open = player->groups[i].settings.bursts_open;
		for (uint64_t j = 0; player->bursts[i] != NULL && j < open; j++)
			free(player->bursts[i][j].blocks);
		free(player->bursts[i]);
	}
	free(player->bursts);
	free(player->shares);
}

static void play_phase(struct program *program, const struct phase *phase)
{
	const struct group *groups = &program->spec->groups[phase->first_group];
	struct player player = {
		.program = program, .phase = phase, .groups = groups};
	uint64_t operations = phase->settings.operations;

	program->place = phase->heading->number;
	program_mark_phase(program, phase->name);
	program_set_threads(program, (uint32_t)phase->settings.threads);
	if (!player_init(&player))
		program_fail_memory(program);
	for (uint64_t i = 0; i < operations && !program->failed; i++) {
		player.progress =
			operations == 1 ? 1
					: (double)i / (double)(operations - 1);
		operation(&player);
	}
	if (!program->failed)
		end_phase(&player);
	player_free(&player);
}

void phases_play(struct program *program)
{
	const struct spec *spec = program->spec;

	for (uint64_t round = 0; round < spec->workload.repeat; round++)
		for (uint32_t i = 0; i < spec->phase_count; i++)
			if (!program->failed)
				play_phase(program, &spec->phases[i]);
}
