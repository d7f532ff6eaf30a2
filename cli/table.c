#include "table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

struct table {
    struct libscols_table *scols;
    uint32_t columns;
    bool failed;
};

struct table *table_open(const char *first, ...)
{
    struct table *table = calloc(1, sizeof(*table));
    va_list names;

    if (table == NULL)
        return NULL;
    table->scols = scols_new_table();
    if (table->scols == NULL) {
        table->failed = true;
        return table;
    }
    va_start(names, first);
    for (const char *name = first; name != NULL; name = va_arg(names, const char *)) {
        if (scols_table_new_column(table->scols, name, 0, 0) == NULL)
            table->failed = true;
        table->columns++;
    }
    va_end(names);
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
