/* off.c - leaves out the rules that the environment names, in programs that are built for that.
 *
 *     RULES_OFF=no_F1,no_F7 test-replica-hidden-off F1
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"

static const char *const names[] = {
    "none",
#define X(name, breaks) #name,
#include "base/mutant.def"
#undef X
};

#define NAMES (sizeof(names) / sizeof(names[0]))

bool mutants_on[NAMES];

static void leave_out(const char *name, size_t len)
{
    for (size_t i = 1; i < NAMES; i++) {
        if (strlen(names[i]) != len || memcmp(names[i], name, len) != 0)
            continue;
        mutants_on[i] = true;
        return;
    }
    fprintf(stderr, "off: no rule %.*s\n", (int)len, name);
    exit(0); /* these tests are expected to fail, and this is no failure of theirs */
}

/* Before main(): what the tests are does not depend on it. */
__attribute__((constructor)) static void read_environment(void)
{
    const char *list = getenv("RULES_OFF");

    while (list != NULL && *list != '\0') {
        size_t len = strcspn(list, ",");
        leave_out(list, len);
        list += len + (list[len] == ',');
    }
}
