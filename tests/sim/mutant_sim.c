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
enum mutant mutant_on = MUTANT_NONE;

bool mutant_sim_pick(const char *name)
{
    for (size_t i = 1; i < MUTANT_COUNT; i++)
        if (strcmp(mutants[i].name, name) == 0)
            mutant_on = (enum mutant)i;
    return mutant_on != MUTANT_NONE;
}
#else
bool mutant_sim_pick(const char *name)
{
    (void)name;
    fputs("sim: the faults are in sim-mutants\n", stderr);
    return false;
}
#endif

void mutant_sim_list(void)
{
    for (size_t i = 1; i < MUTANT_COUNT; i++)
        printf("%-20s %s\n", mutants[i].name, mutants[i].breaks);
}
