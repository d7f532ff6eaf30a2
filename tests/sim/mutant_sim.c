#include "mutant_sim.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/mutant.h"

/* Compiled twice: for the program that has the faults, and for the one that has none. */

static const struct {
    const char *name, *breaks;
} mutants[] = {
    { "none", "nothing" },
#define X(name, breaks) { #name, breaks },
#include "base/mutant.def"
#undef X
};

#define MUTANT_COUNT (sizeof mutants / sizeof mutants[0])

#ifdef BRAID_MUTANTS
bool mutants_on[MUTANT_COUNT];

static bool pick(const char *name, size_t len)
{
    for (size_t i = 1; i < MUTANT_COUNT; i++) {
        if (strlen(mutants[i].name) != len || memcmp(mutants[i].name, name, len) != 0)
            continue;
        mutants_on[i] = true;
        return true;
    }
    return false;
}

bool mutant_sim_pick(const char *names)
{
    for (;;) {
        size_t len = strcspn(names, ",");
        if (!pick(names, len))
            return false;
        if (names[len] == '\0')
            return true;
        names += len + 1;
    }
}
#else
bool mutant_sim_pick(const char *names)
{
    (void)names;
    fputs("sim: the faults are in sim-mutants\n", stderr);
    return false;
}
#endif

void mutant_sim_list(void)
{
    for (size_t i = 1; i < MUTANT_COUNT; i++)
        printf("%-20s %s\n", mutants[i].name, mutants[i].breaks);
}
