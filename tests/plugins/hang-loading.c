/* hang-loading.c - never comes back from a constructor. */
#include <unistd.h>

__attribute__((constructor)) static void wait_forever(void)
{
	for (;;)
		pause();
}
