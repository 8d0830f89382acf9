/* Pieces; see the header. */
#include "sim/log_pieces.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bigendian.h"
#include "base/hash.h"
#include "log/segment.h"
#include "sim/log_model.h"

#define MARKER "@WF!"

enum {
    HEAD_BYTES = 15,
    MARK_NUMBERS = 5,
    INDEX_HEAD_BYTES = 48,
    INDEX_HASH_AT = 32,
    INDEX_ENTRIES_AT = 40,
    PATH_BYTES = 128,
};

typedef struct Piece {
    char kind;
    uint8_t flags;
    int32_t partition;
    int64_t base;
    Str content;
} Piece;

static const struct {
    char kind;
    const char *suffix;
} kinds[] = {{'L', ".log"}, {'I', ".index"}, {'P', ".producers"}, {'N', ".log.new"}};

enum { KINDS = (int)(sizeof kinds / sizeof kinds[0]) };

/* ---- To pieces ------------------------------------------------------------------------------- */

static void begin_piece(Buffer *out, const Piece *piece)
{
    buffer_append_text(out, MARKER);
    buffer_append_char(out, piece->kind);
    buffer_append_u8(out, piece->flags);
    buffer_append_u8(out, (uint8_t)piece->partition);
    char base[8];
    store_be64(base, (uint64_t)piece->base);
    buffer_append(out, base, sizeof base);
}

static void print_mark(Disk *disk, int32_t partition, Buffer *out)
{
    Inode *marks = disk_find(disk, "data/marks");
    Str content = marks != NULL ? inode_content(marks) : STR("");
    if (content.length < 8)
        return;
    ByteReader reader = byte_reader(str_make(content.data, content.length - 4));
    /* Older ones say nothing of their seals: they are old everywhere. */
    bool is_old = str_equal(byte_reader_take(&reader, 4), STR("WPM1"));
    int64_t numbers_bytes = (int64_t)sizeof(uint64_t) * (MARK_NUMBERS - is_old);
    while (byte_reader_left(&reader) > 0) {
        Str name = byte_reader_bytes(&reader);
        Str numbers = byte_reader_take(&reader, numbers_bytes);
        if (!str_is(name, model_names[partition]))
            continue;
        begin_piece(out, &(Piece){.kind = 'K', .partition = partition});
        buffer_append_str(out, numbers);
        if (is_old)
            buffer_append_u64(out, INT64_MAX);
    }
}

void log_pieces_print(Disk *disk, int32_t partition, uint8_t flags, Buffer *out)
{
    Arena *arena = arena_new(0);
    List paths = {0};
    disk_list_files(disk, arena, &paths);
    const char *folder = arena_printf(arena, "data/%s/", model_names[partition]);
    print_mark(disk, partition, out);
    for (int32_t i = 0; i < paths.count; i++) {
        const char *path = LIST_AT(paths, i, const char);
        if (!str_has_prefix(str_from(path), str_from(folder)))
            continue;
        const char *name = path + strlen(folder);
        for (int32_t k = 0; k < KINDS; k++) {
            int64_t base = log_segment_base_of_name(name, kinds[k].suffix);
            if (base < 0)
                continue;
            begin_piece(out, &(Piece){.kind = kinds[k].kind,
                                      .flags = flags,
                                      .partition = partition,
                                      .base = base});
            buffer_append_str(out, inode_content(disk_find(disk, path)));
        }
    }
    arena_free(arena);
}

/* ---- From pieces ----------------------------------------------------------------------------- */

/* Walks over the pieces; what stands before the first is nothing. */
static bool next_piece(Str *rest, Piece *out)
{
    const char *begin = memmem(rest->data, (size_t)rest->length, MARKER, strlen(MARKER));
    if (begin == NULL || rest->data + rest->length - begin < HEAD_BYTES)
        return false;
    *out = (Piece){.kind = begin[4],
                   .flags = (uint8_t)begin[5],
                   .partition = (uint8_t)begin[6] % MODEL_PARTITIONS,
                   .base = (int64_t)(load_be64(begin + 7) & INT64_MAX)};
    const char *content = begin + HEAD_BYTES, *all_end = rest->data + rest->length;
    const char *end = memmem(content, (size_t)(all_end - content), MARKER, strlen(MARKER));
    end = end == NULL ? all_end : end;
    out->content = str_make(content, end - content);
    *rest = str_make(end, all_end - end);
    return true;
}

static void mend_batches(Buffer *content, uint32_t identity, uint8_t flags)
{
    BatchHeader header;
    for (int64_t at = 0;
         batch_read_header(str_make(content->data + at, content->length - at), &header) &&
         header.bytes <= content->length - at;
         at += header.bytes) {
        if ((flags & PIECE_CHECKSUM) != 0)
            batch_write_header(content->data + at, header.bytes, &header);
        if ((flags & PIECE_SEAL) != 0)
            batch_seal(content->data + at, identity, at);
    }
}

