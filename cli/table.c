#include "table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>

struct table {
    struct libscols_table *scols;
    uint32_t columns;
    bool failed;
};

struct table *table_open(uint32_t columns, const char *const names[])
{
    struct table *table = calloc(1, sizeof(*table));

    if (table == NULL)
        return NULL;
    table->columns = columns;
    table->scols = scols_new_table();
    table->failed = table->scols == NULL;
    for (uint32_t i = 0; i < columns && !table->failed; i++)
        table->failed = scols_table_new_column(table->scols, names[i], 0, 0) == NULL;
    return table;
}

void table_row(struct table *table, ...)
{
    va_list cells;

    if (table == NULL || table->failed)
        return;
    struct libscols_line *line = scols_table_new_line(table->scols, NULL);
    table->failed = line == NULL;
    va_start(cells, table);
    for (uint32_t i = 0; i < table->columns && !table->failed; i++) {
        const char *cell = va_arg(cells, const char *);
        table->failed = scols_line_set_data(line, i, cell == NULL ? "" : cell) != 0;
    }
    va_end(cells);
}

bool table_print(struct table *table)
{
    bool printed = table != NULL && !table->failed && scols_print_table(table->scols) == 0;

    table_drop(table);
    return printed;
}

void table_drop(struct table *table)
{
    if (table != NULL)
        scols_unref_table(table->scols);
    free(table);
}
