/* Files of Avro, read block by block and written from memory. */
#include "format/avro_file.h"

#include "base/memory.h"
#include "format/avro_codec.h"
#include "format/avro_read.h"
#include "format/avro_table.h"
#include "format/avro_write.h"
#include "format/formats.h"

enum {
    SYNC_BYTES = 16,
    READ_BYTES = 64 * 1024,
    HEADER_BYTES_MAX = 16 << 20,
    BLOCK_BYTES_MAX = 256 << 20, /* packed or not */
    BLOCK_BYTES = 64000,         /* of one that is written, unpacked: as Java's library has it */
    VARINT_BYTES_MAX = 10,
    EMPTY_RECORDS_MAX = 1 << 16, /* records without bytes in a block */
};

static const char MAGIC[] = {'O', 'b', 'j', 1};

/* ---- Bytes of the file ----------------------------------------------------------------------- */

struct AvroFileReader {
    DecoderSpec spec;
    Arena *arena;
    const char *path;
    File *file;
    int64_t file_offset; /* what comes next into `bytes` */
    Buffer bytes;        /* of the file */
    int64_t at;          /* of them: what is used */
    bool has_all;        /* nothing is left in the file */
    AvroCodec codec;
    char sync[SYNC_BYTES];
    AvroSchema *writer; /* by which it was written */
    AvroReader *reader;
    AvroReading reading;
    Buffer block;   /* unpacked */
    Str left;       /* of it */
    int64_t count;  /* records in `left` */
    int64_t number; /* of the next record, in the file */
    Error damage;   /* that was met: there is no way beyond it */
};

static Status damaged(const AvroFileReader *self, const char *what, Error *error)
{
    return fail(error, ERR_DECODE, "WR3403", "%s is damaged behind record %lld: %s", self->path,
                (long long)self->number, what);
}

static int64_t bytes_left(const AvroFileReader *self)
{
    return self->bytes.length - self->at;
}

/* So many bytes are there, unless the file ends before. */
static Status need(AvroFileReader *self, int64_t count, Error *error)
{
    if (bytes_left(self) >= count || self->has_all)
        return OK;
    int64_t left = bytes_left(self);
    if (left > 0)
        memmove(self->bytes.data, self->bytes.data + self->at, (size_t)left);
    self->bytes.length = left;
    self->at = 0;
    while (self->bytes.length < count && !self->has_all) {
        int64_t wanted = count - self->bytes.length > READ_BYTES ? count - self->bytes.length
                                                                 : (int64_t)READ_BYTES;
        /* What a damaged file says that it has is believed step by step. */
        wanted = wanted < 16 * (int64_t)READ_BYTES ? wanted : 16 * (int64_t)READ_BYTES;
        int64_t got;
        char *to = buffer_reserve(&self->bytes, wanted);
        TRY(self->spec.world->kind->read_at(self->file, self->file_offset, to, wanted, &got,
                                            error));
        self->bytes.length += got;
        self->file_offset += got;
        self->has_all = got < wanted;
    }
    return OK;
}

static Status take_bytes(AvroFileReader *self, int64_t count, Str *out, Error *error)
{
    TRY(need(self, count, error));
    if (count < 0 || bytes_left(self) < count)
        return damaged(self, "it ends too early", error);
    *out = str_make(self->bytes.data + self->at, count);
    self->at += count;
    return OK;
}

static Status take_number(AvroFileReader *self, int64_t *out, Error *error)
{
    uint64_t value = 0;
    Str byte = {0};
    for (int32_t i = 0; i < VARINT_BYTES_MAX; i++) {
        TRY(take_bytes(self, 1, &byte, error));
        uint64_t bits = (unsigned char)byte.data[0];
        value |= (bits & 0x7f) << (7 * i);
        if (bits < 0x80) {
            *out = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
            return OK;
        }
    }
    return damaged(self, "a number is too long", error);
}

/* ---- The header ------------------------------------------------------------------------------ */

static Status take_text(AvroFileReader *self, Str *out, Error *error)
{
    int64_t length;
    Str bytes;
    TRY(take_number(self, &length, error));
    if (length < 0 || length > HEADER_BYTES_MAX)
        return damaged(self, "its header is too large", error);
    TRY(take_bytes(self, length, &bytes, error));
    *out = str_copy(self->arena, bytes);
    return OK;
}

static Status take_codec(AvroFileReader *self, Str name, Error *error)
{
    if (avro_codec_find(name, &self->codec))
        return OK;
    return fail(error, ERR_DECODE, "WR3403",
                "%s is packed by `%.*s`; null, deflate, snappy and zstandard can be read",
                self->path, (int)(name.length < 64 ? name.length : 64), name.data);
}

