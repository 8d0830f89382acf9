#include "job/lease.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"

#define LEASE_NAME "OWNER"

enum { LEASE_BYTES_MAX = 4096 };

Status lease_take(World *world, Store *store, Lease *lease, Error *error)
{
    uint64_t high = world->kind->random_u64(world), low = world->kind->random_u64(world);
    snprintf(lease->id, sizeof lease->id, "%016llx%016llx", (unsigned long long)high,
             (unsigned long long)low);
    return store_put(store, LEASE_NAME, str_from(lease->id), error);
}

Status lease_check(Store *store, const Lease *lease, Error *error)
{
    if (lease->id[0] == '\0')
        return OK;
    Buffer owner = {0};
    Status status = store_read_whole(store, LEASE_NAME, LEASE_BYTES_MAX, &owner, error);
    if (status == ERR_NOT_FOUND || (status == OK && !str_is(buffer_str(&owner), lease->id))) {
        Arena *arena = arena_new(0);
        status = fail(error, ERR_LOST, "WR4415",
                      "another run has taken over the checkpoints in `%s`, so this one ends",
                      store_path(store, "", arena));
        error_hint(error,
                   "a pipeline runs once: stop the other one first, or give this one another "
                   "`pipeline.name` or place");
        arena_free(arena);
    }
    buffer_free(&owner);
    return status;
}

Status lease_give_up(Store *store, Lease *lease, Error *error)
{
    if (lease->id[0] == '\0')
        return OK;
    TRY(lease_check(store, lease, error));
    lease->id[0] = '\0';
    return store_remove(store, LEASE_NAME, error);
}
