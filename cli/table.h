/* table.h - rows and columns for people, by libsmartcols.
 *
 *     table_open(2, names) -> table_row(table, "node-1", "az1") ... -> table_print
 *
 * Memory that runs out is remembered and said by table_print().
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct table;

/* NULL without memory, which the others accept. */
struct table *table_open(uint32_t columns, const char *const names[]);

/* As many texts as there are columns.  They are copied; NULL is an empty cell. */
void table_row(struct table *table, ...);

/* Prints and frees.  False: memory ran out and nothing was printed. */
bool table_print(struct table *table);

/* Frees without printing. */
void table_drop(struct table *table);

#endif
