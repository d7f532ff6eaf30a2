#include "swarm.h"

#include "builds.h"
#include "cluster.h"
#include "drain.h"

void swarm_start(struct world *world)
{
    const struct cluster_options *options = &cluster_of(world)->options;

    if (options->drain)
        drain_start(world);
    if (options->two_builds)
        builds_start(world);
}

void swarm_before_healing(struct world *world)
{
    if (cluster_of(world)->options.two_builds)
        builds_end(world);
}

void swarm_check(struct world *world)
{
    if (cluster_of(world)->options.two_builds)
        builds_check(world);
}
