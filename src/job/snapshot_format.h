/* Inside job/: what those who write and read checkpoints share of their form. */
#ifndef WEIR_JOB_SNAPSHOT_FORMAT_H
#define WEIR_JOB_SNAPSHOT_FORMAT_H

#include <stdbool.h>

#include "base/arena.h"

#define SNAPSHOT_MAGIC "WEIRCHK" /* and the digit of the version */
#define SNAPSHOT_SHARED "shared/"
#define SNAPSHOT_STATE "state-"
#define SNAPSHOT_BEGIN SNAPSHOT_SHARED "begin-" /* and the number of the last one before */
#define SNAPSHOT_MADE SNAPSHOT_SHARED "made-"   /* and the number of one that there was */

enum { PIECE_SPARSE = 128 }; /* in its kind */

enum {
    SNAPSHOT_FLAG_END = 1,
    SNAPSHOT_FLAG_ALONE = 2, /* the data file stands beside the manifest */
    SNAPSHOT_FLAG_OVER = 4,
};

static inline const char *snapshot_manifest_name(Arena *arena, const char *place)
{
    return arena_printf(arena, "%s%sMANIFEST", place, place[0] == '\0' ? "" : "/");
}

/* What the names of data files begin with. */
static inline const char *snapshot_data_prefix(Arena *arena, const char *place, bool is_alone)
{
    if (!is_alone)
        return SNAPSHOT_SHARED;
    return place[0] == '\0' ? "" : arena_printf(arena, "%s/", place);
}

static inline const char *snapshot_data_name(Arena *arena, const char *prefix, int64_t id)
{
    return arena_printf(arena, "%s" SNAPSHOT_STATE "%lld", prefix, (long long)id);
}

#endif
