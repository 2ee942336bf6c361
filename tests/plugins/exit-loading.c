/* exit-loading.c - ends the process in a constructor. */
#include <stdlib.h>

__attribute__((constructor)) static void leave(void)
{
	exit(0);
}
