/* mutant.h - deliberate faults in our own code, which the simulator must find.
 *
 * Each has a name and a line in mutant.def, and stands in the code as `MUTANT(name)`: false, and
 * gone from the binary, in everything but tests/sim/sim-mutants, which plays them by name: one, or
 * one with the rules that hide it.  The meson option rule_off puts some into a whole build.
 * A check that misses one of them would miss such a mistake too (docs/testing.md).
 */
#ifndef BASE_MUTANT_H
#define BASE_MUTANT_H

enum mutant {
    MUTANT_NONE,
#define X(name, breaks) MUTANT_##name,
#include "base/mutant.def"
#undef X
};

#ifdef BRAID_MUTANTS
#include <stdbool.h>

extern bool mutants_on[]; /* of the simulator */
#define MUTANT(name) (mutants_on[MUTANT_##name])
#elif defined(BRAID_RULES_OFF)
#define MUTANT(name) (BRAID_RULES_OFF(MUTANT_##name))
#else
#define MUTANT(name) (MUTANT_##name == MUTANT_NONE)
#endif

#endif
