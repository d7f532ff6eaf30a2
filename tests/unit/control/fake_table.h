/* fake_table.h - a table of a few rows in memory, and ids in order, for tests of identity.c. */
#ifndef TEST_CONTROL_FAKE_TABLE_H
#define TEST_CONTROL_FAKE_TABLE_H

#include "table/table.h"

#define FAKE_ROWS_MAX 8u

struct fake_row {
    char key[16];
    unsigned char value[160];
    size_t len;
    bool synced;
};

struct table {
    struct fake_row rows[FAKE_ROWS_MAX];
    uint32_t count;
    enum err fails; /* what writes answer, if not ERR_OK */
};

struct fake_row *fake_table_row(struct table *table, const char *key);

#endif
