/* The position as bytes, for checkpoints.
 *
 *   version | phase | stream position | databases and tables as of it | segments |
 *   snapshot position | prepared XA transactions | temporary tables, if there are any
 *
 * The tables stand there because the binlog does not name columns: what was read back later
 * from the server would be the definition of another moment. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "connect/mysql/source.h"

enum {
    STATE_VERSION = 3,
    STATE_VERSION_WITH_TEMPORARY = 4, /* only where there are any: else one before it reads it */
    STATE_VERSION_BEFORE_XA = 2,
    STATE_TABLES_MAX = 1000000,
    STATE_DATABASES_MAX = 100000,
    STATE_COLUMNS_MAX = 4096,
    TABLE_IS_SNAPSHOTTED = 1,
    TABLE_IS_SEQUENCE = 2,
    TABLE_IS_ASSUMED = 4,
    TABLE_IS_WANTED = 8,
};

int binlog_position_compare(const BinlogPosition *a, const BinlogPosition *b)
{
    const char *dots[2] = {strrchr(a->file, '.'), strrchr(b->file, '.')};
    int64_t numbers[2] = {0, 0};
    for (int32_t i = 0; i < 2; i++)
        if (dots[i] != NULL)
            (void)str_parse_int64(str_from(dots[i] + 1), &numbers[i]);
    if (numbers[0] != numbers[1])
        return numbers[0] < numbers[1] ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

static void write_position(Buffer *out, const BinlogPosition *position)
{
    buffer_append_bytes(out, str_from(position->file));
    buffer_append_u64(out, position->offset);
}

static void read_position(ByteReader *reader, BinlogPosition *position)
{
    Str file = byte_reader_bytes(reader);
    if (file.length >= (int64_t)sizeof position->file)
        reader->is_short = true;
    else
        snprintf(position->file, sizeof position->file, "%.*s", STR_ARGS(file));
    position->offset = byte_reader_u64(reader);
}

static void write_key(Buffer *out, const RowKey *key)
{
    buffer_append_u32(out, (uint32_t)key->count);
    for (int32_t i = 0; i < key->count; i++)
        buffer_append_u32(out, (uint32_t)key->lengths[i]);
    buffer_append_bytes(out, key->count > 0 ? buffer_str(&key->text) : (Str){.data = ""});
}

static void read_key(ByteReader *reader, RowKey *key)
{
    uint32_t count = byte_reader_u32(reader);
    int64_t total = 0;
    if (count > KEY_COLUMNS_MAX) {
        reader->is_short = true;
        return;
    }
    key->count = (int32_t)count;
    for (uint32_t i = 0; i < count; i++) {
        key->lengths[i] = (int32_t)byte_reader_u32(reader);
        total += key->lengths[i];
    }
    Str text = byte_reader_bytes(reader);
    if (count > 0 && total != text.length)
        reader->is_short = true;
    key->text.length = 0;
    buffer_append_str(&key->text, text);
}

static void write_table(Buffer *out, const SourceTable *table)
{
    const MysqlTable *schema = table->schema;
    buffer_append_bytes(out, schema->database);
    buffer_append_bytes(out, schema->name);
    buffer_append_bytes(out, schema->charset_name);
    buffer_append_bytes(out, table->why);
    buffer_append_u8(out, (uint8_t)((table->is_snapshotted ? TABLE_IS_SNAPSHOTTED : 0) |
                                    (table->is_sequence ? TABLE_IS_SEQUENCE : 0) |
                                    (table->is_assumed ? TABLE_IS_ASSUMED : 0) |
                                    (table->is_wanted ? TABLE_IS_WANTED : 0)));
    buffer_append_u32(out, (uint32_t)schema->count);
    for (int32_t i = 0; i < schema->count; i++) {
        const MysqlColumn *column = &schema->columns[i];
        buffer_append_bytes(out, column->name);
        buffer_append_bytes(out, column->declared);
        buffer_append_bytes(out, column->charset_name);
        buffer_append_bytes(out, column->collation);
        buffer_append_u8(out, (uint8_t)(column->is_nullable | column->is_virtual << 1));
    }
    buffer_append_u32(out, (uint32_t)schema->key_count);
    for (int32_t i = 0; i < schema->key_count; i++)
        buffer_append_u32(out, (uint32_t)schema->key[i]);
}

/* NULL data: it was not known. */
static Str read_name(ByteReader *reader)
{
    Str name = byte_reader_bytes(reader);
    return name.length > 0 ? name : (Str){0};
}

static void read_column(ByteReader *reader, Arena *arena, MysqlColumn *column)
{
    column->name = byte_reader_bytes(reader);
    Str declared = byte_reader_bytes(reader);
    Str charset = byte_reader_bytes(reader);
    Str collation = byte_reader_bytes(reader);
    uint8_t flags = byte_reader_u8(reader);
    if (reader->is_short)
        return;
    Str text = declared;
    if (!mysql_type_parse(arena, &text, charset.length > 0 ? charset : (Str){0}, column))
        column->type = MYSQL_NULL;
    column->declared = declared;
    column->collation = collation;
    if (charset.length > 0 && mysql_column_is_text(column)) {
        column->charset_name = charset;
        column->charset = charset_from_name(charset);
    }
    column->is_nullable = (flags & 1) != 0;
    column->is_virtual = (flags & 2) != 0;
}

static void read_table(MysqlSource *source, ByteReader *reader)
{
    Arena *arena = arena_new(0);
    MysqlTable schema = {.database = byte_reader_bytes(reader)};
    schema.name = byte_reader_bytes(reader);
    schema.charset_name = read_name(reader);
    Str why = byte_reader_bytes(reader);
    uint8_t flags = byte_reader_u8(reader);
    uint32_t count = byte_reader_u32(reader);
    if (reader->is_short || count > STATE_COLUMNS_MAX) {
        reader->is_short = true;
        arena_free(arena);
        return;
    }
    schema.count = (int32_t)count;
    schema.columns = ARENA_ARRAY(arena, MysqlColumn, count + 1);
    for (uint32_t i = 0; i < count; i++)
        read_column(reader, arena, &schema.columns[i]);
    uint32_t key_count = byte_reader_u32(reader);
    int32_t *key = ARENA_ARRAY(arena, int32_t, count + 1);
    for (uint32_t i = 0; i < key_count; i++) {
        uint32_t at = byte_reader_u32(reader);
        if (at >= count || key_count > count)
            reader->is_short = true;
        if (reader->is_short)
            break;
        key[i] = (int32_t)at;
    }
    if (!reader->is_short) {
        schema.key = key;
        schema.key_count = (int32_t)key_count;
        SourceTable *table = book_add(source, &schema);
        if (why.length > 0)
            book_set_unknown(table, why);
        table->is_snapshotted = (flags & TABLE_IS_SNAPSHOTTED) != 0;
        table->is_sequence = (flags & TABLE_IS_SEQUENCE) != 0;
        table->is_assumed = (flags & TABLE_IS_ASSUMED) != 0;
        table->was_wanted = (flags & TABLE_IS_WANTED) != 0;
    }
    arena_free(arena);
}

static void write_databases(Buffer *out, const MysqlSource *source)
{
    buffer_append_u32(out, (uint32_t)source->databases.count);
    for (int32_t i = 0; i < source->databases.count; i++) {
        const SourceDatabase *database = LIST_AT(source->databases, i, SourceDatabase);
        buffer_append_bytes(out, database->name);
        buffer_append_bytes(out, database->charset);
    }
}

static void read_databases(MysqlSource *source, ByteReader *reader)
{
    uint32_t count = byte_reader_u32(reader);
    for (uint32_t i = 0; i < count && i < STATE_DATABASES_MAX && !reader->is_short; i++) {
        Str name = byte_reader_bytes(reader);
        book_set_charset(source, name, byte_reader_bytes(reader));
    }
}

void mysql_source_write_state(const MysqlSource *source, Buffer *out)
{
    const SourceStream *stream = &source->stream;
    const SourceSnapshot *snapshot = &source->snapshot;
    bool has_temporary = source->temporary.count > 0;
    buffer_append_u8(out, has_temporary ? STATE_VERSION_WITH_TEMPORARY : STATE_VERSION);
    buffer_append_u8(out, snapshot->is_done);
    buffer_append_u32(out, stream->server_id);
    write_position(out, &stream->safe);
    Buffer gtids = {0};
    gtid_print(&gtids, &stream->gtids);
    buffer_append_bytes(out, gtids.length > 0 ? buffer_str(&gtids) : (Str){.data = ""});
    buffer_free(&gtids);
    buffer_append_u64(out, (uint64_t)(stream->rows_done + stream->rows_skip));
    buffer_append_u32(out, stream->safe_made);
    write_position(out, &source->assumed_until);
    write_databases(out, source);
    buffer_append_u32(out, (uint32_t)source->table_count);
    for (int32_t i = 0; i < source->table_count; i++)
        write_table(out, source->tables[i]);
    buffer_append_u32(out, (uint32_t)source->segments.count);
    for (int32_t i = 0; i < source->segments.count; i++) {
        const Segment *segment = LIST_AT(source->segments, i, Segment);
        write_position(out, &segment->position);
        buffer_append_u32(out, segment->server_id);
        buffer_append_bytes(out, segment->gtids);
        buffer_append_bytes(out, segment->database);
        buffer_append_bytes(out, segment->name);
        write_key(out, &segment->upper);
    }
    buffer_append_u8(out, snapshot->is_open);
    buffer_append_u32(out, (uint32_t)snapshot->at);
    buffer_append_u64(out, (uint64_t)snapshot->table_rows);
    buffer_append_u64(out, (uint64_t)atomic_load(&source->reader.progress.rows_done));
    write_key(out, &snapshot->last);
    xa_write_state(source, out);
    if (has_temporary)
        temporary_write_state(source, out);
}

static void read_segments(MysqlSource *source, ByteReader *reader)
{
    uint32_t count = byte_reader_u32(reader);
    for (uint32_t i = 0; i < count && i < SEGMENTS_MAX && !reader->is_short; i++) {
        Segment *segment = ARENA_NEW(source->arena, Segment);
        read_position(reader, &segment->position);
        segment->server_id = byte_reader_u32(reader);
        segment->gtids = str_copy(source->arena, byte_reader_bytes(reader));
        reader->is_short = reader->is_short || !gtid_parse(&segment->executed, segment->gtids);
        segment->database = str_copy(source->arena, byte_reader_bytes(reader));
        segment->name = str_copy(source->arena, byte_reader_bytes(reader));
        read_key(reader, &segment->upper);
        list_append(&source->segments, source->arena, segment);
    }
}

Status mysql_source_read_state(MysqlSource *source, Str bytes, Error *error)
{
    SourceStream *stream = &source->stream;
    SourceSnapshot *snapshot = &source->snapshot;
    ByteReader reader = byte_reader(bytes);
    uint8_t version = byte_reader_u8(&reader);
    if (version < STATE_VERSION_BEFORE_XA || version > STATE_VERSION_WITH_TEMPORARY)
        return fail(error, ERR_CORRUPT, "WR3136",
                    "the position in the checkpoint is of another version");
    snapshot->is_done = byte_reader_u8(&reader) != 0;
    stream->server_id = byte_reader_u32(&reader);
    read_position(&reader, &stream->safe);
    bool is_good = gtid_parse(&stream->gtids, byte_reader_bytes(&reader));
    stream->rows_skip = (int64_t)byte_reader_u64(&reader);
    stream->safe_made = byte_reader_u32(&reader);
    read_position(&reader, &source->assumed_until);
    read_databases(source, &reader);
    uint32_t tables = byte_reader_u32(&reader);
    for (uint32_t i = 0; i < tables && i < STATE_TABLES_MAX && !reader.is_short; i++)
        read_table(source, &reader);
    read_segments(source, &reader);
    bool was_open = byte_reader_u8(&reader) != 0;
    snapshot->at = (int32_t)byte_reader_u32(&reader);
    snapshot->table_rows = (int64_t)byte_reader_u64(&reader);
    atomic_store(&source->reader.progress.rows_done, (int64_t)byte_reader_u64(&reader));
    read_key(&reader, &snapshot->last);
    if (version != STATE_VERSION_BEFORE_XA)
        xa_read_state(source, &reader);
    else
        source->xa.may_miss = true; /* then rows were delivered when they were prepared */
    if (version == STATE_VERSION_WITH_TEMPORARY)
        temporary_read_state(source, &reader);
    if (reader.is_short || !is_good || snapshot->at < 0)
        return fail(error, ERR_CORRUPT, "WR3136", "the position in the checkpoint is damaged");
    /* The consistent read did not survive: what it gave is a segment from now on. */
    snapshot->is_open = was_open && source->segments.count > 0;
    return OK;
}
