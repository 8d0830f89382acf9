/* For tests that write thousands of small files: the system's world, but nothing is synced. */
#ifndef WEIR_BASE_UNSYNCED_TESTING_H
#define WEIR_BASE_UNSYNCED_TESTING_H

#include "base/world.h"

static inline Status unsynced_sync(File *file, Error *error)
{
    (void)file, (void)error;
    return OK;
}

static inline Status unsynced_sync_folder(World *self, const char *path, Error *error)
{
    (void)self, (void)path, (void)error;
    return OK;
}

/* `world` takes `kind`, which lives as long. */
static inline void unsynced_world(World *world, WorldKind *kind)
{
    *kind = *world_system()->kind;
    kind->sync = unsynced_sync;
    kind->sync_folder = unsynced_sync_folder;
    world->kind = kind;
}

#endif
