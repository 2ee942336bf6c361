/*
 * preload_hazards.c - a malloc in odd places: `preload_hazards WAY`.
 *
 *     early      calls before constructors, in them, in destructors and after
 *     dlopen     loads and unloads libraries that allocate, time and again
 *     sbrk       moves the program break itself, between mallocs
 *     seccomp    threads go on where only the calls of a malloc are allowed
 *     mlockall   memory cannot be dropped: calloc's is zero all the same
 *     maps       the process has as many mappings as it may
 *     limit      its address space is used up, in one thread and in a few
 *     handler    exit() in a signal handler that interrupted malloc
 *     handlers   the same in a process with threads, where locks are taken
 *     fd2        descriptor 2 is a file of the program: nobody writes there
 *     load LIB   without preloading: dlopen, calls, dlclose, and a thread that
 *                has called it ends only then
 *
 * Exit status 0, or 1 with a line on what was wrong.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "preload.h"

enum { BLOCKS = 64 };

static volatile size_t opaque; /* the compiler must not know sizes */

/* Allocates and frees; how often there was no memory. */
static int hammer_on(unsigned seed, int rounds)
{
	int refused = 0;
	unsigned char *blocks[BLOCKS] = {0};
	size_t sizes[BLOCKS] = {0};
	unsigned state = seed;

	for (int i = 0; i < rounds; i++) {
		state = state * 1103515245u + 12345u;
		unsigned at = (state >> 8) % BLOCKS;
		if (blocks[at] != NULL &&
		    blocks[at][sizes[at] - 1] != (unsigned char)at)
			stop("a block has changed");
		free(blocks[at]);
		sizes[at] = 1 + (state >> 16) % 2000;
		if (i % 97 == 0)
			sizes[at] *= 300;
		blocks[at] = malloc(sizes[at]);
		if (blocks[at] != NULL)
			memset(blocks[at], (int)at, sizes[at]);
		else
			refused++;
	}
	for (int at = 0; at < BLOCKS; at++)
		free(blocks[at]);
	return refused;
}

static void hammer(unsigned seed, int rounds)
{
	if (hammer_on(seed, rounds) > 0)
		stop("no memory");
}

/* ---- early and late ---------------------------------------------------------- */

static char *early_block;
static int calls_late; /* not after exit() in a handler */

static void call_before_constructors(void)
{
	early_block = strdup("early");
	hammer(1, 100);
}

/* Runs before the constructors of every library. */
__attribute__((section(".preinit_array"),
               used)) static void (*before)(void) = call_before_constructors;

__attribute__((constructor(101))) static void call_in_constructor(void)
{
	early_block = realloc(early_block, 100000);
	hammer(2, 100);
}

__attribute__((destructor(101))) static void call_in_destructor(void)
{
	if (!calls_late)
		return;
	if (early_block == NULL || strcmp(early_block, "early") != 0)
		stop("the early block has changed");
	hammer(3, 100);
	free(early_block);
}

static void call_at_exit(void)
{
	hammer(4, 100);
}

static void be_early(void)
{
	calls_late = 1;
	if (atexit(call_at_exit) != 0)
		stop("atexit fails");
}

/* ---- other users of memory ----------------------------------------------------- */

static void load_and_unload(void)
{
	static const char *const names[] = {"libz.so.1", "libzstd.so.1",
	                                    "libm.so.6", "libnone.so"};
	char *error = NULL;

	for (int i = 0; i < 200; i++) {
		void *library = dlopen(names[i % 4], RTLD_NOW | RTLD_LOCAL);
		hammer((unsigned)i, 50);
		if (library != NULL)
			dlclose(library);
		else
			error = dlerror(); /* allocated, and freed by the next */
	}
	if (error == NULL)
		stop("libnone.so was found");
}

