/* Open files of the log, a limited number of them: of thousands of partitions few are at work at a
 * time. A slot belongs to whoever embeds it; its file is opened when it is borrowed and closed when
 * others need the room.
 *
 * A file may be closed while it holds writes that are not synced: a sync through a file that is
 * opened later covers them, and hears of an error that nobody has heard of yet. */
#ifndef WEIR_LOG_FILES_H
#define WEIR_LOG_FILES_H

#include "base/world.h"

typedef struct Files Files;

/* Zeroed but for the path; stays where it is until files_drop. */
typedef struct FileSlot {
    const char *path;
    File *file; /* NULL: not open */
    int32_t users;
    int32_t keepers;                /* of the users */
    struct FileSlot *newer, *older; /* among the open ones */
} FileSlot;

/* Keeps at most `open_max` files open beside those that are in use. Free with files_free. */
Files *files_new(World *world, int32_t open_max);
void files_free(Files *files);

World *files_world(const Files *files);

/* The slot's file, opened in `mode` if it is not; a slot always has the same mode.
 * From any thread; give it back with files_return. */
Status files_borrow(Files *files, FileSlot *slot, FileMode mode, Error *error);
void files_return(Files *files, FileSlot *slot);

/* A user of the slot will use it for as long as a client likes. False: half of those that may be
 * open are in such use already, so that it has to give this one back soon. */
bool files_keep(Files *files, FileSlot *slot);
/* Before it gives back what it has kept. */
void files_keep_no_more(Files *files, FileSlot *slot);

/* Close it; nobody uses it. */
void files_drop(Files *files, FileSlot *slot);

/* Fill `into` from `offset` on, as far as the file goes. */
Status files_read(Files *files, FileSlot *slot, int64_t offset, Str into, int64_t *got,
                  Error *error);

#endif
