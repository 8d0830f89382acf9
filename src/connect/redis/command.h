/* From a row to Redis commands: which columns are the key, and what inserting and deleting a
 * row means for each command. */
#ifndef WEIR_CONNECT_REDIS_COMMAND_H
#define WEIR_CONNECT_REDIS_COMMAND_H

#include "base/buffer.h"
#include "data/batch.h"
#include "data/value.h"
#include "plan/connector.h"

typedef enum RedisStructure {
    REDIS_COLUMN, /* one value per command, columns by position */
    REDIS_ROW,    /* the whole row joined with byte 01 as one value */
    REDIS_HASH,   /* one hash per row, a field per column (weir's own) */
} RedisStructure;

typedef struct RedisCommand {
    const char *name;
    int32_t column_count;  /* with REDIS_COLUMN: key, [field or score], value */
    int32_t key_columns;   /* the leading ones that name what is written */
    const char *remove;    /* command that undoes a row by its key columns, or NULL */
    bool removes_by_delta; /* undo by the same command with the negated number */
    bool removes_member;   /* undo needs all columns: SREM key member */
    const char *help;
} RedisCommand;

/* By name, case ignored, or NULL. */
const RedisCommand *redis_command_find(Str name);
int32_t redis_command_count(void);
const RedisCommand *redis_command_at(int32_t index);

/* How rows of one table become commands. */
typedef struct RedisEncoder {
    const RedisCommand *command;
    RedisStructure structure;
    Str prefix;          /* of every key */
    Str delimiter;       /* between the columns of a composite key */
    int64_t ttl_seconds; /* 0: none */
    bool ttl_only_if_none;
    bool is_if_absent;
    const Schema *schema;    /* of the batch */
    const int32_t *position; /* batch column of declared column i */
    int32_t column_count;
    const int32_t *key; /* declared columns of the key */
    int32_t key_count;
    Buffer scratch;
} RedisEncoder;

/* Append the commands for a row and add their number to *replies. False, with a reason, for a
 * row that cannot be written (NULL in the key). -U gives nothing. */
bool redis_encode(RedisEncoder *encoder, const Batch *batch, int32_t row, Buffer *out,
                  int32_t *replies, const char **reason);

/* A value that is not NULL as text, of keys and of what stands behind them, so that look-ups ask
 * for what sinks write. `is_plain`: as people read it, in rows as a hash. */
void redis_append_text(Buffer *out, const Value *value, bool is_plain);

#endif
