/* The Redis protocol, RESP2, as a pipelining client needs it: commands are encoded one behind
 * the other into a buffer, sent at once, and their replies read in the same order.
 *
 * Wire format: "Redis serialization protocol specification", redis.io. */
#ifndef WEIR_CONNECT_REDIS_RESP_H
#define WEIR_CONNECT_REDIS_RESP_H

#include "base/buffer.h"
#include "base/socket.h"
#include "base/status.h"

enum {
    RESP_REPLY_BYTES_MAX = 64 << 20, /* of one bulk string */
    RESP_DEPTH_MAX = 8,
};

/* Commands: how many arguments follow, then each of them. */
void resp_begin(Buffer *out, int32_t argument_count);
void resp_argument(Buffer *out, Str argument);
void resp_argument_int(Buffer *out, int64_t argument);

typedef enum RespKind {
    RESP_STATUS,
    RESP_ERROR,
    RESP_INTEGER,
    RESP_TEXT,
    RESP_NULL,
    RESP_ARRAY
} RespKind;

/* One reply; arrays are read and given by their length only, their items dropped. */
typedef struct RespReply {
    RespKind kind;
    Str text;        /* status, error or text; valid until the next read */
    int64_t integer; /* value, or items of an array */
} RespReply;

typedef struct RespReader {
    Socket *socket;
    Buffer buffer;
    int64_t taken; /* bytes of the buffer that are used up */
    int64_t timeout_us;
} RespReader;

/* ERR_UNAVAILABLE when the connection breaks or times out, ERR_DECODE for bytes that are no
 * reply: the connection must be closed then. */
Status resp_read(RespReader *reader, RespReply *out, Error *error);
/* The same, but the items of an array follow, to be read by as many calls. */
Status resp_read_open(RespReader *reader, RespReply *out, Error *error);
void resp_reader_reset(RespReader *reader);

#endif
