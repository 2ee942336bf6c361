/*
 * record_closed.c - closes all descriptors, opens and closes a library, opens
 * files, which get the numbers from 0 on, has BLOCKS blocks of 4007 bytes twice,
 * and writes "mine" to each file: "own0" to "own7".
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCKS = 5000, FILES = 8 };

static void allocate(void)
{
	static void *blocks[BLOCKS];

	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = malloc(4007);
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
}

int main(void)
{
	char name[] = "own0";

	closefrom(0);
	for (int i = 0; i < 10; i++) {
		void *library = dlopen("libm.so.6", RTLD_NOW);
		if (library == NULL || dlclose(library) != 0)
			return 1;
	}
	for (int i = 0; i < FILES; i++, name[3]++)
		if (open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600) != i)
			return 2;
	allocate();
	for (int i = 0; i < FILES; i++)
		if (write(i, "mine", 4) != 4 || close(i) != 0)
			return 3;
	allocate();
	return 0;
}
