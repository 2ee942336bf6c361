/*
 * spec_keys.c - the table of keys.
 */
#include "spec_keys.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "spec.h"

static const char *const kinds[] = {
	"phases", "robson",       "next-fit", "buddy",         "private",
	"larson", "thread-churn", "ring",     "false-sharing", NULL};
static const char *const sharings[] = {"active", "passive", NULL};
static const char *const orders[] = {"random", "lifo", "fifo", NULL};
static const char *const at_ends[] = {"random", "lifo", "fifo", "leave", NULL};
static const char *const grow_whichs[] = {"random", "newest", NULL};

enum {
	EVERYWHERE = IN_WORKLOAD | IN_PHASE | IN_GROUP,
	PHASES = 1 << KIND_PHASES,
	ROBSON = 1 << KIND_ROBSON,
	NEXT_FIT = 1 << KIND_NEXT_FIT,
	BUDDY = 1 << KIND_BUDDY,
	ADVERSARY = ROBSON | NEXT_FIT | BUDDY,
	PRIVATE = 1 << KIND_PRIVATE,
	LARSON = 1 << KIND_LARSON,
	CHURN = 1 << KIND_THREAD_CHURN,
	RING = 1 << KIND_RING,
	SHARING = 1 << KIND_FALSE_SHARING,
	CREW = PRIVATE | LARSON | CHURN | RING | SHARING,
	ALL = PHASES | ADVERSARY | CREW,
};

#define AT(member) offsetof(struct settings, member)

const struct key spec_keys[] = {
	{"shows", KEY_TEXT, IN_WORKLOAD, ALL, AT(shows), 0, 0, NULL, 0,
         "nothing", "one line: what this workload is there to show"},
	{"kind", KEY_CHOICE, IN_WORKLOAD, ALL, AT(kind), 0, 0, kinds,
         KIND_PHASES, "phases", "what makes the trace"},
	{"seed", KEY_COUNT, IN_WORKLOAD, ALL, AT(seed), 0, UINT64_MAX, NULL, 0,
         "1", "same seed, same trace, on every machine"},
	{"at_end", KEY_CHOICE, IN_WORKLOAD, ALL, AT(at_end), 0, 0, at_ends,
         ORDER_RANDOM, "fifo",
         "the order in which what lives at the end is freed, or leave"},
	{"repeat", KEY_COUNT, IN_WORKLOAD, PHASES, AT(repeat), 1, 1000000, NULL,
         0, "1", "so many times all the phases"},

	{"units", KEY_COUNT, IN_WORKLOAD, ROBSON | NEXT_FIT, AT(units), 2,
         1 << 24, NULL, 0, "4096", "robson: most live units; next-fit: m"},
	{"unit_bytes", KEY_COUNT, IN_WORKLOAD, ADVERSARY, AT(unit_bytes), 1,
         1 << 20, NULL, 0, "64", "bytes of a unit in the heap"},
	{"header_bytes", KEY_COUNT, IN_WORKLOAD, ADVERSARY, AT(header_bytes), 0,
         1 << 20, NULL, 0, "16",
         "k units are requested as k * unit_bytes - header_bytes"},
	{"largest_log2", KEY_COUNT, IN_WORKLOAD, ROBSON | BUDDY,
         AT(largest_log2), 1, 24, NULL, 0, "6",
         "the largest block has two to the power of this many units"},
	{"rounds", KEY_COUNT, IN_WORKLOAD,
         NEXT_FIT | LARSON | CHURN | RING | SHARING, AT(rounds), 1, 10000000,
         NULL, 0, "200",
         "next-fit: so many times A(m-1), A(1), free the first; larson, "
         "thread-churn: lives of threads; ring: times round; false-sharing: "
         "times that all blocks are made and freed"},
	{"in_flight", KEY_COUNT, IN_WORKLOAD, CREW, AT(in_flight), 1, 1 << 24,
         NULL, 0, "1000", "blocks that each thread holds; ring: that go round"},
	{"sharing", KEY_CHOICE, IN_WORKLOAD, SHARING, AT(sharing), 0, 0,
         sharings, SHARING_ACTIVE, "active",
         "passive: thread 0 makes the blocks, the others free and make anew"},

	{"operations", KEY_COUNT, IN_WORKLOAD | IN_PHASE,
         PHASES | PRIVATE | LARSON | CHURN, AT(operations), 1,
         (uint64_t)1 << 32, NULL, 0, "",
         "blocks allocated or grown; the frees come on top; private, larson, "
         "thread-churn: blocks that a thread replaces in its life"},
	{"threads", KEY_COUNT, IN_WORKLOAD | IN_PHASE, PHASES | CREW,
         AT(threads), 1, 4096, NULL, 0, "1",
         "logical threads; started and ended as needed"},

	{"share", KEY_REAL, IN_GROUP, PHASES, AT(share), 0, 1000000, NULL, 0,
         "1", "weight of the group among the operations of its phase"},
	{"pool", KEY_TEXT, EVERYWHERE, PHASES, AT(pool), 0, 0, NULL, 0,
         "the group's name",
         "blocks among which death chooses; phases may share one"},
	{"size", KEY_DISTRIBUTION, EVERYWHERE, PHASES | CREW, AT(size), 0,
         (uint64_t)1 << 46, NULL, 0, "", "bytes requested"},
	{"lifetime", KEY_DISTRIBUTION, EVERYWHERE, PHASES, AT(lifetime), 1,
         (uint64_t)1 << 46, NULL, 0, "none", "operations until a block dies"},
	{"correlation", KEY_SIGNED_SHARE, EVERYWHERE, PHASES, AT(correlation),
         0, 0, NULL, 0, "0", "rank correlation of size and lifetime, -1..1"},
	{"live_objects", KEY_TABLE, EVERYWHERE, PHASES, AT(live_objects), 0, 0,
         NULL, 0, "none",
         "value:cumulative share of live blocks, in the rows of size = "
         "empirical: lifetimes follow (Little's law)"},
	{"live", KEY_LEVEL, EVERYWHERE, PHASES, AT(live), 0, (uint64_t)1 << 31,
         NULL, 0, "none", "most live blocks of the pool: N, or N to M"},
	{"live_bytes", KEY_LEVEL, EVERYWHERE, PHASES, AT(live_bytes), 0,
         (uint64_t)1 << 46, NULL, 0, "none",
         "most live bytes of the pool: N, or N to M"},
	{"death", KEY_CHOICE, EVERYWHERE, PHASES, AT(death), 0, 0, orders,
         ORDER_RANDOM, "random; in bursts lifo",
         "who dies when a live bound is reached; how a burst is freed"},
	{"burst", KEY_DISTRIBUTION, EVERYWHERE, PHASES, AT(burst), 1, 1 << 24,
         NULL, 0, "none", "allocate so many blocks, then free them all"},
	{"bursts_open", KEY_COUNT, EVERYWHERE, PHASES, AT(bursts_open), 1, 4096,
         NULL, 0, "1", "bursts under way at a time"},
	{"keep", KEY_SHARE, EVERYWHERE, PHASES, AT(keep), 0, 0, NULL, 0, "1",
         "share of the pool that outlives the phase, chosen at random"},
	{"end_order", KEY_CHOICE, EVERYWHERE, PHASES, AT(end_order), 0, 0,
         orders, ORDER_RANDOM, "fifo",
         "the order of the orders at the phase's end"},
	{"calloc_share", KEY_SHARE, EVERYWHERE, PHASES, AT(calloc_share), 0, 0,
         NULL, 0, "0", "share of the allocations that are calloc"},
	{"aligned_share", KEY_SHARE, EVERYWHERE, PHASES, AT(aligned_share), 0,
         0, NULL, 0, "0", "share of the allocations that ask for an alignment"},
	{"align", KEY_DISTRIBUTION, EVERYWHERE, PHASES, AT(align), 1, 1 << 20,
         NULL, 0, "64", "that alignment: constant or discrete, powers of two"},
	{"grow_share", KEY_SHARE, EVERYWHERE, PHASES, AT(grow_share), 0, 0,
         NULL, 0, "0",
         "share of the operations that grow a live block (realloc)"},
	{"grow_factor", KEY_REAL, EVERYWHERE, PHASES, AT(grow_factor), 1, 1024,
         NULL, 0, "2", "new size = size * factor + step"},
	{"grow_step", KEY_COUNT, EVERYWHERE, PHASES, AT(grow_step), 0, 1 << 30,
         NULL, 0, "0", "bytes"},
	{"grow_to", KEY_COUNT, EVERYWHERE, PHASES, AT(grow_to), 1,
         (uint64_t)1 << 46, NULL, 0, "64K",
         "no block grows beyond; full blocks do not grow"},
	{"grow_which", KEY_CHOICE, EVERYWHERE, PHASES, AT(grow_which), 0, 0,
         grow_whichs, GROW_RANDOM, "random", "which live block grows"},
	{"thread", KEY_THREAD, EVERYWHERE, PHASES, AT(thread), 0, 4095, NULL, 0,
         "any", "the thread that allocates"},
	{"remote_share", KEY_SHARE, EVERYWHERE, PHASES, AT(remote_share), 0, 0,
         NULL, 0, "0", "share of the frees made by another thread"},
	{"free_thread", KEY_THREAD, EVERYWHERE, PHASES, AT(free_thread), 0,
         4095, NULL, 0, "any", "that other thread"},
	{0},
};

