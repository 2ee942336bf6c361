/*
 * crew.c - programs of threads whose traffic is known exactly: who allocates, who
 * frees, and how much is live at most.
 *
 * Idea.  A crew of `threads` threads; each holds a hand of `in_flight` blocks, or
 * is on its way to it.  The kinds differ in who frees what whom:
 *
 *     private        a thread replaces blocks of its own hand, nobody else's
 *     larson         the same at random, but threads are replaced, one after the
 *                    other, and the new one gets the hand of the old one
 *     thread-churn   all threads end; the next crew frees what the last one
 *                    left, each the hand of another number than its own
 *     ring           thread i fills a hand, thread i + 1 frees all of it and
 *                    fills one, thread i + 2 frees that ...
 *     false-sharing  small blocks, one for each thread in turn; passive: made by
 *                    thread 0, freed by the others, who then make their own
 *
 * Picture.  One turn each of three threads, M malloc, F free of a block of:
 *
 *     private   0: F0 M   1: F1 M   2: F2 M        live: threads * in_flight
 *     ring      0: MMM    1: FFF MMM  2: FFF MMM   live: in_flight
 *
 * In the trace the threads take turns of one replacement, so that replays on
 * real threads find all of them at work at any time (not the ring: it is one
 * load that goes round).  Within a turn the free comes first, so a private
 * thread never even uses a slot of the trace that another had.
 *
 * Words.
 *     hand    the blocks that a thread holds, `in_flight` of them
 *     main    thread 0, where it only starts and ends the others: in larson and
 *             thread-churn the crew is 1 .. threads; elsewhere 0 .. threads - 1
 *
 * Cost.     O(1) an event.
 * Threads.  None; those of the trace are made up.
 * Sources.  [Larson98] for the server whose threads hand their blocks on;
 *           [Berger00, 2] for false sharing, active and passive, and for
 *           the ring, which takes threads * in_flight blocks where each thread's
 *           memory comes back to it alone.
 */
#include "crew.h"

#include <stdlib.h>

enum { MAIN = 0 };

struct crew {
	struct program *program;
	uint32_t first;       /* number of the first thread of the crew */
	uint32_t threads;     /* in it                                   */
	uint64_t in_flight;   /* blocks in a hand                        */
	uint32_t *hands;      /* threads * in_flight blocks              */
	uint32_t *left_hands; /* those of the crew before                */
};

static bool crew_init(struct crew *crew, struct program *program)
{
	const struct settings *it = &program->spec->workload;
	bool has_main =
		it->kind == KIND_LARSON || it->kind == KIND_THREAD_CHURN;
	uint64_t blocks = it->threads * it->in_flight;

	*crew = (struct crew){.program = program,
	                      .first = has_main ? MAIN + 1 : MAIN,
	                      .threads = (uint32_t)it->threads,
	                      .in_flight = it->in_flight};
	crew->hands = calloc(blocks, sizeof *crew->hands);
	crew->left_hands = calloc(blocks, sizeof *crew->left_hands);
	if (crew->hands == NULL || crew->left_hands == NULL) {
		program_fail_memory(program);
		return false;
	}
	for (uint64_t i = 0; i < blocks; i++)
		crew->hands[i] = crew->left_hands[i] = NO_BLOCK;
	return true;
}

static void crew_free(struct crew *crew)
{
	free(crew->hands);
	free(crew->left_hands);
}

static void crew_start(struct crew *crew)
{
	program_set_threads(crew->program, crew->first + crew->threads);
}

static uint32_t *place(const struct crew *crew, uint32_t *hands,
                       uint32_t member, uint64_t i)
{
	return &hands[member * crew->in_flight + i];
}

/* --- what a thread does ------------------------------------------------- */

static void take(struct crew *crew, uint32_t *block, uint32_t thread)
{
	struct program *program = crew->program;
	const struct distribution *size = &program->spec->workload.size;
	double u = random_unit(&program->sizes);
	struct birth birth = {.size = distribution_quantile(size, u),
	                      .kind = TRACE_MALLOC,
	                      .thread = thread};

	program->now++;
	*block = program_allocate(program, &birth);
}

static void drop(struct crew *crew, uint32_t *block, uint32_t thread)
{
	if (*block != NO_BLOCK && !crew->program->failed)
		program_release(crew->program, *block, thread);
	*block = NO_BLOCK;
}

/* One turn: the old block goes, a new one comes. */
static void replace(struct crew *crew, uint32_t member, uint64_t i)
{
	uint32_t *block = place(crew, crew->hands, member, i);

	drop(crew, block, crew->first + member);
	take(crew, block, crew->first + member);
}

