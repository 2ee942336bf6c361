/*
 * recorded_programs.c - a database, two interpreters and a compiler.
 */
#include "recorded_programs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../splitmix64.h"

enum { ROWS = 100000, FUNCTIONS = 250 };

/* ---- input --------------------------------------------------------------- */

static uint64_t below(uint64_t *random, uint64_t limit)
{
	return splitmix64(random) % limit;
}

static void put_word(FILE *out, uint64_t *random)
{
	for (uint64_t letters = 2 + below(random, 9); letters > 0; letters--)
		putc('a' + (int)below(random, 26), out);
}

/* Rows go in one by one, an index grows beside them. */
static void write_sql(FILE *out, uint64_t *random)
{
	fputs("create table person(id integer primary key, name text, "
	      "city int);\n"
	      "create index by_name on person(name);\n"
	      "begin;\n",
	      out);
	for (int i = 1; i <= ROWS; i++) {
		fprintf(out, "insert into person values(%d,'", i);
		put_word(out, random);
		putc(' ', out);
		put_word(out, random);
		fprintf(out, "',%u);\n", (unsigned)below(random, 100));
	}
	fputs("commit;\n", out);
}

/* JSON there and back. */
static void write_python(FILE *out, uint64_t *random)
{
	(void)random;
	fputs("import json\n"
	      "rows = [{'id': i, 'name': 'n%d' % (i * 7919 % 10007),\n"
	      "         'tags': ['t%d' % (i * j % 13) for j in range(i % 5)],\n"
	      "         'at': {'x': i % 997, 'y': i / 7}}\n"
	      "        for i in range(20000)]\n"
	      "for _ in range(2):\n"
	      "    text = json.dumps(rows, indent=1)\n"
	      "    rows = [dict(row, name=row['name'].upper())\n"
	      "            for row in json.loads(text) if row['id'] % 11]\n",
	      out);
}

/* Hashes of strings and of arrays, which grow and go. */
static void write_perl(FILE *out, uint64_t *random)
{
	(void)random;
	fputs("my (%text, %list, $n);\n"
	      "$n = 1;\n"
	      "for my $i (1 .. 600000) {\n"
	      "    $n = ($n * 1103515245 + 12345) % 2147483648;\n"
	      "    my $key = 'w' . ($n >> 8) % 20011;\n"
	      "    $text{$key} .= chr(97 + $i % 26);\n"
	      "    push @{$list{$key}}, \"$key-$i\";\n"
	      "    next if @{$list{$key}} < 13;\n"
	      "    delete $list{$key};\n"
	      "    delete $text{$key};\n"
	      "}\n",
	      out);
}

static void write_c(FILE *out, uint64_t *random)
{
	fputs("struct node { struct node *left, *right; long key; "
	      "int count[8]; };\n",
	      out);
	for (int i = 0; i < FUNCTIONS; i++) {
		unsigned a = 1 + (unsigned)below(random, 50);
		unsigned b = 2 + (unsigned)below(random, 9);
		fprintf(out,
		        "long f%d(struct node *n, long x) {\n"
		        "\tlong sum = %d;\n"
		        "\tfor (int i = 0; i < 8; i++)\n"
		        "\t\tsum += n->count[i] * (x ^ %u) / %u;\n"
		        "\twhile (n && n->key != sum)\n"
		        "\t\tswitch (sum & 7) {\n"
		        "\t\tcase 1: n = n->left, sum -= x; break;\n"
		        "\t\tcase 2: return f%d(n, sum);\n"
		        "\t\tcase 5: sum *= %u, n = n->right; break;\n"
		        "\t\tdefault: sum--, n = 0;\n"
		        "\t\t}\n"
		        "\treturn sum;\n"
		        "}\n",
		        i, 17 * i, a, b, i > 0 ? i / 2 : 0, b);
	}
}

static bool write_input(const char *folder, const char *name,
                        void (*write)(FILE *out, uint64_t *random),
                        struct trace_error *error)
{
	char path[4096];
	uint64_t random = 1;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *out = fopen(path, "w");
	if (out == NULL)
		return trace_fail(error, "%s: %s", path, strerror(errno));
	write(out, &random);
	bool failed = ferror(out) != 0;
	return (fclose(out) == 0 && !failed) ||
	       trace_fail(error, "%s: cannot be written", path);
}

/* ---- the programs -------------------------------------------------------- */

/* The compiler proper, which `gcc` only starts; "" if there is none. */
static const char *find_cc1(void)
{
	static char path[4096];
	FILE *gcc = popen("gcc -print-prog-name=cc1 2>/dev/null", "r");

	path[0] = '\0';
	if (gcc != NULL) {
		if (fgets(path, sizeof path, gcc) != NULL)
			path[strcspn(path, "\n")] = '\0';
		pclose(gcc);
	}
	return path;
}

static bool is_installed(const char *program)
{
	char command[4200];

	if (strchr(program, '/') != NULL)
		return access(program, X_OK) == 0;
	snprintf(command, sizeof command, "command -v '%s' >/dev/null 2>&1",
	         program);
	return program[0] != '\0' && system(command) == 0;
}

int recorded_programs_make(const char *folder,
                           struct recorded_program programs[RECORDED_PROGRAMS],
                           struct trace_error *error)
{
	const struct recorded_program all[RECORDED_PROGRAMS] = {
		{"sqlite3, load",
	         {"sqlite3", "-batch", ":memory:", ".read load.sql"}},
		{"python3, JSON", {"/usr/bin/python3", "-S", "job.py"}},
		{"perl, hashes", {"perl", "job.pl"}},
		{"cc1 -O1",
	         {find_cc1(), "-quiet", "-O1", "source.c", "-o", "/dev/null"}},
	};
	int count = 0;

	if (!write_input(folder, "load.sql", write_sql, error) ||
	    !write_input(folder, "job.py", write_python, error) ||
	    !write_input(folder, "job.pl", write_perl, error) ||
	    !write_input(folder, "source.c", write_c, error))
		return -1;
	for (int i = 0; i < RECORDED_PROGRAMS; i++)
		if (is_installed(all[i].argv[0]))
			programs[count++] = all[i];
		else
			fprintf(stderr, "alloclab bench: %s: not installed\n",
			        all[i].name);
	return count;
}
