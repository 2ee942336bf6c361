/*
 * stress_threads.c - thread churn: short threads, THREADS at a time, that each
 * make some hundred blocks, free most of them and leave the rest to main.
 */
#include "stress.h"

enum { BLOCKS = 200, KEPT = 20, LOG2_MAX = 11 };

struct guest {
	struct stress stress;
	void *blocks[BLOCKS];
};

static void *visit(void *ctx)
{
	struct guest *self = ctx;

	for (int i = 0; i < BLOCKS; i++)
		self->blocks[i] = stress_malloc(
			&self->stress, stress_size(&self->stress, LOG2_MAX));
	for (int i = KEPT; i < BLOCKS; i++)
		stress_free(&self->stress, self->blocks[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	const struct stress_arguments arguments = stress_arguments(argc, argv);
	static struct guest guests[STRESS_THREADS_MAX];
	pthread_t threads[STRESS_THREADS_MAX];
	struct stress host = {0};

	for (uint64_t step = 0; step < arguments.steps; step++) {
		for (unsigned i = 0; i < arguments.threads; i++) {
			guests[i].stress.random =
				step * arguments.threads + i + 1;
			threads[i] = stress_start(visit, &guests[i]);
		}
		for (unsigned i = 0; i < arguments.threads; i++) {
			pthread_join(threads[i], NULL);
			for (int k = 0; k < KEPT; k++)
				stress_free(&host, guests[i].blocks[k]);
		}
	}
	for (unsigned i = 0; i < arguments.threads; i++)
		host.calls += guests[i].stress.calls;
	return stress_end(host.calls);
}
