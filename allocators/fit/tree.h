/*
 * tree.h - the two trees that can hold the holes instead of the chain.
 *
 * Each insert and each search returns the links it followed.
 */
#ifndef ALLOCATORS_FIT_TREE_H
#define ALLOCATORS_FIT_TREE_H

#include "fit.h"

/* RB_GENERATE_STATIC needs __unused, which libbsd leaves undefined here. */
#define TREE_FUNCTION __attribute__((unused)) static

/* ---- address_tree.c: for first fit -------------------------------------- */

/* The lowest hole of at least `bytes`. */
struct found address_tree_first(const struct hole_tree *tree, size_t bytes);
uint64_t address_tree_insert(struct hole_tree *tree, struct block *hole);
void address_tree_remove(struct hole_tree *tree, struct block *hole);

/* Whether I8 holds at this node. */
bool address_tree_knows_largest(const struct block *hole);

/* ---- size_tree.c: for best and worst fit -------------------------------- */

/* The smallest, or the largest, hole of at least `bytes`; the lowest of it. */
struct found size_tree_smallest(const struct hole_tree *tree, size_t bytes);
struct found size_tree_largest(const struct hole_tree *tree, size_t bytes);
uint64_t size_tree_insert(struct hole_tree *tree, struct block *hole);
void size_tree_remove(struct hole_tree *tree, struct block *hole);

#endif
