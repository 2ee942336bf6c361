/*
 * stress_phases.c - phase shift: a heap full of small blocks, of which a random
 * nine tenths go and make room for larger ones, and so on, PHASES times.  What
 * survives lies everywhere: who can use the memory between?
 */
#include "stress.h"

enum { PHASES = 8 };

struct worker {
	struct stress stress;
	uint64_t count;
	void **slots;
};

/* Phases alternate between sizes 16..128 and 200..1000. */
static size_t phase_size(struct stress *self, int phase)
{
	return phase % 2 == 0 ? 16 + stress_draw(self, 113)
	                      : 200 + stress_draw(self, 801);
}

/* A larger size fills fewer slots: the live bytes stay about the same. */
static uint64_t phase_slots(uint64_t count, int phase)
{
	return phase % 2 == 0 ? count : count / 8;
}

static void shift(struct worker *self, int phase)
{
	for (uint64_t i = 0; i < self->count; i++)
		if (stress_draw(&self->stress, 10) != 0) {
			stress_free(&self->stress, self->slots[i]);
			self->slots[i] = NULL;
		}
	uint64_t wanted = phase_slots(self->count, phase);
	for (uint64_t i = 0; i < self->count && wanted > 0; i++)
		if (self->slots[i] == NULL) {
			self->slots[i] =
				stress_malloc(&self->stress,
			                      phase_size(&self->stress, phase));
			wanted--;
		}
}

static void *work(void *ctx)
{
	struct worker *self = ctx;

	self->slots = calloc(self->count + 1, sizeof *self->slots);
	if (self->slots == NULL)
		stress_fail("no memory");
	for (int phase = 0; phase < PHASES; phase++)
		shift(self, phase);
	for (uint64_t i = 0; i < self->count; i++)
		stress_free(&self->stress, self->slots[i]);
	free(self->slots);
	self->stress.calls += 2;
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
		workers[i].count = arguments.steps;
		threads[i] = stress_start(work, &workers[i]);
	}
	for (unsigned i = 0; i < arguments.threads; i++) {
		pthread_join(threads[i], NULL);
		calls += workers[i].stress.calls;
	}
	return stress_end(calls);
}
