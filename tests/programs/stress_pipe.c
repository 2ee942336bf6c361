/*
 * stress_pipe.c - producers and consumers: every block is made by one thread and
 * freed by another.  THREADS pairs, each with a ring of its own.
 */
#include "stress.h"

enum { RING = 4096, BATCH = 64, LOG2_MAX = 9 };

struct ring {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	uint64_t made, taken; /* under the lock */
	void *blocks[RING];   /* those between `taken` and `made` */
	uint64_t steps;
	struct stress producer, consumer;
};

/* Waits until there is room for a batch behind `made`. */
static void await_room(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	while (ring->made + BATCH - ring->taken > RING)
		pthread_cond_wait(&ring->moved, &ring->lock);
	pthread_mutex_unlock(&ring->lock);
}

/* Returns once there is something to take, with how far it goes. */
static uint64_t await_blocks(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	while (ring->made == ring->taken)
		pthread_cond_wait(&ring->moved, &ring->lock);
	uint64_t made = ring->made;
	pthread_mutex_unlock(&ring->lock);
	return made;
}

static void move(struct ring *ring, uint64_t *counter, uint64_t to)
{
	pthread_mutex_lock(&ring->lock);
	*counter = to;
	pthread_cond_signal(&ring->moved);
	pthread_mutex_unlock(&ring->lock);
}

static void *produce(void *ctx)
{
	struct ring *ring = ctx;

	for (uint64_t i = 0; i < ring->steps; i += BATCH) {
		await_room(ring);
		for (uint64_t k = i; k < i + BATCH; k++)
			ring->blocks[k % RING] = stress_malloc(
				&ring->producer,
				stress_size(&ring->producer, LOG2_MAX));
		move(ring, &ring->made, i + BATCH);
	}
	return NULL;
}

static void *consume(void *ctx)
{
	struct ring *ring = ctx;
	uint64_t at = 0;

	while (at < ring->steps) {
		uint64_t made = await_blocks(ring);
		for (; at < made; at++)
			stress_free(&ring->consumer, ring->blocks[at % RING]);
		move(ring, &ring->taken, at);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct stress_arguments arguments = stress_arguments(argc, argv);
	static struct ring rings[STRESS_THREADS_MAX];
	pthread_t producers[STRESS_THREADS_MAX], consumers[STRESS_THREADS_MAX];
	uint64_t calls = 0;

	for (unsigned i = 0; i < arguments.threads; i++) {
		struct ring *ring = &rings[i];
		pthread_mutex_init(&ring->lock, NULL);
		pthread_cond_init(&ring->moved, NULL);
		ring->steps = arguments.steps / BATCH * BATCH;
		ring->producer.random = i + 1;
		producers[i] = stress_start(produce, ring);
		consumers[i] = stress_start(consume, ring);
	}
	for (unsigned i = 0; i < arguments.threads; i++) {
		pthread_join(producers[i], NULL);
		pthread_join(consumers[i], NULL);
		calls += rings[i].producer.calls + rings[i].consumer.calls;
	}
	return stress_end(calls);
}
