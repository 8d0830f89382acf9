/* Inodes, their unsynced operations, and what a power cut makes of them. */
#include "sim/disk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

typedef enum OpKind { OP_WRITE, OP_CUT, OP_LINK, OP_UNLINK } OpKind;

/* Not durable yet. */
typedef struct Op {
    OpKind kind;
    int64_t offset;   /* OP_WRITE, OP_CUT */
    Str bytes;        /* OP_WRITE */
    const char *name; /* OP_LINK, OP_UNLINK */
    Inode *inode;     /* OP_LINK */
    Inode *moved_to;  /* OP_UNLINK of a rename: the folder that has it now … */
    int32_t moved_at; /* … by this one of its operations */
    bool is_half;     /* OP_LINK of a rename within the folder: the next one belongs to it */
} Op;

typedef struct Entry {
    const char *name;
    Inode *inode;
} Entry;

typedef struct Entries {
    Entry *items; /* sorted by name */
    int32_t count, capacity;
} Entries;

struct Inode {
    bool is_folder;
    bool sync_has_failed;
    int64_t modified_us;
    Buffer now, durable;              /* of a file */
    Entries entries, durable_entries; /* of a folder */
    Op *ops;
    int32_t op_count, op_capacity;
    int32_t ops_synced; /* folders: operations before ops[0], ever */
    int32_t kept;       /* while a power cut is worked out: operations that made it */
    Inode *copy;
};

struct Disk {
    Arena *arena;
    Inode *root;
    List inodes;
};

/* ---- Entries ----------------------------------------------------------------------------- */

/* Where the name is, or where it would be. */
static int32_t entries_place(const Entries *entries, const char *name)
{
    int32_t at = 0;
    while (at < entries->count && strcmp(entries->items[at].name, name) < 0)
        at++;
    return at;
}

static Inode *entries_find(const Entries *entries, const char *name)
{
    int32_t at = entries_place(entries, name);
    bool is_there = at < entries->count && strcmp(entries->items[at].name, name) == 0;
    return is_there ? entries->items[at].inode : NULL;
}

/* NULL takes the name away. */
static void entries_put(Entries *entries, const char *name, Inode *inode)
{
    int32_t at = entries_place(entries, name);
    bool is_there = at < entries->count && strcmp(entries->items[at].name, name) == 0;
    int32_t behind = entries->count - at - is_there;
    if (inode == NULL) {
        if (is_there)
            memmove(&entries->items[at], &entries->items[at + 1], sizeof(Entry) * (size_t)behind);
        entries->count -= is_there;
        return;
    }
    if (!is_there && entries->count == entries->capacity) {
        entries->capacity = entries->capacity == 0 ? 8 : entries->capacity * 2;
        entries->items = memory_resize(entries->items, (int64_t)sizeof(Entry) * entries->capacity);
    }
    if (!is_there) {
        memmove(&entries->items[at + 1], &entries->items[at], sizeof(Entry) * (size_t)behind);
        entries->count++;
    }
    entries->items[at] = (Entry){name, inode};
}

/* ---- Inodes ------------------------------------------------------------------------------ */

static Inode *inode_new(Disk *disk, bool is_folder)
{
    Inode *inode = memory_allocate_zeroed((int64_t)sizeof *inode);
    inode->is_folder = is_folder;
    list_append(&disk->inodes, disk->arena, inode);
    return inode;
}

static Op *inode_add_op(Inode *inode, const Op *op)
{
    if (inode->op_count == inode->op_capacity) {
        inode->op_capacity = inode->op_capacity == 0 ? 4 : inode->op_capacity * 2;
        inode->ops = memory_resize(inode->ops, (int64_t)sizeof(Op) * inode->op_capacity);
    }
    inode->ops[inode->op_count] = *op;
    return &inode->ops[inode->op_count++];
}

static void content_resize(Buffer *content, int64_t bytes)
{
    if (bytes > content->length)
        memset(buffer_reserve(content, bytes - content->length), 0,
               (size_t)(bytes - content->length));
    content->length = bytes;
}

static void content_apply(Buffer *content, const Op *op)
{
    if (op->kind == OP_CUT) {
        content_resize(content, op->offset);
        return;
    }
    int64_t end = op->offset + op->bytes.length;
    if (end > content->length)
        content_resize(content, end);
    if (op->bytes.length > 0)
        memcpy(content->data + op->offset, op->bytes.data, (size_t)op->bytes.length);
}

