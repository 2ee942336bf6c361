/*
 * program.c - follows PATH, "#!" and ELF headers as the kernel does.
 */
#include "program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
	HEAD_BYTES = 256,      /* of a "#!" line, as in the kernel          */
	SCRIPT_DEPTH_MAX = 5,  /* scripts that interpret scripts, likewise  */
	PROGRAM_HEADERS = 256, /* read at most; real programs have about 13 */
};

static bool is_executable_file(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       access(path, X_OK) == 0;
}

/* The first executable file called `name` in the folders of PATH. */
static bool find_in_path(const char *name, char path[PATH_MAX])
{
	const char *folders = getenv("PATH");

	if (folders == NULL)
		folders = "/bin:/usr/bin";
	for (;;) {
		size_t bytes = strcspn(folders, ":");
		int used = snprintf(path, PATH_MAX, "%.*s%s%s", (int)bytes,
		                    folders, bytes > 0 ? "/" : "", name);
		if (used < PATH_MAX && is_executable_file(path))
			return true;
		if (folders[bytes] == '\0')
			return false;
		folders += bytes + 1;
	}
}

static bool find(const char *name, char path[PATH_MAX],
                 struct trace_error *error)
{
	struct stat status;

	if (strchr(name, '/') == NULL) {
		if (find_in_path(name, path))
			return true;
		return trace_fail(error, "there is no program \"%s\" in PATH",
		                  name);
	}
	snprintf(path, PATH_MAX, "%s", name);
	if (stat(path, &status) != 0)
		return trace_fail(error, "%s: %s", name, strerror(errno));
	if (S_ISDIR(status.st_mode))
		return trace_fail(error, "%s is a folder, not a program", name);
	if (!is_executable_file(path))
		return trace_fail(error, "%s is not executable", name);
	return true;
}

/* --- ELF ---------------------------------------------------------------- */

enum {
#if defined(__x86_64__)
	OUR_MACHINE = EM_X86_64,
#elif defined(__aarch64__)
	OUR_MACHINE = EM_AARCH64,
#elif defined(__riscv)
	OUR_MACHINE = EM_RISCV,
#else
#error "program.c: name this machine's EM_ constant"
#endif
};

static bool has_interpreter(int file, const Elf64_Ehdr *elf)
{
	Elf64_Phdr header;

	for (int i = 0; i < elf->e_phnum && i < PROGRAM_HEADERS; i++) {
		off_t at = (off_t)elf->e_phoff + i * elf->e_phentsize;
		if (pread(file, &header, sizeof header, at) !=
		    (ssize_t)sizeof header)
			return false;
		if (header.p_type == PT_INTERP)
			return true;
	}
	return false;
}

static bool check_elf(const char *path, int file, const Elf64_Ehdr *elf,
                      struct trace_error *error)
{
	if (elf->e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf->e_machine != OUR_MACHINE)
		return trace_fail(error,
		                  "%s is a program for another kind of "
		                  "machine than the lab's library",
		                  path);
	if (!has_interpreter(file, elf))
		return trace_fail(
			error,
			"%s is statically linked: the dynamic linker, "
			"which would load the lab's library, "
			"takes no part in running it",
			path);
	return true;
}

/* For these the dynamic linker ignores LD_PRELOAD, says ld.so(8). */
static bool check_privileges(const char *path, int file,
                             struct trace_error *error)
{
	struct stat status;
	const char *what = NULL;

	if (fstat(file, &status) != 0)
		return trace_fail(error, "%s: %s", path, strerror(errno));
	if (fgetxattr(file, "security.capability", NULL, 0) > 0)
		what = "has file capabilities";
	if ((status.st_mode & S_ISGID) != 0)
		what = "is setgid";
	if ((status.st_mode & S_ISUID) != 0)
		what = "is setuid";
	if (what != NULL)
		return trace_fail(error,
		                  "%s %s: the dynamic linker loads no foreign "
		                  "library into such a program",
		                  path, what);
	return true;
}

/* --- scripts ------------------------------------------------------------ */

static bool check(const char *path, int depth, struct trace_error *error);

/* What `env NAME` will run, NAME being the first word that can be one. */
static bool check_env_word(char *words, int depth, struct trace_error *error)
{
	char path[PATH_MAX], *rest = NULL;
	char *word = strtok_r(words, " \t", &rest);

	while (word != NULL && (word[0] == '-' || strchr(word, '=') != NULL))
		word = strtok_r(NULL, " \t", &rest);
	if (word == NULL)
		return true;
	return find(word, path, error) && check(path, depth, error);
}

/* `line` is the first line without "#!". */
static bool check_script(const char *path, char *line, int depth,
                         struct trace_error *error)
{
	char *interpreter = line + strspn(line, " \t");
	size_t bytes = strcspn(interpreter, " \t");
	char *words = interpreter + bytes;

	if (depth == SCRIPT_DEPTH_MAX)
		return trace_fail(error, "%s: scripts nested too deep", path);
	if (bytes == 0)
		return trace_fail(error, "%s names no interpreter", path);
	if (*words != '\0')
		*words++ = '\0';
	if (!is_executable_file(interpreter))
		return trace_fail(
			error, "%s: its interpreter %s is no executable file",
			path, interpreter);
	if (!check(interpreter, depth + 1, error))
		return false;
	const char *name = strrchr(interpreter, '/');
	if (name != NULL && strcmp(name, "/env") == 0)
		return check_env_word(words, depth + 1, error);
	return true;
}

/* --- both --------------------------------------------------------------- */

static bool check_open(const char *path, int file, int depth,
                       struct trace_error *error)
{
	union {
		char bytes[HEAD_BYTES + 1];
		Elf64_Ehdr elf;
	} head = {.bytes = ""};
	ssize_t got = read(file, head.bytes, HEAD_BYTES);

	if (got < 0)
		return trace_fail(error, "%s: %s", path, strerror(errno));
	if (got >= (ssize_t)sizeof head.elf &&
	    memcmp(head.elf.e_ident, ELFMAG, SELFMAG) == 0)
		return check_elf(path, file, &head.elf, error) &&
		       check_privileges(path, file, error);
	if (strncmp(head.bytes, "#!", 2) == 0) {
		head.bytes[strcspn(head.bytes, "\n")] = '\0';
		return check_script(path, head.bytes + 2, depth, error);
	}
	/* A script without "#!", which execvp gives to the shell. */
	return check("/bin/sh", depth + 1, error);
}

static bool check(const char *path, int depth, struct trace_error *error)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	/* Executable and not readable: ask the kernel's opinion by running. */
	if (file < 0 && errno == EACCES)
		return true;
	if (file < 0)
		return trace_fail(error, "%s: %s", path, strerror(errno));
	bool good = check_open(path, file, depth, error);
	close(file);
	return good;
}

/* A name with a slash, and there is such a file: it cannot be run. */
static enum program_state state_of_missing(const char *name)
{
	return strchr(name, '/') != NULL && access(name, F_OK) == 0
	               ? PROGRAM_NOT_EXECUTABLE
	               : PROGRAM_NOT_FOUND;
}

enum program_state program_find(const char *name, struct trace_error *error)
{
	char path[PATH_MAX];

	if (name[0] == '\0') {
		trace_fail(error, "the name of the program is empty");
		return PROGRAM_NOT_FOUND;
	}
	if (!find(name, path, error))
		return state_of_missing(name);
	return check(path, 0, error) ? PROGRAM_FITS : PROGRAM_BYPASSES;
}

bool program_check(const char *name, struct trace_error *error)
{
	return program_find(name, error) == PROGRAM_FITS;
}
