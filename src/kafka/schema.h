/* Requests and responses of Kafka's protocol as data: a schema is a line of text, and reading and
 * writing go by it.
 *
 *     "topics:[name:s partitions:[index:i records:R]] timeout_ms:i@1+"
 *
 *     name:TYPE[?][@FIRST+ | @FIRST-LAST][#TAG] fields in their order, with the versions that have
 * them b c h i l    boolean, int8, int16, int32, int64 u            16 bytes s B R        text,
 * bytes, record batches (as bytes) [ … ]        an array of structs, or with a single type ([i]) of
 * values ?            may be null
 *
 * In the flexible versions of a message lengths are varints and each struct ends with tagged
 * fields: those that come are skipped; those that a schema names, behind all others and by their
 * numbers, are written if they are set. */
#ifndef WEIR_KAFKA_SCHEMA_H
#define WEIR_KAFKA_SCHEMA_H

#include "base/arena.h"
#include "base/buffer.h"
#include "log/partition.h"

typedef struct Schema Schema;
typedef struct Message Message;

/* Parse a schema that is written in the program; a mistake in it is an assert. */
const Schema *schema_new(Arena *arena, const char *text);

typedef struct WireVersion {
    int32_t number;
    bool is_flexible;
} WireVersion;

/* A struct with its fields as they are when nothing is said: 0, empty, null. */
Message *message_new(Arena *arena, const Schema *schema);

/* Read a struct; what it points to is borrowed from `reader`. False if the bytes are not one, or an
 * array claims more items than there are bytes. */
bool message_read(Message *value, ByteReader *reader, WireVersion version, Arena *arena);

void message_write(const Message *value, WireVersion version, Buffer *out);

enum { MESSAGE_PIECE_BYTES = 16 * 1024 };

/* Large fields that are sent from where they are, without a copy: `bytes` stand before the byte at
 * `at` of what was written; between them stand the spans of `read`, if that is not NULL. */
typedef struct MessagePiece {
    int64_t at;
    Str bytes;
    const PartitionRead *read;
} MessagePiece;

typedef struct MessagePieces {
    MessagePiece *items; /* room for as many as there are large fields */
    int32_t count;
    int64_t bytes; /* of all together */
} MessagePieces;

/* The same, but for records of at least MESSAGE_PIECE_BYTES, which go into `pieces`. */
void message_write_in_pieces(const Message *value, WireVersion version, Buffer *out,
                             MessagePieces *pieces);

/* Tagged fields at the end of a struct or header. */
void tags_skip(ByteReader *reader);

/* Fields by name; one that the schema does not have is an assert. Of a version without the field
 * they give what message_new gives. */
int64_t message_number(const Message *value, const char *field);
Str message_bytes(const Message *value, const char *field);
bool message_is_null(const Message *value, const char *field);
int32_t message_count(const Message *value, const char *field);
/* An item of an array: a struct, or a struct whose only field is named "". */
const Message *message_item(const Message *value, const char *field, int32_t index);

void message_set_number(Message *value, const char *field, int64_t number);
/* Borrowed until it is written; data == NULL makes it null where that may be. */
void message_set_bytes(Message *value, const char *field, Str bytes);
void message_set_text(Message *value, const char *field, const char *text);
/* Records, borrowed in the same way. With spans they are large, and can be written in pieces only.
 */
void message_set_records(Message *value, const char *field, const PartitionRead *read);
Message *message_append(Message *value, const char *field, Arena *arena);
/* An array that is there and empty, where null would be the default. */
void message_set_empty(Message *value, const char *field);

#endif