/* The metadata: schema and codec; what else there is does not matter. */
static Status take_metadata(AvroFileReader *self, Str *schema, Error *error)
{
    int64_t count, size, all = 0;
    Str key, value;
    for (;;) {
        TRY(take_number(self, &count, error));
        if (count < 0)
            TRY(take_number(self, &size, error));
        if (count == 0)
            return OK;
        if (count > HEADER_BYTES_MAX || count < -HEADER_BYTES_MAX)
            return damaged(self, "its header is too large", error);
        for (int64_t i = 0; i < (count < 0 ? -count : count); i++) {
            TRY(take_text(self, &key, error));
            TRY(take_text(self, &value, error));
            all += key.length + value.length + 2;
            if (all > HEADER_BYTES_MAX)
                return damaged(self, "its header is too large", error);
            if (str_is(key, "avro.schema"))
                *schema = value;
            if (str_is(key, "avro.codec"))
                TRY(take_codec(self, value, error));
        }
    }
}

static Status take_header(AvroFileReader *self, Error *error)
{
    Str magic, sync, json = {0};
    AvroSchema *own;
    TRY(need(self, (int64_t)sizeof MAGIC, error));
    if (bytes_left(self) < (int64_t)sizeof MAGIC)
        return damaged(self, "it is no avro file", error);
    TRY(take_bytes(self, (int64_t)sizeof MAGIC, &magic, error));
    if (memcmp(magic.data, MAGIC, sizeof MAGIC) != 0)
        return damaged(self, "it is no avro file", error);
    TRY(take_metadata(self, &json, error));
    TRY(take_bytes(self, SYNC_BYTES, &sync, error));
    memcpy(self->sync, sync.data, SYNC_BYTES);
    AvroTable table = {
        .record = self->spec.record, .options = self->spec.options, .prefix = self->spec.prefix};
    Str ignored;
    TRY(avro_table_schema(self->arena, &table, &ignored, &own, error));
    Error why = {0};
    if (json.length == 0)
        return damaged(self, "it has no schema", error);
    if (avro_schema_parse(self->arena, json, &self->writer, &why) == OK &&
        avro_reader_new(self->arena, &self->spec, self->writer, own, &self->reader, &why) == OK)
        return OK;
    return fail(error, ERR_DECODE, "WR3513", "%s: %s", self->path, why.text);
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* The next block, unpacked unless all of it is passed over. ERR_END: there is none. */
static Status take_block(AvroFileReader *self, int64_t skip_records, Error *error)
{
    int64_t count, size;
    Str packed, sync;
    TRY(need(self, 1, error));
    if (bytes_left(self) == 0)
        return ERR_END;
    TRY(take_number(self, &count, error));
    TRY(take_number(self, &size, error));
    if (count < 0 || size < 0 || size > BLOCK_BYTES_MAX)
        return damaged(self, "a block has no good size", error);
    TRY(need(self, size + SYNC_BYTES, error));
    TRY(take_bytes(self, size, &packed, error));
    TRY(take_bytes(self, SYNC_BYTES, &sync, error));
    if (memcmp(sync.data, self->sync, SYNC_BYTES) != 0)
        return damaged(self, "a block does not end where it should", error);
    self->block.length = 0;
    self->left = (Str){0};
    self->count = count;
    if (count <= skip_records)
        return OK;
    if (!avro_codec_unpack(self->codec, packed, BLOCK_BYTES_MAX, &self->block))
        return damaged(self, "a block cannot be unpacked", error);
    if (count > self->block.length + EMPTY_RECORDS_MAX)
        return damaged(self, "a block has more records than bytes", error);
    self->left = buffer_str(&self->block);
    return OK;
}

/* The next record of the block. */
static Status take_record(AvroFileReader *self, Batch *into, int32_t capacity, Error *error)
{
    Str before = self->left;
    if (avro_read_next(self->reader, &self->reading, &self->left, into, capacity)) {
        self->count--;
        self->number++;
        return OK;
    }
    if (self->left.data == NULL)
        return damaged(self, self->reading.reason, error);
    self->spec.reject(self->spec.reject_context, self->number,
                      str_make(before.data, before.length - self->left.length), self->reading.code,
                      self->reading.reason);
    self->count--;
    self->number++;
    return OK;
}

static Status pass_over(AvroFileReader *self, int64_t count, Error *error)
{
    while (count > 0) {
        TRY(take_block(self, count, error));
        int64_t passed = self->count < count ? self->count : count;
        for (int64_t i = 0; self->left.data != NULL && i < passed; i++)
            if (!avro_skip_next(self->writer, &self->reading, &self->left))
                return damaged(self, self->reading.reason, error);
        self->count -= passed;
        self->number += passed;
        count -= passed;
    }
    return OK;
}

Status avro_file_open(const DecoderSpec *spec, const char *path, int64_t skip_records,
                      AvroFileReader **out, Error *error)
{
    Arena *arena = arena_new(0);
    AvroFileReader *self = ARENA_NEW(arena, AvroFileReader);
    self->arena = arena;
    self->spec = *spec;
    self->path = str_terminated(arena, str_from(path));
    Status status = spec->world->kind->open(spec->world, path, FILE_READ, &self->file, error);
    if (status == OK)
        status = take_header(self, error);
    if (status == OK)
        status = pass_over(self, skip_records, error);
    if (status == ERR_END)
        status = damaged(self, "it has fewer records than were read of it", error);
    *out = status == OK ? self : NULL;
    if (status != OK)
        avro_file_close(self);
    return status;
}

Status avro_file_next(AvroFileReader *self, Batch *into, int32_t capacity, int64_t *taken,
                      Error *error)
{
    int64_t began = self->number;
    Status status = self->damage.status;
    /* Rejected records count, too: a file that has nothing else is left between two calls, or could
     * not be stopped. */
    while (status == OK && into->row_count < capacity && self->number - began < capacity) {
        if (self->count > 0)
            status = take_record(self, into, capacity, &self->damage);
        else if (self->left.length > 0)
            status = damaged(self, "a block has more bytes than records", &self->damage);
        else
            status = take_block(self, 0, &self->damage);
    }
    *taken = self->number - began;
    batch_select_all(into);
    if (into->row_count > 0 && (status == ERR_END || self->damage.status != OK))
        return OK; /* what is good goes out first; what is not is met again */
    if (self->damage.status != OK && error != NULL)
        *error = self->damage;
    return status;
}

void avro_file_close(AvroFileReader *self)
{
    if (self == NULL)
        return;
    if (self->file != NULL)
        (void)self->spec.world->kind->close(self->file, NULL);
    avro_reading_free(&self->reading);
    buffer_free(&self->bytes);
    buffer_free(&self->block);
    arena_free(self->arena);
}

/* ---- Writing --------------------------------------------------------------------------------- */

struct AvroFileWriter {
    World *world;
    Arena *arena;
    AvroWriter *writer;
    AvroCodec codec;
    char sync[SYNC_BYTES];
    Buffer out;   /* header and whole blocks */
    Buffer block; /* records of the one in hand */
    int64_t count;
};

static void write_header(AvroFileWriter *self, Str schema)
{
    Str codec = str_from(avro_codec_name(self->codec));
    buffer_append(&self->out, MAGIC, sizeof MAGIC);
    avro_append_long(&self->out, 2);
    avro_append_bytes(&self->out, STR("avro.schema"));
    avro_append_bytes(&self->out, schema);
    avro_append_bytes(&self->out, STR("avro.codec"));
    avro_append_bytes(&self->out, codec);
    avro_append_long(&self->out, 0);
    buffer_append(&self->out, self->sync, SYNC_BYTES);
}

Status avro_file_writer_open(const EncoderSpec *spec, AvroFileWriter **out, Error *error)
{
    Arena *arena = arena_new(0);
    AvroFileWriter *self = ARENA_NEW(arena, AvroFileWriter);
    AvroSchema *schema;
    Str json;
    AvroTable table = {.record = spec->record, .options = spec->options, .prefix = spec->prefix};
    self->arena = arena;
    self->world = spec->world;
    Status status = avro_table_schema(arena, &table, &json, &schema, error);
    if (status == OK)
        status = avro_writer_new(arena, spec, schema, &self->writer, error);
    if (status != OK) {
        arena_free(arena);
        return status;
    }
    bool is_known =
        avro_codec_find(format_option_text(spec->options, spec->prefix, "codec"), &self->codec);
    if (!is_known)
        self->codec = AVRO_CODEC_SNAPPY;
    for (int32_t i = 0; i < SYNC_BYTES; i += 8) {
        uint64_t random = spec->world->kind->random_u64(spec->world);
        memcpy(self->sync + i, &random, sizeof random);
    }
    write_header(self, json);
    *out = self;
    return OK;
}

static void end_block(AvroFileWriter *self)
{
    Buffer packed = {0};
    if (self->count == 0)
        return;
    avro_codec_pack(self->codec, buffer_str(&self->block), &packed);
    avro_append_long(&self->out, self->count);
    avro_append_bytes(&self->out, buffer_str(&packed));
    buffer_append(&self->out, self->sync, SYNC_BYTES);
    buffer_free(&packed);
    self->block.length = 0;
    self->count = 0;
}

const char *avro_file_write(AvroFileWriter *self, const Batch *batch, int32_t row)
{
    int64_t start = self->block.length;
    const char *problem = avro_write(self->writer, batch, row, &self->block);
    if (problem != NULL) {
        self->block.length = start;
        return problem;
    }
    self->count++;
    if (self->block.length >= BLOCK_BYTES)
        end_block(self);
    return NULL;
}

int64_t avro_file_bytes(const AvroFileWriter *self)
{
    return self->out.length + self->block.length;
}

Status avro_file_finish(AvroFileWriter *self, const char *path, Error *error)
{
    const WorldKind *kind = self->world->kind;
    File *file;
    end_block(self);
    TRY(kind->open(self->world, path, FILE_CREATE, &file, error));
    Status status = kind->write(file, self->out.data, self->out.length, error);
    Status closed = kind->close(file, status == OK ? error : NULL);
    return status != OK ? status : closed;
}

void avro_file_writer_free(AvroFileWriter *self)
{
    if (self == NULL)
        return;
    buffer_free(&self->out);
    buffer_free(&self->block);
    arena_free(self->arena);
}