static void move_break(void)
{
	unsigned char *parts[50];

	for (int i = 0; i < 50; i++) {
		parts[i] = sbrk(10000);
		if (parts[i] == (void *)-1)
			stop("sbrk fails");
		memset(parts[i], i, 10000);
		hammer((unsigned)i, 200);
	}
	for (int i = 0; i < 50; i++)
		for (int at = 0; at < 10000; at++)
			if (parts[i][at] != i)
				stop("memory from sbrk has changed");
}

/* Dirty memory comes back: if it cannot be dropped, somebody must clear it. */
static void lock_memory(void)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_MEMLOCK, &all);
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
		return; /* not allowed here */
	for (size_t size = 1000; size < (size_t)8 << 20; size *= 3) {
		char *blocks[8];
		for (int i = 0; i < 8; i++)
			blocks[i] = memset(malloc(size), 0x5a, size);
		for (int i = 0; i < 8; i++)
			free(blocks[i]);
		for (int i = 0; i < 8; i++) {
			blocks[i] = calloc(1, size);
			for (size_t at = 0; at < size; at++)
				if (blocks[i][at] != 0)
					stop("calloc's memory is not zero");
		}
		for (int i = 0; i < 8; i++)
			free(blocks[i]);
	}
}

/* Neighbours differ in what they allow, so that the kernel joins none. */
static void use_up_mappings(void)
{
	enum { PAGE = 4096, MAPS_MAX = 1 << 20 };
	static char *maps[MAPS_MAX];
	int count = 0;

	for (; count < MAPS_MAX; count++) {
		maps[count] =
			mmap(NULL, PAGE, count % 2 ? PROT_READ : PROT_NONE,
		             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (maps[count] == MAP_FAILED)
			break;
	}
	for (unsigned i = 0; i < 20; i++)
		hammer_on(i, 1000);
	while (count-- > 0)
		munmap(maps[count], PAGE);
	hammer(1, 1000);
}

/* ---- seccomp ------------------------------------------------------------------- */

/* What a malloc needs, and threads that wait for each other. */
static const unsigned allowed[] = {
	SYS_mmap,  SYS_munmap, SYS_mprotect,   SYS_madvise,      SYS_mremap,
	SYS_futex, SYS_write,  SYS_exit_group, SYS_rt_sigreturn,
};

enum { ALLOWED = sizeof allowed / sizeof allowed[0] };

/* Any other system call ends the process, whatever thread makes it. */
static void forbid_the_rest(void)
{
	struct sock_filter code[ALLOWED + 3];
	struct sock_fprog program = {ALLOWED + 3, code};

	code[0] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < ALLOWED; i++)
		code[1 + i] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, allowed[i],
			(unsigned char)(ALLOWED - i), 0);
	code[1 + ALLOWED] = (struct sock_filter)BPF_STMT(
		BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[2 + ALLOWED] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	                                                 SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	            SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
		_exit(0); /* not allowed here */
}

static pthread_barrier_t gate;

static void *work_behind_gate(void *seed)
{
	hammer((unsigned)(uintptr_t)seed, 100);
	pthread_barrier_wait(&gate); /* all have begun */
	pthread_barrier_wait(&gate); /* the rest is forbidden */
	hammer((unsigned)(uintptr_t)seed, 20000);
	pthread_barrier_wait(&gate);
	pthread_barrier_wait(
		&gate); /* nobody passes: to end is a system call */
	return NULL;
}

/* Four threads; with the caller, five pass the gate at a time. */
static void start_behind_gate(void *(*run)(void *))
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 << 10);
	pthread_barrier_init(&gate, NULL, 5);
	for (uintptr_t i = 1; i < 5; i++)
		if (pthread_create(&thread, &attributes, run, (void *)i) != 0)
			stop("pthread_create fails");
}

static void work_in_sandbox(void)
{
	start_behind_gate(work_behind_gate);
	hammer(9, 100);
	pthread_barrier_wait(&gate);
	forbid_the_rest();
	pthread_barrier_wait(&gate);
	hammer(9, 20000);
	pthread_barrier_wait(&gate);
	_exit(0);
}

/* ---- no memory ----------------------------------------------------------------- */

