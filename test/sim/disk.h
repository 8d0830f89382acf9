/* A disk that forgets: files in memory, each with what was synced and, in order, what was not.
 *
 *     file     durable bytes + writes and cuts since the last sync
 *     folder   durable entries + links and unlinks since the last sync_folder
 *
 * A power cut keeps what is durable; of the rest, any part: each write of a file may be there, be
 * missing or be torn at a sector, in any order; of the changes of a folder any prefix. A file that
 * is synced but whose name is not is gone with its name. A failed sync loses for good what it was
 * to make durable, and a later sync does not tell: as Linux does it.
 *
 * Paths are relative to the root; "." and empty parts do not count. */
#ifndef WEIR_TEST_SIM_DISK_H
#define WEIR_TEST_SIM_DISK_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
#include "base/str.h"

typedef struct Disk Disk;
typedef struct Inode Inode;

enum { SECTOR_BYTES = 512 };

Disk *disk_new(void);
void disk_free(Disk *disk);

/* What may be left of the disk when the power goes: one of many states, by the seed. */
Disk *disk_after_power_cut(const Disk *disk, uint64_t seed);

/* NULL: no such path. */
Inode *disk_find(Disk *disk, const char *path);
bool inode_is_folder(const Inode *inode);
Str inode_content(const Inode *inode);
int64_t inode_modified_us(const Inode *inode);
/* Names in the folder, sorted, into the arena. */
void inode_list(const Inode *folder, Arena *arena, List *names);
int32_t inode_entry_count(const Inode *folder);

/* A new empty file or folder under a path whose parent is there; replaces a file of that name. */
Inode *disk_make(Disk *disk, const char *path, bool is_folder, int64_t now_us);
/* False if the parent is missing. */
bool disk_has_parent(Disk *disk, const char *path);
void disk_unlink(Disk *disk, const char *path);
/* Both parents are there, and `from`. */
void disk_rename(Disk *disk, const char *from, const char *to);

void disk_write(Disk *disk, Inode *file, const void *bytes, int64_t length, int64_t now_us);
void disk_cut(Disk *disk, Inode *file, int64_t bytes, int64_t now_us);
void disk_sync(Disk *disk, Inode *file);
/* As a device does that fails: what was written since is lost in part, and nobody says which. */
void disk_fail_sync(Disk *disk, Inode *file, uint64_t seed);
void disk_sync_folder(Disk *disk, Inode *folder);
/* Everything is durable. */
void disk_sync_all(Disk *disk);

/* All bytes of all files. */
int64_t disk_bytes(const Disk *disk);

/* Of a folder; what was to be made durable waits as before, for the next process. */
void disk_fail_sync_folder(Inode *folder);

/* Whether a sync of the file or folder has failed before, in this process. */
bool inode_sync_has_failed(const Inode *inode);
/* Another process opens them: it knows of no failed sync. */
void disk_forget_failures(Disk *disk);

/* For tests that damage files: the bytes themselves, durable or not, become these. */
void disk_overwrite(Disk *disk, Inode *file, Str content);

/* Each file's path, sorted, into the arena. */
void disk_list_files(const Disk *disk, Arena *arena, List *paths);

#endif
