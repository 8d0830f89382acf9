/* Formats: bytes to columns and back.
 *
 * A decoder is made for the columns that are used and appends rows to a batch; an encoder turns
 * rows to bytes. Neither does I/O. Decoding never fails for bad data: each record that is none
 * goes to the reject callback with its bytes and the reason. */
#ifndef WEIR_FORMAT_FORMAT_H
#define WEIR_FORMAT_FORMAT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"
#include "base/world.h"
#include "data/batch.h"
#include "data/bound.h"
#include "data/datetime.h"
#include "plan/connector.h"

/* A record that could not be decoded. `offset` is its byte position in the block. */
typedef void FormatReject(void *context, int64_t offset, Str record, const char *code,
                          const char *reason);

typedef struct AvroSource AvroSource; /* format/avro_schema.h */

/* A schema registry of this process, for formats whose options name none. Calls come from any
 * thread; as in schema_registry.h. */
typedef struct LocalRegistry {
    void *context;
    Status (*find)(void *context, Arena *arena, uint32_t id, AvroSource *out, Error *error);
    Status (*put)(void *context, Str subject, Str schema, uint32_t *id, Error *error);
} LocalRegistry;

typedef struct DecoderSpec {
    const Schema *record;      /* all physical columns of the record, in declared order */
    const int32_t *columns;    /* those wanted: batch column first_column + i = record column */
    int32_t column_count;      /* columns[i]; the others are skipped unread */
    const FieldPath *paths;    /* of each wanted one, or NULL: a field of the record column is
                                  wanted; only of formats that say so (reads_fields) */
    const ColumnBound *bounds; /* rows that do not meet them may be left out; `column` is an index
                                  of columns; only of formats that say so (takes_bounds) */
    int32_t bound_count;
    int32_t first_column; /* where they start in the batch */
    const int32_t
        *metadata; /* those of FormatInfo.metadata that are wanted; in the batch behind … */
    int32_t metadata_count;   /* … the columns */
    const OptionSet *options; /* keys with `prefix` in front: "json." */
    const char *prefix;
    const TimeZone *zone;
    World *world; /* for formats that ask a server; or NULL, and they cannot be opened */
    const LocalRegistry *registry; /* NULL: there is none */
    FormatReject *reject;
    void *reject_context;
} DecoderSpec;

typedef struct Decoder Decoder;
typedef struct Encoder Encoder;

/* One per decoding thread. */
typedef struct DecoderKind {
    Status (*open)(Arena *arena, const DecoderSpec *spec, Decoder **out, Error *error);
    /* Decode records from the start of `block` (whole records: cut at line ends) into the owned
     * batch until `capacity` rows lie in it or the block is used up; *used gets the bytes
     * consumed. A CDC format sets kinds. One record may give several rows: if the first in the
     * batch has more than there is room for, or a few more than are left, the batch is grown. The
     * block is readable for DECODER_PADDING bytes behind its end. Strings are copied to the batch's
     * arena. */
    void (*decode)(Decoder *decoder, Str block, Batch *into, int32_t capacity, int64_t *used);
    /* One message of a queue, without framing. */
    void (*decode_message)(Decoder *decoder, Str message, Batch *into, int32_t capacity);
    /* What kept the last message from being read, if that is no fault of the message: it is to be
     * given again, after a while if the error is retriable. OK: nothing. NULL: never anything. */
    Status (*trouble)(Decoder *decoder, Error *error);
    /* Where the last whole record of the bytes ends, for cutting blocks; 0: none does. NULL, like
     * `decode`, of formats that are of messages only. */
    int64_t (*last_record_end)(Decoder *decoder, Str bytes);
    void (*close)(Decoder *decoder);
} DecoderKind;

enum { DECODER_PADDING = 64 };

typedef struct EncoderSpec {
    const Schema *record;
    const int32_t *columns; /* batch column of each record column */
    const OptionSet *options;
    const char *prefix;
    const TimeZone *zone;
    World *world; /* as DecoderSpec has it */
    const LocalRegistry *registry;
    const char *topic; /* that is written; NULL: there is none */
    bool is_key;       /* it is the keys of that topic, not the values */
} EncoderSpec;

typedef struct EncoderKind {
    Status (*open)(Arena *arena, const EncoderSpec *spec, Encoder **out, Error *error);
    /* Append one row's bytes without a line end. NULL, or why the row cannot be written (WR3510):
     * then what was appended means nothing. */
    const char *(*encode)(Encoder *encoder, const Batch *batch, int32_t row, Buffer *out);
    void (*close)(Encoder *encoder);
} EncoderKind;

typedef struct Format {
    FormatInfo info;
    const DecoderKind *decoder; /* NULL: bulk or not readable */
    const EncoderKind *encoder;
} Format;

int32_t format_count(void);
const Format *format_at(int32_t index);
/* By name, or NULL. */
const Format *format_find(Str name);

#endif
