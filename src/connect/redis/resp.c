/* RESP2. */
#include "connect/redis/resp.h"

#include <stdio.h>
#include <string.h>

enum { READ_BYTES = 16384, LINE_BYTES_MAX = 65536 };

void resp_begin(Buffer *out, int32_t argument_count)
{
    buffer_printf(out, "*%d\r\n", argument_count);
}

void resp_argument(Buffer *out, Str argument)
{
    char head[24];
    int length = snprintf(head, sizeof head, "$%lld\r\n", (long long)argument.length);
    buffer_append(out, head, length);
    buffer_append_str(out, argument);
    buffer_append(out, "\r\n", 2);
}

void resp_argument_int(Buffer *out, int64_t argument)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%lld", (long long)argument);
    resp_argument(out, str_make(text, length));
}

void resp_reader_reset(RespReader *reader)
{
    reader->buffer.length = 0;
    reader->taken = 0;
}

/* Whatever it was, the connection is of no use any more; another one may be. */
static Status resp_malformed(Error *error)
{
    Status status = fail(error, ERR_DECODE, "WR3302", "the Redis server's answer is no reply");
    error->is_retriable = true;
    return status;
}

static Status resp_fill(RespReader *reader, Error *error)
{
    if (reader->taken == reader->buffer.length)
        resp_reader_reset(reader);
    int64_t got = 0;
    char *into = buffer_reserve(&reader->buffer, READ_BYTES);
    Status status = socket_read(reader->socket, into, READ_BYTES, reader->timeout_us, &got, error);
    if (status == ERR_AGAIN || status == ERR_END) {
        status = fail(error, ERR_UNAVAILABLE, "WR3301",
                      status == ERR_END ? "the Redis server closed the connection"
                                        : "the Redis server did not answer in time");
        error->is_retriable = true;
    }
    TRY(status);
    reader->buffer.length += got;
    return OK;
}

/* A line without its CR LF. It borrows the buffer until the next fill. */
static Status resp_line(RespReader *reader, Str *out, Error *error)
{
    int64_t searched = 0;
    for (;;) {
        const char *from = reader->buffer.data + reader->taken;
        int64_t left = reader->buffer.length - reader->taken;
        const char *end =
            left > searched ? memmem(from + searched, (size_t)(left - searched), "\r\n", 2) : NULL;
        if (end != NULL) {
            *out = str_make(from, end - from);
            reader->taken += end - from + 2;
            return OK;
        }
        if (left > LINE_BYTES_MAX)
            return resp_malformed(error);
        searched = left > 0 ? left - 1 : 0;
        TRY(resp_fill(reader, error));
    }
}

static Status resp_bulk(RespReader *reader, int64_t length, Str *out, Error *error)
{
    if (length > RESP_REPLY_BYTES_MAX)
        return fail(error, ERR_LIMIT, "WR3302", "the Redis server sent a value of %lld bytes",
                    (long long)length);
    while (reader->buffer.length - reader->taken < length + 2)
        TRY(resp_fill(reader, error));
    *out = str_make(reader->buffer.data + reader->taken, length);
    reader->taken += length + 2;
    return OK;
}

Status resp_read_open(RespReader *reader, RespReply *out, Error *error)
{
    Str line = {0};
    TRY(resp_line(reader, &line, error));
    if (line.length == 0)
        return resp_malformed(error);
    char mark = line.data[0];
    Str rest = str_make(line.data + 1, line.length - 1);
    *out = (RespReply){.text = rest};
    if (mark == '+' || mark == '-') {
        out->kind = mark == '+' ? RESP_STATUS : RESP_ERROR;
        return OK;
    }
    if (!str_parse_int64(rest, &out->integer) || strchr(":$*", mark) == NULL)
        return resp_malformed(error);
    if (mark == ':') {
        out->kind = RESP_INTEGER;
    } else if (out->integer < 0) {
        out->kind = RESP_NULL;
    } else if (mark == '$') {
        out->kind = RESP_TEXT;
        return resp_bulk(reader, out->integer, &out->text, error);
    } else {
        out->kind = RESP_ARRAY;
    }
    return OK;
}

static Status resp_read_nested(RespReader *reader, RespReply *out, int32_t depth, Error *error)
{
    if (depth > RESP_DEPTH_MAX)
        return resp_malformed(error);
    TRY(resp_read_open(reader, out, error));
    if (out->kind != RESP_ARRAY)
        return OK;
    RespReply item;
    for (int64_t i = 0; i < out->integer; i++)
        TRY(resp_read_nested(reader, &item, depth + 1, error));
    return OK;
}

Status resp_read(RespReader *reader, RespReply *out, Error *error)
{
    return resp_read_nested(reader, out, 0, error);
}