Disk *disk_new(void)
{
    Arena *arena = arena_new(0);
    Disk *disk = ARENA_NEW(arena, Disk);
    disk->arena = arena;
    disk->root = inode_new(disk, true);
    return disk;
}

void disk_free(Disk *disk)
{
    if (disk == NULL)
        return;
    for (int32_t i = 0; i < disk->inodes.count; i++) {
        Inode *inode = LIST_AT(disk->inodes, i, Inode);
        buffer_free(&inode->now);
        buffer_free(&inode->durable);
        memory_free(inode->entries.items);
        memory_free(inode->durable_entries.items);
        memory_free(inode->ops);
        memory_free(inode);
    }
    arena_free(disk->arena);
}

/* ---- Paths ------------------------------------------------------------------------------- */

/* The next part that counts, or empty. */
static Str path_part(Str *rest)
{
    Str part = {0};
    while (part.length == 0 && rest->length > 0) {
        part = str_split(*rest, '/', rest);
        if (str_equal(part, STR(".")))
            part.length = 0;
    }
    return part;
}

/* The folder that holds the last part, and that part; NULL if it is missing. */
static Inode *disk_parent(Disk *disk, const char *path, const char **name)
{
    Inode *folder = disk->root;
    Str rest = str_from(path);
    Str part = path_part(&rest);
    for (;;) {
        Str next = path_part(&rest);
        *name = str_terminated(disk->arena, part);
        if (next.length == 0)
            return folder;
        folder = entries_find(&folder->entries, *name);
        if (folder == NULL || !folder->is_folder)
            return NULL;
        part = next;
    }
}

Inode *disk_find(Disk *disk, const char *path)
{
    const char *name;
    Inode *folder = disk_parent(disk, path, &name);
    if (folder == NULL)
        return NULL;
    return name[0] == '\0' ? disk->root : entries_find(&folder->entries, name);
}

bool disk_has_parent(Disk *disk, const char *path)
{
    const char *name;
    return disk_parent(disk, path, &name) != NULL;
}

bool inode_is_folder(const Inode *inode)
{
    return inode->is_folder;
}

Str inode_content(const Inode *inode)
{
    return buffer_str(&inode->now);
}

int64_t inode_modified_us(const Inode *inode)
{
    return inode->modified_us;
}

bool inode_sync_has_failed(const Inode *inode)
{
    return inode->sync_has_failed;
}

void disk_forget_failures(Disk *disk)
{
    for (int32_t i = 0; i < disk->inodes.count; i++)
        LIST_AT(disk->inodes, i, Inode)->sync_has_failed = false;
}

int32_t inode_entry_count(const Inode *folder)
{
    return folder->entries.count;
}

void inode_list(const Inode *folder, Arena *arena, List *names)
{
    for (int32_t i = 0; i < folder->entries.count; i++)
        list_append(names, arena, arena_printf(arena, "%s", folder->entries.items[i].name));
}

/* ---- Changes ----------------------------------------------------------------------------- */

static Op *folder_link(Inode *folder, const char *name, Inode *inode)
{
    entries_put(&folder->entries, name, inode);
    return inode_add_op(folder, &(Op){.kind = OP_LINK, .name = name, .inode = inode});
}

static Op *folder_unlink(Inode *folder, const char *name)
{
    entries_put(&folder->entries, name, NULL);
    return inode_add_op(folder, &(Op){.kind = OP_UNLINK, .name = name});
}

Inode *disk_make(Disk *disk, const char *path, bool is_folder, int64_t now_us)
{
    const char *name;
    Inode *folder = disk_parent(disk, path, &name);
    assert(folder != NULL && name[0] != '\0');
    Inode *inode = inode_new(disk, is_folder);
    inode->modified_us = now_us;
    folder_link(folder, name, inode);
    return inode;
}

void disk_unlink(Disk *disk, const char *path)
{
    const char *name;
    Inode *folder = disk_parent(disk, path, &name);
    assert(folder != NULL);
    folder_unlink(folder, name);
}

