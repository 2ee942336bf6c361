/*
 * stress_churn.c - random churn: every thread replaces blocks of mixed sizes at
 * random places of its own table.
 */
#include "stress.h"

enum { SLOTS_MAX = 20000, STEPS_PER_SLOT = 20, LOG2_MAX = 14 };

struct worker {
	struct stress stress;
	uint64_t steps, count; /* of slots: a short run has fewer */
	void *slots[SLOTS_MAX];
};

static void *work(void *ctx)
{
	struct worker *self = ctx;

	for (uint64_t i = 0; i < self->steps; i++) {
		void **slot =
			&self->slots[stress_draw(&self->stress, self->count)];
		stress_free(&self->stress, *slot);
		*slot = stress_malloc(&self->stress,
		                      stress_size(&self->stress, LOG2_MAX));
	}
	for (uint64_t i = 0; i < self->count; i++)
		stress_free(&self->stress, self->slots[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	const struct stress_arguments arguments = stress_arguments(argc, argv);
	static struct worker workers[64];
	pthread_t threads[64];
	uint64_t calls = 0;

	for (unsigned i = 0; i < arguments.threads; i++) {
		workers[i].stress.random = i + 1;
		workers[i].steps = arguments.steps;
		workers[i].count = 1 + arguments.steps / STEPS_PER_SLOT;
		if (workers[i].count > SLOTS_MAX)
			workers[i].count = SLOTS_MAX;
		threads[i] = stress_start(work, &workers[i]);
	}
	for (unsigned i = 0; i < arguments.threads; i++) {
		pthread_join(threads[i], NULL);
		calls += workers[i].stress.calls;
	}
	return stress_end(calls);
}