static_assert(sizeof spec_keys / sizeof spec_keys[0] <= SPEC_KEYS_MAX,
              "struct section in spec.c has a bit for each");

const struct key *spec_key_find(const char *name)
{
	for (const struct key *key = spec_keys; key->name != NULL; key++)
		if (strcmp(key->name, name) == 0)
			return key;
	return NULL;
}

const char *spec_kind_name(enum spec_kind kind)
{
	return kinds[kind];
}

static void print_values(const struct key *key)
{
	switch (key->type) {
	case KEY_COUNT:
	case KEY_REAL:
		printf("%llu..%llu", (unsigned long long)key->min,
		       (unsigned long long)key->max);
		break;
	case KEY_SHARE:
		printf("0..1, also as 1/5 or 20%%");
		break;
	case KEY_SIGNED_SHARE:
		printf("-1..1");
		break;
	case KEY_CHOICE:
		for (size_t i = 0; key->choices[i] != NULL; i++)
			printf("%s%s", i == 0 ? "" : " | ", key->choices[i]);
		break;
	case KEY_THREAD:
		printf("any | a thread's number");
		break;
	case KEY_TEXT:
		printf("text");
		break;
	case KEY_LEVEL:
		printf("N | N to M");
		break;
	case KEY_TABLE:
		printf("value:share...");
		break;
	case KEY_DISTRIBUTION:
		printf("distribution");
		break;
	}
}

void spec_keys_print(void)
{
	for (const struct key *key = spec_keys; key->name != NULL; key++) {
		printf("%s = ", key->name);
		print_values(key);
		printf("\n    %s\n    in%s%s%s; %s%s\n", key->summary,
		       (key->where & IN_WORKLOAD) != 0 ? " [workload]" : "",
		       (key->where & IN_PHASE) != 0 ? " [phase]" : "",
		       (key->where & IN_GROUP) != 0 ? " [group]" : "",
		       key->initial[0] == '\0' ? "must be given" : "default: ",
		       key->initial);
	}
}
