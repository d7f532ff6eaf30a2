/* heap.h - one heap per simulated node, so that a node can die.
 *
 * kill -9 frees nothing in an orderly way: the process is gone, its memory with
 * it.  Here all nodes share one process, so each allocation made while a node
 * runs is chained to that node, and a kill frees the chain.  The linker puts
 * these functions in the place of malloc and its kin for all code of Braid
 * (-Wl,--wrap); libraft is given them through raft_heap_set().
 *
 * The simulator's own memory, which must outlive nodes, comes from
 * sim_malloc(), or is made while no node runs.
 */
#ifndef SIM_HEAP_H
#define SIM_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "memory.h"

/* Allocations belong to `heap` from now on; NULL = to the simulator.  Returns the former. */
struct heap *heap_enter(struct heap *heap);

/* Memory of the simulator whatever runs; zeroed.  Aborts when there is none. */
void *sim_malloc(size_t size);

/* The same, with anything in it. */
void *sim_take(size_t size);
void sim_free(void *bytes);

/* Makes libraft allocate here too. */
void heap_take_libraft(void);

/* Of what libraft asks for from now on in `heap` each `one_in`-th is refused; NULL = in none. */
void heap_starve(struct heap *heap, uint32_t one_in);

#endif
