/*
 * stress_phases.c - phase shift: a heap full of small blocks, of which a random
 * nine tenths go and make room for larger ones, and so on, PHASES times.  What
 * survives lies everywhere: who can use the memory between?
 */
#include "stress.h"

enum { PHASES = 8 };

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

static void shift(struct stress *self, void **slots, uint64_t count, int phase)
{
	for (uint64_t i = 0; i < count; i++)
		if (stress_draw(self, 10) != 0) {
			stress_free(self, slots[i]);
			slots[i] = NULL;
		}
	uint64_t wanted = phase_slots(count, phase);
	for (uint64_t i = 0; i < count && wanted > 0; i++)
		if (slots[i] == NULL) {
			slots[i] = stress_malloc(self, phase_size(self, phase));
			wanted--;
		}
}

static void *work(void *ctx)
{
	struct stress_worker *self = ctx;
	uint64_t count = self->steps;
	void **slots = calloc(count + 1, sizeof *slots);

	if (slots == NULL)
		stress_fail("no memory");
	for (int phase = 0; phase < PHASES; phase++)
		shift(&self->stress, slots, count, phase);
	for (uint64_t i = 0; i < count; i++)
		stress_free(&self->stress, slots[i]);
	free(slots);
	self->stress.calls += 2;
	return NULL;
}

int main(int argc, char **argv)
{
	return stress_run(argc, argv, work);
}