void disk_rename(Disk *disk, const char *from, const char *to)
{
    const char *old_name, *new_name;
    Inode *source = disk_parent(disk, from, &old_name);
    Inode *target = disk_parent(disk, to, &new_name);
    assert(source != NULL && target != NULL);
    Inode *inode = entries_find(&source->entries, old_name);
    assert(inode != NULL);
    folder_link(target, new_name, inode)->is_half = source == target;
    int32_t at = target->ops_synced + target->op_count - 1;
    Op *unlink = folder_unlink(source, old_name);
    unlink->moved_to = target;
    unlink->moved_at = at;
}

void disk_write(Disk *disk, Inode *file, const void *bytes, int64_t length, int64_t now_us)
{
    Op op = {.kind = OP_WRITE,
             .offset = file->now.length,
             .bytes = str_copy(disk->arena, str_make(bytes, length))};
    content_apply(&file->now, &op);
    inode_add_op(file, &op);
    file->modified_us = now_us;
}

void disk_cut(Disk *disk, Inode *file, int64_t bytes, int64_t now_us)
{
    (void)disk;
    Op op = {.kind = OP_CUT, .offset = bytes};
    content_apply(&file->now, &op);
    inode_add_op(file, &op);
    file->modified_us = now_us;
}

void disk_sync(Disk *disk, Inode *file)
{
    (void)disk;
    for (int32_t i = 0; i < file->op_count; i++)
        content_apply(&file->durable, &file->ops[i]);
    file->op_count = 0;
}

static void folder_apply(Entries *entries, const Op *op)
{
    entries_put(entries, op->name, op->kind == OP_LINK ? op->inode : NULL);
}

/* A journal writes both halves of a rename, or none. */
void disk_sync_folder(Disk *disk, Inode *folder)
{
    int32_t count = folder->op_count;
    folder->op_count = 0;
    folder->ops_synced += count;
    for (int32_t i = 0; i < count; i++) {
        const Op *op = &folder->ops[i];
        folder_apply(&folder->durable_entries, op);
        bool is_half = op->moved_to != NULL && op->moved_to != folder;
        if (is_half && op->moved_at >= op->moved_to->ops_synced)
            disk_sync_folder(disk, op->moved_to);
    }
}

void disk_sync_all(Disk *disk)
{
    for (int32_t i = 0; i < disk->inodes.count; i++) {
        Inode *inode = LIST_AT(disk->inodes, i, Inode);
        if (inode->is_folder)
            disk_sync_folder(disk, inode);
        else
            disk_sync(disk, inode);
    }
}

void disk_overwrite(Disk *disk, Inode *file, Str content)
{
    (void)disk;
    file->op_count = 0;
    file->now.length = file->durable.length = 0;
    buffer_append_str(&file->now, content);
    buffer_append_str(&file->durable, content);
}

int64_t disk_bytes(const Disk *disk)
{
    int64_t bytes = 0;
    List waiting = {0};
    Arena *arena = arena_new(0);
    list_append(&waiting, arena, disk->root);
    while (waiting.count > 0) {
        const Inode *inode = LIST_AT(waiting, --waiting.count, Inode);
        bytes += inode->now.length;
        for (int32_t i = 0; i < inode->entries.count; i++)
            list_append(&waiting, arena, inode->entries.items[i].inode);
    }
    arena_free(arena);
    return bytes;
}

static void folder_list_files(const Inode *folder, const char *prefix, Arena *arena, List *paths)
{
    for (int32_t i = 0; i < folder->entries.count; i++) {
        const Entry *entry = &folder->entries.items[i];
        char *path = arena_printf(arena, "%s%s", prefix, entry->name);
        if (entry->inode->is_folder)
            folder_list_files(entry->inode, arena_printf(arena, "%s/", path), arena, paths);
        else
            list_append(paths, arena, path);
    }
}

void disk_list_files(const Disk *disk, Arena *arena, List *paths)
{
    folder_list_files(disk->root, "", arena, paths);
}

/* ---- The power goes ---------------------------------------------------------------------- */

typedef enum Luck { LUCK_NONE, LUCK_ALL, LUCK_PREFIX, LUCK_ANY, LUCK_KINDS } Luck;

