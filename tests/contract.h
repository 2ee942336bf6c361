/*
 * contract.h - the properties that every allocator must have at every setting
 * of its knobs; allocators/allocator.h in executable form.
 *
 * A property opens its own heaps and fails the cmocka test where the contract is
 * broken.  test_contract.c runs each with each setting that it applies to.
 */
#ifndef TESTS_CONTRACT_H
#define TESTS_CONTRACT_H

#include "known.h"
#include "settings.h"

typedef void property(const struct setting *setting);

/* contract_sizes.c: what a block is */
property every_size_to_4100;
property sizes_to_8_mib;
property zero_bytes_is_a_block;
property every_alignment;
property zero_malloc_on_dirty_memory;
property usable_bytes_after_holes;

/* contract_realloc.c: resizing, and saying no */
property realloc_keeps_contents;
property realloc_of_null;
property realloc_refused;
property impossible_sizes;
property out_of_memory;

/* contract_heap.c: calls that concern the heap as a whole */
property free_null;
property free_keeps_errno;
property destroy_with_live_blocks;
property two_handles;
property two_heaps;
property trim_empty_heap;
property walk_can_stop;
property explain_changes_nothing;
property free_lists_are_free;

/* contract_random.c: random lives */
property random_calls;
property random_calls_big_heap;
property random_knobs;
/* A cmocka teardown: the knobs that random_knobs failed with, on stdout. */
int contract_say_knobs(void **state);
property same_calls_same_heap;

/* contract_faults.c: the page source says no */
property one_refusal;
property refusals_from_one_on;

/* contract_misuse.c: the caller's bugs, in the checked build */
property double_free;
property foreign_pointer;
property interior_pointer;

/* contract_threads.c: OS threads, handles that end, fork */
property threads_of_private_work;
property threads_free_for_each_other;
property threads_come_and_go;
property counts_and_trim_beside_threads;
property usage_is_the_walk;
property detach_flushes;
property lives_leave_nothing_behind;
property a_lone_thread_forks;
property a_thread_forks_beside_others;

/* Whether freed memory is lost for good: only `bump` may do that. */
bool never_reuses(const struct setting *setting);

/* A heap on an arena; with a limit on its committed bytes if that is not 0. */
struct lab *contract_open(const struct setting *setting);
struct lab *contract_open_limited(const struct setting *setting,
                                  size_t limit_bytes);

/* What a heap without a block has committed. */
size_t contract_initial_bytes(const struct setting *setting);

/* Makes about `calls` random calls; see contract_random.c. */
void contract_churn(struct known *known, uint64_t seed, size_t calls,
                    size_t live, size_t verify_every);

#endif
