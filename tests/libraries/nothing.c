/* nothing.c - a library that replaces no malloc. */
int nothing(void);

int nothing(void)
{
	return 0;
}
