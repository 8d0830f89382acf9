/* Blocks in the place of others; see the header. Batches are found by their headers, since a block
 * that begins and ends within one is found by the checksum anyway. */
#include "sim/log_moves.h"

#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "log/old_testing.h"

enum { BORDERS_MAX = 512, BATCHES_MAX = 5, TRIES = 20, BLOCKS_MAX = 8 };

typedef struct Moved {
    const char *path;
    Inode *file;
    Buffer content;
    int64_t borders[BORDERS_MAX]; /* where batches begin, and the end */
    int32_t border_count;
} Moved;

static void find_borders(Moved *moved)
{
    int64_t at = 0;
    BatchHeader header;
    moved->border_count = 0;
    while (moved->border_count + 1 < BORDERS_MAX &&
           batch_read_header(str_make(moved->content.data + at, moved->content.length - at),
                             &header)) {
        moved->borders[moved->border_count++] = at;
        at += header.bytes;
    }
    moved->borders[moved->border_count++] = at;
}

/* A file that is not empty; false if there is none of that kind. */
static bool pick_file(Disk *disk, const char *suffix, uint64_t *chance, Arena *arena, Moved *out)
{
    List paths = {0}, of_kind = {0};
    disk_list_files(disk, arena, &paths);
    for (int32_t i = 0; i < paths.count; i++) {
        const char *path = LIST_AT(paths, i, const char);
        if (str_has_suffix(str_from(path), str_from(suffix)) &&
            inode_content(disk_find(disk, path)).length > 0)
            list_append(&of_kind, arena, (char *)path);
    }
    if (of_kind.count == 0)
        return false;
    out->path = LIST_AT(of_kind, random_below(chance, of_kind.count), const char);
    out->file = disk_find(disk, out->path);
    out->content.length = 0;
    buffer_append_str(&out->content, inode_content(out->file));
    find_borders(out);
    return true;
}

typedef struct Move {
    int64_t from, to, length;
} Move;

/* A few batches, to where as many bytes are whole batches, too, if chance finds such a place. */
static Move pick_batches(const Moved *source, const Moved *target, uint64_t *chance)
{
    Move move = {0};
    for (int32_t i = 0; i < TRIES; i++) {
        int64_t first = random_below(chance, source->border_count - 1);
        int64_t last = first + 1 + random_below(chance, BATCHES_MAX);
        last = last < source->border_count ? last : source->border_count - 1;
        move.from = source->borders[first];
        move.length = source->borders[last] - move.from;
        move.to = target->borders[random_below(chance, target->border_count - 1)];
        for (int32_t b = 0; b < target->border_count; b++)
            if (target->borders[b] == move.to + move.length && move.from != move.to)
                return move;
    }
    return move;
}

static Move pick_blocks(const Moved *source, const Moved *target, uint64_t *chance)
{
    return (Move){
        .from = SECTOR_BYTES * random_below(chance, source->content.length / SECTOR_BYTES + 1),
        .to = SECTOR_BYTES * random_below(chance, target->content.length / SECTOR_BYTES + 1),
        .length = SECTOR_BYTES * (1 + random_below(chance, BLOCKS_MAX)),
    };
}

static void clip(Move *move, const Moved *source, const Moved *target)
{
    int64_t left = source->content.length - move->from;
    move->length = move->length < left ? move->length : left;
    left = target->content.length - move->to;
    move->length = move->length < left ? move->length : left;
}

static void exchange(Moved *source, Moved *target, Move move, bool is_swap)
{
    Buffer held = {0};
    Moved *into = strcmp(source->path, target->path) == 0 ? target : source;
    buffer_append(&held, target->content.data + move.to, move.length);
    memcpy(target->content.data + move.to, source->content.data + move.from, (size_t)move.length);
    if (is_swap)
        memcpy(into->content.data + move.from, held.data, (size_t)move.length);
    buffer_free(&held);
}

