/* no-symbol.c - exports nothing that the lab knows. */
int the_answer = 42;
