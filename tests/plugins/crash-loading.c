/* crash-loading.c - crashes in a constructor. */
__attribute__((constructor)) static void crash(void)
{
	char *volatile nowhere = (char *)8;

	*nowhere = 1;
}
