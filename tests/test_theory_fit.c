#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include "theory.h"
static struct theory theory;
static void x(void **state)
{
	(void)state;
	const char *names[] = {"first-fit",
	                       "best-fit",
	                       "next-fit",
	                       "worst-fit",
	                       "first-fit:order=lifo",
	                       "first-fit:order=fifo",
	                       "best-fit:order=address",
	                       "first-fit:order=size",
	                       "next-fit:order=lifo",
	                       "first-fit:index=tree,min_block=64",
	                       "best-fit:growth=1M",
	                       "first-fit:wilderness=listed",
	                       "next-fit:wilderness=listed",
	                       "worst-fit:wilderness=listed",
	                       "best-fit:wilderness=listed"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		fprintf(stderr, "%s E1:", names[i]);
		for (unsigned L = 2; L <= 8; L += 2) {
			theory_open(&theory, names[i], 64);
			fprintf(stderr, " %zu",
			        theory_robson(&theory, 4096, L));
			theory_close(&theory);
		}
		fprintf(stderr, " E2:");
		for (unsigned L = 2; L <= 8; L += 2) {
			theory_open(&theory, names[i], 64);
			fprintf(stderr, " %zu",
			        theory_robson_blind(&theory, 4096, L));
			theory_close(&theory);
		}
		theory_open(&theory, names[i], 64);
		fprintf(stderr, " E5: %zu", theory_rover(&theory, 200, 64));
		theory_close(&theory);
		char n[100];
		snprintf(n, 100, "%s%cgrowth=1M", names[i],
		         strchr(names[i], ':') ? ',' : ':');
		theory_open(&theory, n, 64);
		fprintf(stderr, " 1M: %zu\n", theory_rover(&theory, 200, 64));
		theory_close(&theory);
	}
}
int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(x)};
	return cmocka_run_group_tests_name("t", tests, NULL, NULL);
}