static void store_le(char *at, uint64_t value, int32_t bytes)
{
    for (int32_t i = 0; i < bytes; i++)
        at[i] = (char)(value >> (8 * i));
}

/* As log_segment_note does it. */
static uint64_t hash_of(Str segment)
{
    uint64_t hash = 0;
    BatchHeader header;
    while (batch_read_header(segment, &header) && header.bytes <= segment.length) {
        hash = hash_combine(hash, hash_bytes(segment.data, BATCH_HEADER_BYTES));
        segment = str_make(segment.data + header.bytes, segment.length - header.bytes);
    }
    return hash;
}

static void mend_index(Buffer *content, uint32_t identity, Str segment, uint8_t flags)
{
    if (content->length < INDEX_HEAD_BYTES)
        return;
    if ((flags & PIECE_CONTENT) != 0) {
        store_le(content->data + 8, (uint64_t)segment.length, 8);
        store_le(content->data + INDEX_HASH_AT, hash_of(segment), 8);
    }
    Str entries = str_make(content->data + INDEX_HEAD_BYTES, content->length - INDEX_HEAD_BYTES);
    if ((flags & PIECE_CHECKSUM) != 0)
        store_le(content->data + INDEX_ENTRIES_AT, crc32c(0, entries.data, entries.length), 4);
    if ((flags & PIECE_SEAL) != 0)
        store_le(content->data + INDEX_HEAD_BYTES - 4,
                 crc32c(identity, content->data, INDEX_HEAD_BYTES - 4), 4);
}

static void mend_tail(Buffer *content, uint32_t identity, uint8_t flags)
{
    if (content->length >= 4 && (flags & PIECE_SEAL) != 0)
        store_le(content->data + content->length - 4,
                 crc32c(identity, content->data, content->length - 4), 4);
}

/* Whether it is another file than the piece says. */
static bool put_file(const Piece *piece, const char *suffix, SimWorld *world)
{
    char path[PATH_BYTES], base[8];
    const char *name = model_names[piece->partition];
    uint32_t identity = log_identity(name);
    store_be64(base, (uint64_t)piece->base);
    uint32_t of_segment = crc32c(identity, base, sizeof base);
    Buffer content = {0};
    buffer_append_str(&content, piece->content);
    if (piece->kind == 'L') {
        mend_batches(&content, of_segment, piece->flags);
    } else if (piece->kind == 'I') {
        snprintf(path, sizeof path, "data/%s/%020" PRId64 ".log", name, piece->base);
        Inode *segment = disk_find(world->disk, path);
        mend_index(&content, of_segment, segment != NULL ? inode_content(segment) : STR(""),
                   piece->flags);
    } else if (piece->kind == 'P') {
        mend_tail(&content, identity, piece->flags);
    }
    snprintf(path, sizeof path, "data/%s/%020" PRId64 "%s", name, piece->base, suffix);
    sim_world_put(world, path, buffer_str(&content));
    bool is_mended = !str_equal(buffer_str(&content), piece->content);
    buffer_free(&content);
    return is_mended;
}

static void add_mark(const Piece *piece, Buffer *marks)
{
    char numbers[sizeof(uint64_t) * MARK_NUMBERS] = {0};
    int64_t length = (int64_t)sizeof numbers;
    length = piece->content.length < length ? piece->content.length : length;
    if (length > 0)
        memcpy(numbers, piece->content.data, (size_t)length);
    if (marks->length == 0)
        buffer_append_text(marks, "WPM2");
    buffer_append_bytes(marks, str_from(model_names[piece->partition]));
    buffer_append(marks, numbers, sizeof numbers);
}

/* Indexes behind the segments that they are of. */
static bool put_files(Str pieces, bool are_indexes, SimWorld *world)
{
    bool is_mended = false;
    for (Piece piece; next_piece(&pieces, &piece);)
        for (int32_t k = 0; k < KINDS; k++)
            if (kinds[k].kind == piece.kind && (piece.kind == 'I') == are_indexes)
                is_mended |= put_file(&piece, kinds[k].suffix, world);
    return is_mended;
}

bool log_pieces_make(Str pieces, SimWorld *world)
{
    Buffer marks = {0};
    sim_world_put(world, "data/lock", STR(""));
    bool is_mended = put_files(pieces, false, world);
    is_mended |= put_files(pieces, true, world);
    for (Piece piece; next_piece(&pieces, &piece);) {
        if (piece.kind == 'K') {
            add_mark(&piece, &marks);
        } else if (piece.kind == 'M') {
            marks.length = 0;
            buffer_append_str(&marks, piece.content);
            mend_tail(&marks, 0, piece.flags);
            sim_world_put(world, "data/marks", buffer_str(&marks));
            marks.length = 0;
        }
    }
    if (marks.length > 0) {
        buffer_append_u32(&marks, crc32c(0, marks.data, marks.length));
        sim_world_put(world, "data/marks", buffer_str(&marks));
    }
    buffer_free(&marks);
    return is_mended;
}
