/*
 * stress_churn.c - random churn: every thread replaces blocks of mixed sizes at
 * random places of its own table.
 */
#include "stress.h"

enum { SLOTS_MAX = 20000, STEPS_PER_SLOT = 20, LOG2_MAX = 14 };

static void *work(void *ctx)
{
	struct stress_worker *self = ctx;
	void *slots[SLOTS_MAX] = {0};
	uint64_t count = 1 + self->steps / STEPS_PER_SLOT;

	if (count > SLOTS_MAX)
		count = SLOTS_MAX;
	for (uint64_t i = 0; i < self->steps; i++) {
		void **slot = &slots[stress_draw(&self->stress, count)];
		stress_free(&self->stress, *slot);
		*slot = stress_malloc(&self->stress,
		                      stress_size(&self->stress, LOG2_MAX));
	}
	for (uint64_t i = 0; i < count; i++)
		stress_free(&self->stress, slots[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	return stress_run(argc, argv, work);
}