/* Some of the sectors of a write, from its beginning or scattered. */
static void content_apply_torn(Buffer *content, const Op *op, uint64_t *seed)
{
    bool is_scattered = random_below(seed, 2) == 0;
    int64_t keep = random_below(seed, op->bytes.length + 1);
    for (int64_t at = 0; at < op->bytes.length;) {
        int64_t sector_end = (op->offset + at) / SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES;
        int64_t length = sector_end - op->offset - at;
        if (length > op->bytes.length - at)
            length = op->bytes.length - at;
        bool is_kept = is_scattered ? random_below(seed, 2) == 0 : at + length <= keep;
        Op part = {.kind = OP_WRITE,
                   .offset = op->offset + at,
                   .bytes = str_make(op->bytes.data + at, length)};
        if (is_kept)
            content_apply(content, &part);
        at += length;
    }
}

static void file_lose(const Inode *file, Luck luck, uint64_t *seed, Buffer *out)
{
    buffer_append_str(out, buffer_str(&file->durable));
    int32_t prefix =
        luck == LUCK_PREFIX ? (int32_t)random_below(seed, file->op_count + 1) : file->op_count;
    for (int32_t i = 0; i < prefix && luck != LUCK_NONE; i++) {
        const Op *op = &file->ops[i];
        int64_t fate = luck == LUCK_ANY ? random_below(seed, 3) : 0;
        bool is_last = luck == LUCK_PREFIX && i + 1 == prefix;
        if (op->kind == OP_WRITE && (fate == 2 || is_last))
            content_apply_torn(out, op, seed);
        else if (fate != 1)
            content_apply(out, op);
    }
}

void disk_fail_sync(Disk *disk, Inode *file, uint64_t seed)
{
    (void)disk;
    Buffer left = {0};
    file_lose(file, (Luck)random_below(&seed, LUCK_KINDS), &seed, &left);
    buffer_free(&file->durable);
    file->durable = left;
    file->op_count = 0;
    file->sync_has_failed = true;
}

void disk_fail_sync_folder(Inode *folder)
{
    folder->sync_has_failed = true;
}

static void folder_choose_kept(Inode *folder, uint64_t *seed)
{
    Luck luck = (Luck)random_below(seed, LUCK_KINDS);
    folder->kept = luck == LUCK_NONE  ? 0
                   : luck == LUCK_ALL ? folder->op_count
                                      : (int32_t)random_below(seed, folder->op_count + 1);
    if (folder->kept > 0 && folder->ops[folder->kept - 1].is_half)
        folder->kept--;
}

/* The unlinking half of a rename is not there without the linking one. */
static bool op_is_kept(const Inode *folder, int32_t index)
{
    const Op *op = &folder->ops[index];
    if (index >= folder->kept)
        return false;
    if (op->kind == OP_LINK || op->moved_to == NULL)
        return true;
    return op->moved_at < op->moved_to->ops_synced + op->moved_to->kept;
}

static Inode *inode_survive(Disk *into, Inode *inode, uint64_t *seed)
{
    if (inode->copy != NULL)
        return inode->copy;
    Inode *copy = inode->copy = inode_new(into, inode->is_folder);
    copy->modified_us = inode->modified_us;
    if (!inode->is_folder) {
        file_lose(inode, (Luck)random_below(seed, LUCK_KINDS), seed, &copy->durable);
        buffer_append_str(&copy->now, buffer_str(&copy->durable));
        return copy;
    }
    Entries left = {0};
    for (int32_t i = 0; i < inode->durable_entries.count; i++)
        entries_put(&left, inode->durable_entries.items[i].name,
                    inode->durable_entries.items[i].inode);
    for (int32_t i = 0; i < inode->op_count; i++)
        if (op_is_kept(inode, i))
            folder_apply(&left, &inode->ops[i]);
    for (int32_t i = 0; i < left.count; i++) {
        const char *name = arena_printf(into->arena, "%s", left.items[i].name);
        Inode *survivor = inode_survive(into, left.items[i].inode, seed);
        entries_put(&copy->entries, name, survivor);
        entries_put(&copy->durable_entries, name, survivor);
    }
    memory_free(left.items);
    return copy;
}

Disk *disk_after_power_cut(const Disk *disk, uint64_t seed)
{
    Arena *arena = arena_new(0);
    Disk *into = ARENA_NEW(arena, Disk);
    into->arena = arena;
    for (int32_t i = 0; i < disk->inodes.count; i++) {
        Inode *inode = LIST_AT(disk->inodes, i, Inode);
        inode->copy = NULL;
        if (inode->is_folder)
            folder_choose_kept(inode, &seed);
    }
    into->root = inode_survive(into, disk->root, &seed);
    return into;
}