/* The whole file, however long the other one was. */
static void exchange_files(Moved *source, Moved *target, bool is_swap)
{
    Buffer held = target->content;
    target->content = (Buffer){0};
    buffer_append_str(&target->content, buffer_str(&source->content));
    if (is_swap) {
        source->content.length = 0;
        buffer_append_str(&source->content, buffer_str(&held));
    }
    buffer_free(&held);
}

static bool write_back(Disk *disk, Moved *moved)
{
    bool has_changed = !str_equal(inode_content(moved->file), buffer_str(&moved->content));
    if (has_changed)
        disk_overwrite(disk, moved->file, buffer_str(&moved->content));
    return has_changed;
}

Moves log_moves(Disk *disk, uint64_t *chance, bool is_traced)
{
    static const char *const kinds[] = {".log", ".log", ".log", ".log", ".index", ".producers"};
    const char *kind = kinds[random_below(chance, (int64_t)(sizeof kinds / sizeof kinds[0]))];
    bool is_log = strcmp(kind, ".log") == 0, is_swap = random_below(chance, 2) == 0;
    int64_t how = is_log ? random_below(chance, 8) : 0;
    Arena *arena = arena_new(0);
    Moved source = {0}, target = {0};
    Moves moves = {0};
    Move move = {0};
    if (!pick_file(disk, kind, chance, arena, &source) ||
        !pick_file(disk, kind, chance, arena, &target)) {
        arena_free(arena);
        return moves;
    }
    if (how == 0) {
        exchange_files(&source, &target, is_swap);
    } else {
        move = how == 1 ? pick_blocks(&source, &target, chance)
                        : pick_batches(&source, &target, chance);
        clip(&move, &source, &target);
        exchange(&source, &target, move, is_swap);
    }
    if (is_traced)
        fprintf(stderr, "%s %lld bytes of %s at %lld and %s at %lld\n", is_swap ? "swap" : "copy",
                (long long)move.length, source.path, (long long)move.from, target.path,
                (long long)move.to);
    moves.has_changed = write_back(disk, &target);
    if (is_swap && strcmp(source.path, target.path) != 0)
        moves.has_changed |= write_back(disk, &source);
    moves.has_changed_batches = moves.has_changed && is_log;
    buffer_free(&source.content);
    buffer_free(&target.content);
    arena_free(arena);
    return moves;
}

/* ---- Of an older version --------------------------------------------------------------------- */

static void read_inode(Disk *disk, const char *path, Buffer *out)
{
    Inode *file = disk_find(disk, path);
    out->length = 0;
    if (file != NULL)
        buffer_append_str(out, inode_content(file));
}

static void make_old(Disk *disk, const char *path, Arena *arena, Buffer *content)
{
    Str name = str_from(path);
    read_inode(disk, path, content);
    if (content->length == 0)
        return;
    if (str_has_suffix(name, STR(".index"))) {
        Buffer segment = {0};
        int64_t stem = name.length - (int64_t)strlen(".index");
        read_inode(disk, arena_printf(arena, "%.*s.log", (int)stem, path), &segment);
        old_index(content, old_segment(&segment));
        buffer_free(&segment);
    } else if (str_has_suffix(name, STR(".log"))) {
        old_segment(content);
    } else if (str_has_suffix(name, STR(".producers"))) {
        old_snapshot(content);
    } else if (str_has_suffix(name, STR("/marks"))) {
        old_marks(content);
    }
    disk_overwrite(disk, disk_find(disk, path), buffer_str(content));
}

void log_becomes_old(Disk *disk)
{
    Arena *arena = arena_new(0);
    List paths = {0};
    Buffer content = {0};
    disk_list_files(disk, arena, &paths);
    for (int32_t i = 0; i < paths.count; i++)
        make_old(disk, LIST_AT(paths, i, const char), arena, &content);
    disk_sync_all(disk);
    buffer_free(&content);
    arena_free(arena);
}
