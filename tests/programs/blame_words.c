/*
 * blame_words.c - a program with a memory problem that no leak detector finds:
 * `blame_words REPORTS`.
 *
 * It makes reports, one after the other.  For each, parse() makes a list of
 * 60,000 small tokens, and all are freed when the report is done.  But of every
 * 120 tokens one is a word that was not seen before, and intern() keeps a copy
 * of it for good.  The copies are few and small; yet each was allocated in the
 * midst of tokens of its own size, and stays when those are gone.  Then
 * build_index() needs 2 MiB in blocks of 1000 bytes.  Can it have the memory of
 * the tokens?  That depends on the allocator.  docs/blame.md looks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TOKENS = 60000, /* of a report                    */
	NEW_WORD = 120, /* one new word in so many tokens */
	WORDS_MAX = 100000,
	INDEX_BLOCKS = 2000,
	INDEX_BYTES = 1000,
};

struct token {
	struct token *next;
	char text[24];
};

static char *words[WORDS_MAX];
static int word_count;
static char *blocks[INDEX_BLOCKS];

static void *allocate(size_t bytes)
{
	void *block = malloc(bytes);

	if (block == NULL)
		abort();
	return block;
}

/* Keeps a copy of the word for good. */
static void intern(const char *word)
{
	char *copy = allocate(sizeof(struct token));

	if (word_count == WORDS_MAX)
		abort();
	strcpy(copy, word);
	words[word_count++] = copy;
}

/* A list of tokens. */
static struct token *parse(void)
{
	struct token *list = NULL;

	for (int i = 1; i <= TOKENS; i++) {
		struct token *token = allocate(sizeof *token);
		snprintf(token->text, sizeof token->text, "token %d",
		         word_count);
		token->next = list;
		list = token;
		if (i % NEW_WORD == 0)
			intern(token->text);
	}
	return list;
}

static void free_list(struct token *list)
{
	while (list != NULL) {
		struct token *next = list->next;
		free(list);
		list = next;
	}
}

static void build_index(void)
{
	for (int i = 0; i < INDEX_BLOCKS; i++) {
		blocks[i] = allocate(INDEX_BYTES);
		memset(blocks[i], i, INDEX_BYTES);
	}
}

int main(int argc, char **argv)
{
	int reports = argc > 1 ? atoi(argv[1]) : 2;

	for (int i = 0; i < reports; i++)
		free_list(parse());
	build_index();
	printf("%d reports, %d words, the last one \"%s\"\n", reports,
	       word_count, word_count > 0 ? words[word_count - 1] : "");
	return 0;
}
