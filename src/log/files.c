/* A list of open files by last use, under one lock. */
#include "log/files.h"

#include <assert.h>
#include <pthread.h>

#include "base/memory.h"

struct Files {
    World *world;
    pthread_mutex_t lock;
    int32_t open_max, open_count, kept_count;
    FileSlot *newest, *oldest;
};

Files *files_new(World *world, int32_t open_max)
{
    Files *files = memory_allocate_zeroed((int64_t)sizeof *files);
    files->world = world;
    files->open_max = open_max;
    pthread_mutex_init(&files->lock, NULL);
    return files;
}

void files_free(Files *files)
{
    if (files == NULL)
        return;
    assert(files->open_count == 0);
    pthread_mutex_destroy(&files->lock);
    memory_free(files);
}

World *files_world(const Files *files)
{
    return files->world;
}

static void files_unlink(Files *files, FileSlot *slot)
{
    *(slot->newer != NULL ? &slot->newer->older : &files->newest) = slot->older;
    *(slot->older != NULL ? &slot->older->newer : &files->oldest) = slot->newer;
    slot->newer = slot->older = NULL;
}

static void files_link(Files *files, FileSlot *slot)
{
    slot->older = files->newest;
    if (files->newest != NULL)
        files->newest->newer = slot;
    files->newest = slot;
    if (files->oldest == NULL)
        files->oldest = slot;
}

/* What close says is of no interest: what was to be durable has been synced. */
static void files_close(Files *files, FileSlot *slot)
{
    assert(slot->users == 0);
    files_unlink(files, slot);
    Status closed = files->world->kind->close(slot->file, NULL);
    (void)closed;
    slot->file = NULL;
    files->open_count--;
}

static void files_make_room(Files *files)
{
    for (FileSlot *slot = files->oldest; slot != NULL && files->open_count >= files->open_max;) {
        FileSlot *newer = slot->newer;
        if (slot->users == 0)
            files_close(files, slot);
        slot = newer;
    }
}

Status files_borrow(Files *files, FileSlot *slot, FileMode mode, Error *error)
{
    pthread_mutex_lock(&files->lock);
    Status status = OK;
    if (slot->file == NULL) {
        files_make_room(files);
        status = files->world->kind->open(files->world, slot->path, mode, &slot->file, error);
        files->open_count += status == OK;
        if (status != OK)
            slot->file = NULL;
    } else {
        files_unlink(files, slot);
    }
    if (status == OK) {
        files_link(files, slot);
        slot->users++;
    }
    pthread_mutex_unlock(&files->lock);
    return status;
}

void files_return(Files *files, FileSlot *slot)
{
    pthread_mutex_lock(&files->lock);
    assert(slot->users > 0);
    slot->users--;
    pthread_mutex_unlock(&files->lock);
}

bool files_keep(Files *files, FileSlot *slot)
{
    pthread_mutex_lock(&files->lock);
    assert(slot->users > 0);
    bool may_keep = slot->keepers > 0 || files->kept_count < files->open_max / 2;
    files->kept_count += may_keep && slot->keepers == 0;
    slot->keepers += may_keep;
    pthread_mutex_unlock(&files->lock);
    return may_keep;
}

void files_keep_no_more(Files *files, FileSlot *slot)
{
    pthread_mutex_lock(&files->lock);
    assert(slot->keepers > 0);
    files->kept_count -= --slot->keepers == 0;
    pthread_mutex_unlock(&files->lock);
}

void files_drop(Files *files, FileSlot *slot)
{
    pthread_mutex_lock(&files->lock);
    if (slot->file != NULL)
        files_close(files, slot);
    pthread_mutex_unlock(&files->lock);
}

Status files_read(Files *files, FileSlot *slot, int64_t offset, Str into, int64_t *got,
                  Error *error)
{
    *got = 0;
    TRY(files_borrow(files, slot, FILE_READ, error));
    Status status =
        files->world->kind->read_at(slot->file, offset, (char *)into.data, into.length, got, error);
    files_return(files, slot);
    return status;
}
