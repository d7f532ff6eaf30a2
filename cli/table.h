/* table.h - rows and columns for people, by libsmartcols.
 *
 *     table_open("NODE", "ZONE", NULL) -> table_row(table, "node-1", "az1") ... -> table_print
 *
 * Memory that runs out is remembered and said by table_print().
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>

struct table;

/* The names of the columns, then NULL. */
struct table *table_open(const char *first, ...) __attribute__((sentinel));

/* As many texts as there are columns.  They are copied; NULL is an empty cell. */
void table_row(struct table *table, ...);

/* Prints and frees.  False: memory ran out and nothing was printed. */
bool table_print(struct table *table);

/* Frees without printing. */
void table_drop(struct table *table);

#endif