static void fill_hand(struct crew *crew, uint32_t member, uint32_t thread)
{
	for (uint64_t i = 0; i < crew->in_flight && !crew->program->failed; i++)
		take(crew, place(crew, crew->hands, member, i), thread);
}

static uint64_t draw_place(struct crew *crew)
{
	return random_below(&crew->program->choices, crew->in_flight);
}

/* --- the kinds ---------------------------------------------------------- */

static void play_private(struct crew *crew)
{
	uint64_t operations = crew->program->spec->workload.operations;

	crew_start(crew);
	for (uint32_t member = 0; member < crew->threads; member++)
		fill_hand(crew, member, crew->first + member);
	for (uint64_t i = 0; i < operations && !crew->program->failed; i++)
		for (uint32_t member = 0; member < crew->threads; member++)
			replace(crew, member, draw_place(crew));
}

/*
 * Main fills all hands.  The threads are replaced at different times, as in a
 * server whose requests come in when they like.
 */
static void play_larson(struct crew *crew)
{
	const struct settings *it = &crew->program->spec->workload;
	uint64_t turns = it->rounds * it->operations;

	for (uint32_t member = 0; member < crew->threads; member++)
		fill_hand(crew, member, MAIN);
	crew_start(crew);
	for (uint64_t i = 0; i < turns && !crew->program->failed; i++) {
		for (uint32_t member = 0; member < crew->threads; member++) {
			uint64_t ahead =
				member * it->operations / crew->threads;
			if (i > 0 && (i + ahead) % it->operations == 0)
				program_replace_thread(crew->program,
				                       crew->first + member);
			replace(crew, member, draw_place(crew));
		}
	}
}

/* Turn i of a member: the first in_flight free what another one left. */
static void churn_turn(struct crew *crew, uint32_t member, uint64_t i)
{
	uint32_t other = (member + 1) % crew->threads;

	if (i < crew->in_flight)
		drop(crew, place(crew, crew->left_hands, other, i),
		     crew->first + member);
	replace(crew, member, i % crew->in_flight);
}

static void play_churn(struct crew *crew)
{
	const struct settings *it = &crew->program->spec->workload;

	for (uint64_t round = 0; round < it->rounds; round++) {
		crew_start(crew);
		for (uint64_t i = 0;
		     i < it->operations && !crew->program->failed; i++)
			for (uint32_t member = 0; member < crew->threads;
			     member++)
				churn_turn(crew, member, i);
		program_set_threads(crew->program, MAIN + 1);
		uint32_t *left = crew->hands;
		crew->hands = crew->left_hands;
		crew->left_hands = left;
	}
}

static void play_ring(struct crew *crew)
{
	uint64_t turns = crew->program->spec->workload.rounds * crew->threads;

	crew_start(crew);
	for (uint64_t turn = 0; turn < turns; turn++) {
		uint32_t thread = (uint32_t)(turn % crew->threads);
		uint32_t next = (thread + 1) % crew->threads;
		fill_hand(crew, 0, thread);
		for (uint64_t i = 0; i < crew->in_flight; i++)
			drop(crew, place(crew, crew->hands, 0, i), next);
	}
}

/* All blocks of all hands, place by place; `maker` makes them, or each its own. */
static void deal(struct crew *crew, int64_t maker)
{
	for (uint64_t i = 0; i < crew->in_flight; i++)
		for (uint32_t member = 0;
		     member < crew->threads && !crew->program->failed; member++)
			take(crew, place(crew, crew->hands, member, i),
			     maker == THREAD_ANY ? member : (uint32_t)maker);
}

static void collect(struct crew *crew)
{
	for (uint64_t i = 0; i < crew->in_flight; i++)
		for (uint32_t member = 0; member < crew->threads; member++)
			drop(crew, place(crew, crew->hands, member, i), member);
}

static void play_false_sharing(struct crew *crew)
{
	const struct settings *it = &crew->program->spec->workload;

	crew_start(crew);
	for (uint64_t round = 0; round < it->rounds; round++) {
		if (it->sharing == SHARING_PASSIVE) {
			deal(crew, MAIN);
			collect(crew);
		}
		deal(crew, THREAD_ANY);
		collect(crew);
	}
}

/* --- all of them -------------------------------------------------------- */

bool crew_knows(enum spec_kind kind)
{
	return kind >= KIND_PRIVATE;
}

void crew_play(struct program *program)
{
	static void (*const play[])(struct crew *) = {
		[KIND_PRIVATE] = play_private,
		[KIND_LARSON] = play_larson,
		[KIND_THREAD_CHURN] = play_churn,
		[KIND_RING] = play_ring,
		[KIND_FALSE_SHARING] = play_false_sharing,
	};
	struct crew crew;

	if (crew_init(&crew, program))
		play[program->spec->workload.kind](&crew);
	crew_free(&crew);
}
