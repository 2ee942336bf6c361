/*
 * stress_realloc.c - vectors and strings that grow: by half, by 64 bytes, and
 * back to what they need.
 */
#include "stress.h"

enum { VECTORS = 24, VECTOR_MAX = 1 << 20, STRING_MAX = 1 << 15 };

struct vector {
	void *block;
	size_t size;
};

static void resize(struct stress *self, struct vector *vector, size_t size)
{
	uint64_t tag = vector->size;
	size_t kept = size < vector->size ? size : vector->size;

	vector->block = realloc(vector->block, size);
	if (vector->block == NULL)
		stress_fail("no memory");
	stress_verify(vector->block, tag, kept);
	stress_fill(vector->block, size);
	vector->size = size;
	self->calls++;
}

/* Vectors of even number grow like arrays, the others like strings. */
static size_t next_size(int number, size_t size)
{
	return number % 2 == 0 ? size + size / 2 + STRESS_LEAST_BYTES
	                       : size + 64;
}

static void step(struct stress *self, struct vector *vectors)
{
	int number = (int)stress_draw(self, VECTORS);
	struct vector *vector = &vectors[number];
	size_t most = number % 2 == 0 ? VECTOR_MAX : STRING_MAX;

	if (vector->size < most) {
		resize(self, vector, next_size(number, vector->size));
		return;
	}
	resize(self, vector, vector->size - vector->size / 4);
	stress_free(self, vector->block);
	*vector = (struct vector){0};
}

static void *work(void *ctx)
{
	struct stress_worker *self = ctx;
	struct vector vectors[VECTORS] = {0};

	for (uint64_t i = 0; i < self->steps; i++)
		step(&self->stress, vectors);
	for (int i = 0; i < VECTORS; i++)
		stress_free(&self->stress, vectors[i].block);
	return NULL;
}

int main(int argc, char **argv)
{
	return stress_run(argc, argv, work);
}
