/*
 * stress_larson.c - a server whose threads come and go: each replaces blocks of
 * a table for a while, then hands the table to a new thread and ends.  So most
 * blocks are freed by another thread than the one that made them [Larson98].
 */
#include "stress.h"

enum { SLOTS = 2000, GENERATIONS = 20, LOG2_MAX = 10 };

struct table {
	struct stress stress;
	uint64_t steps; /* of a generation */
	void *slots[SLOTS];
};

static void *work(void *ctx)
{
	struct table *self = ctx;

	for (uint64_t i = 0; i < self->steps; i++) {
		void **slot = &self->slots[stress_draw(&self->stress, SLOTS)];
		stress_free(&self->stress, *slot);
		*slot = stress_malloc(&self->stress,
		                      stress_size(&self->stress, LOG2_MAX));
	}
	return NULL;
}

/* One line of threads: each begins when the one before it has ended. */
static void *live(void *ctx)
{
	struct table *self = ctx;

	for (unsigned g = 0; g < GENERATIONS; g++)
		pthread_join(stress_start(work, self), NULL);
	return NULL;
}

int main(int argc, char **argv)
{
	const struct stress_arguments arguments = stress_arguments(argc, argv);
	static struct table tables[STRESS_THREADS_MAX];
	pthread_t lines[STRESS_THREADS_MAX];
	struct stress last = {0};

	for (unsigned i = 0; i < arguments.threads; i++) {
		tables[i].stress.random = i + 1;
		tables[i].steps = arguments.steps / GENERATIONS;
		lines[i] = stress_start(live, &tables[i]);
	}
	for (unsigned i = 0; i < arguments.threads; i++) {
		pthread_join(lines[i], NULL);
		for (int k = 0; k < SLOTS; k++)
			stress_free(&last, tables[i].slots[k]);
		last.calls += tables[i].stress.calls;
	}
	return stress_end(last.calls);
}
