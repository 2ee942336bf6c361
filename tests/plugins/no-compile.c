/* no-compile.c - is not C. */
this is not a program