static void *hammer_when_asked(void *seed)
{
	pthread_barrier_wait(&gate);
	for (unsigned i = 0; i < 20; i++)
		hammer_on((unsigned)(uintptr_t)seed + i, 1000);
	pthread_barrier_wait(&gate);
	return NULL;
}

static void *hold_all_there_is(void)
{
	void **held = NULL, **block;

	for (size_t size = 1 << 20; size >= 16; size /= 2)
		while ((block = malloc(size)) != NULL) {
			*block = held;
			held = block;
		}
	return held;
}

/* The threads begin before: a heap need not give address space back. */
static void use_up_address_space(void)
{
	const struct rlimit little = {(size_t)128 << 20, (size_t)128 << 20};

	start_behind_gate(hammer_when_asked);
	setrlimit(RLIMIT_AS, &little);
	void **held = hold_all_there_is();
	pthread_barrier_wait(&gate);
	hammer_on(9, 1000);
	while (held != NULL) {
		void **next = *held;
		free(held);
		held = next;
	}
	pthread_barrier_wait(&gate);
	hammer(1, 1000);
}

/* ---- exit, descriptors ----------------------------------------------------------- */

static void exit_now(int signal)
{
	(void)signal;
	exit(0);
}

static void exit_in_handler(void)
{
	struct timeval now;
	struct itimerval soon = {0};

	gettimeofday(&now, NULL);
	soon.it_value.tv_usec = 1000 + now.tv_usec % 5000;
	signal(SIGALRM, exit_now);
	setitimer(ITIMER_REAL, &soon, NULL);
	for (;;) { /* nearly always in the midst of a call */
		void *one = malloc(100 + opaque), *two = malloc(3000 + opaque);
		free(one);
		free(two);
	}
}

static void *wait_for_ever(void *argument)
{
	pause();
	return argument;
}

static void exit_in_handler_with_threads(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_for_ever, NULL);
	exit_in_handler();
}

/* The caller has closed 2, so that the file gets it. */
static void reuse_descriptor(void)
{
	char name[] = "/tmp/preload-fd2-XXXXXX";
	struct stat file;
	int fd = mkstemp(name);

	if (fd != 2)
		_exit(fd >= 0 ? 1 : 0);
	unlink(name);
	hammer(5, 1000);
	if (fstat(2, &file) != 0 || file.st_size != 0)
		_exit(1);
}

/* ---- without LD_PRELOAD ------------------------------------------------------------ */

static void *(*loaded_malloc)(size_t size);
static void (*loaded_free)(void *block);

static void *call_loaded(void *argument)
{
	(void)argument;
	for (size_t size = 1; size < 100000; size *= 2)
		loaded_free(memset(loaded_malloc(size), 1, size));
	pthread_barrier_wait(&gate);
	pthread_barrier_wait(&gate); /* unloaded now; the key has a value */
	return NULL;
}

static void use_loaded(const char *path)
{
	pthread_t thread;
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (library == NULL)
		stop(dlerror());
	*(void **)&loaded_malloc = dlsym(library, "malloc");
	*(void **)&loaded_free = dlsym(library, "free");
	pthread_barrier_init(&gate, NULL, 2);
	pthread_create(&thread, NULL, call_loaded, NULL);
	pthread_barrier_wait(&gate);
	dlclose(library);
	pthread_barrier_wait(&gate);
	pthread_join(thread, NULL);
}

int main(int count, char **arguments)
{
	static const struct way ways[] = {
		{"early", be_early},
		{"dlopen", load_and_unload},
		{"sbrk", move_break},
		{"seccomp", work_in_sandbox},
		{"mlockall", lock_memory},
		{"maps", use_up_mappings},
		{"limit", use_up_address_space},
		{"handler", exit_in_handler},
		{"handlers", exit_in_handler_with_threads},
		{"fd2", reuse_descriptor},
	};

	if (count == 3 && strcmp(arguments[1], "load") == 0) {
		use_loaded(arguments[2]);
		return 0;
	}
	return run_way(count, arguments, ways, sizeof ways / sizeof ways[0]);
}
