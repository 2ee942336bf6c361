/*
 * unwinder.c - dlopen, and four functions that libunwind gets from us.
 *
 * Where code has no unwind information libunwind guesses, and asks the kernel
 * whether an address can be read before it does: it writes the byte there into a
 * pipe of its own.  A program that closes all descriptors and opens files
 * gets their numbers, and the byte would go into a file of the program's.  So
 * libunwind's calls of pipe2, read, write and syscall (1.6 writes by it) are led
 * here, through the table that the dynamic linker has filled in for it:
 *
 *     libunwind: call pipe2 -> [ jump slot ] -> the C library's pipe2
 *                                    '--------> pipe_make()
 */
#include "unwinder.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../raw.h"

enum {
	NO_FILE = -7, /* both ends of the pipe that is none */
	OWN_FUNCTIONS = 4,
};

static int pipe_make(int ends[2], int flags)
{
	(void)flags;
	ends[0] = ends[1] = NO_FILE;
	return 0;
}

static ssize_t pipe_read(int file, void *bytes, size_t count)
{
	return file == NO_FILE ? 1 : read(file, bytes, count);
}

/*
 * Whether the bytes can be read: the kernel copies a signal set from there before
 * it looks at its other argument, which is no known one.
 */
static ssize_t pipe_write(int file, const void *bytes, size_t count)
{
	enum { SET_BYTES = 8, NO_SUCH_ACTION = -1 };
	const uintptr_t start = (uintptr_t)bytes & ~(uintptr_t)(SET_BYTES - 1);
	int error = errno;

	if (file != NO_FILE)
		return write(file, bytes, count);
	syscall(SYS_rt_sigprocmask, NO_SUCH_ACTION, start, NULL, SET_BYTES);
	bool can_be_read = errno != EFAULT;
	errno = error;
	return can_be_read ? 1 : -1;
}

/* A system call has six arguments at most. */
static long pipe_syscall(long number, long a, long b, long c, long d, long e,
                         long f)
{
	if (number == SYS_write && (int)a == NO_FILE)
		return pipe_write((int)a, (const void *)b, (size_t)c);
	return syscall(number, a, b, c, d, e, f);
}

/* What stands in a library's dynamic section, as far as it is needed. */
struct imports {
	const ElfW(Rela) * slots;
	size_t slot_count;
	const ElfW(Sym) * symbols;
	const char *names;
};

static struct imports imports_of(const struct link_map *library)
{
	struct imports imports = {.slots = NULL};

	for (const ElfW(Dyn) *entry = library->l_ld; entry->d_tag != DT_NULL;
	     entry++) {
		const void *there = (const void *)entry->d_un.d_ptr;
		if (entry->d_tag == DT_JMPREL)
			imports.slots = there;
		if (entry->d_tag == DT_PLTRELSZ)
			imports.slot_count =
				entry->d_un.d_val / sizeof *imports.slots;
		if (entry->d_tag == DT_SYMTAB)
			imports.symbols = there;
		if (entry->d_tag == DT_STRTAB)
			imports.names = there;
	}
	return imports;
}

/* Makes a jump slot lead to `function`. */
static bool redirect(void *slot, const void *function)
{
	const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	void *page = (char *)slot - (uintptr_t)slot % page_bytes;

	if (mprotect(page, page_bytes, PROT_READ | PROT_WRITE) != 0)
		return false;
	memcpy(slot, &function, sizeof function);
	return true;
}

/* Our function for an import, as the bytes of its address; NULL for others. */
static const void *own_function(const char *name)
{
	static const struct {
		const char *name;
		void (*function)(void);
	} own[OWN_FUNCTIONS] = {
		{"pipe2", (void (*)(void))pipe_make},
		{"read", (void (*)(void))pipe_read},
		{"write", (void (*)(void))pipe_write},
		{"syscall", (void (*)(void))pipe_syscall},
	};
	const void *found = NULL;

	for (size_t i = 0; i < OWN_FUNCTIONS; i++)
		if (strcmp(own[i].name, name) == 0)
			memcpy(&found, &own[i].function, sizeof found);
	return found;
}

/* Other versions import fewer of them. */
static bool redirect_pipe(const struct link_map *library)
{
	struct imports imports = imports_of(library);
	bool good = true;

	for (size_t i = 0; i < imports.slot_count; i++) {
		const ElfW(Rela) *slot = &imports.slots[i];
		const char *name =
			imports.names +
			imports.symbols[ELF64_R_SYM(slot->r_info)].st_name;
		const void *function = own_function(name);
		if (function != NULL &&
		    !redirect((char *)library->l_addr + slot->r_offset,
		              function))
			good = false;
	}
	return good;
}

unwinder *unwinder_open(void)
{
	void *library = dlopen(RAW_UNWINDER, RTLD_NOW | RTLD_LOCAL);
	struct link_map *map;
	unwinder *function = NULL;

	if (library == NULL)
		return NULL;
	void *symbol = dlsym(library, "unw_backtrace");
	if (symbol == NULL || dlinfo(library, RTLD_DI_LINKMAP, &map) != 0 ||
	    !redirect_pipe(map))
		return NULL;
	memcpy(&function, &symbol, sizeof symbol);
	return function;
}
