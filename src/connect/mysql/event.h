/* The frame of binlog events: header, checksum, and the few events that carry no rows.
 *
 *   | timestamp 4 | type 1 | server 4 | size 4 | next position 4 | flags 2 | body … | crc 4 |
 *
 * Reference: MySQL 8.0 Source Code Documentation, "Binary Log Event"; MariaDB Knowledge Base,
 * "Replication Protocol". */
#ifndef WEIR_CONNECT_MYSQL_EVENT_H
#define WEIR_CONNECT_MYSQL_EVENT_H

#include "base/buffer.h"
#include "base/status.h"

typedef enum EventType {
    EVENT_QUERY = 2,
    EVENT_STOP = 3,
    EVENT_ROTATE = 4,
    EVENT_LOAD = 6,
    EVENT_EXECUTE_LOAD_OLD = 10,
    EVENT_LOAD_NEW = 12,
    EVENT_FORMAT = 15,
    EVENT_XID = 16,
    EVENT_EXECUTE_LOAD = 18,
    EVENT_TABLE_MAP = 19,
    EVENT_WRITE_ROWS_V1 = 23,
    EVENT_UPDATE_ROWS_V1 = 24,
    EVENT_DELETE_ROWS_V1 = 25,
    EVENT_INCIDENT = 26,
    EVENT_HEARTBEAT = 27,
    EVENT_WRITE_ROWS = 30,
    EVENT_UPDATE_ROWS = 31,
    EVENT_DELETE_ROWS = 32,
    EVENT_GTID = 33,
    EVENT_ANONYMOUS_GTID = 34,
    EVENT_PREVIOUS_GTIDS = 35,
    EVENT_XA_PREPARE = 38,
    EVENT_PARTIAL_UPDATE_ROWS = 39,
    EVENT_TRANSACTION_PAYLOAD = 40,
    EVENT_HEARTBEAT_2 = 41,
    EVENT_GTID_TAGGED = 42,
    EVENT_MARIA_ANNOTATE = 160,
    EVENT_MARIA_CHECKPOINT = 161,
    EVENT_MARIA_GTID = 162,
    EVENT_MARIA_GTID_LIST = 163,
    EVENT_MARIA_ENCRYPTION = 164,
    EVENT_MARIA_QUERY_COMPRESSED = 165,
    EVENT_MARIA_WRITE_ROWS_COMPRESSED_V1 = 166,
    EVENT_MARIA_UPDATE_ROWS_COMPRESSED_V1 = 167,
    EVENT_MARIA_DELETE_ROWS_COMPRESSED_V1 = 168,
    EVENT_MARIA_WRITE_ROWS_COMPRESSED = 169,
    EVENT_MARIA_UPDATE_ROWS_COMPRESSED = 170,
    EVENT_MARIA_DELETE_ROWS_COMPRESSED = 171,
} EventType;

enum {
    EVENT_HEADER_BYTES = 19,
    EVENT_CHECKSUM_BYTES = 4,
    EVENT_FLAG_THREAD_SPECIFIC = 0x04, /* of a statement: it uses temporary tables */
    EVENT_FLAG_ARTIFICIAL = 0x20,
};

/* Bytes that open a binlog file. */
static const char BINLOG_MAGIC[4] = {(char)0xfe, 'b', 'i', 'n'};

typedef struct Event {
    uint32_t timestamp; /* seconds since 1970 */
    uint8_t type;       /* EventType, or one unknown to us */
    uint16_t flags;
    uint32_t server_id;
    uint32_t size;
    uint32_t next_position; /* in the file; 0 in artificial events */
    Str body;               /* without checksum */
} Event;

/* What the format description says about the events behind it. */
typedef struct BinlogFormat {
    bool has_checksum;
    bool is_table_id_short; /* 4 bytes instead of 6 */
    char server_version[51];
    bool is_after_start; /* the server was started, and began a file with this one */
} BinlogFormat;

/* Take the frame apart and verify the checksum. ERR_DECODE for damaged events. A format
 * description is read into `format` on the way. */
Status event_parse(BinlogFormat *format, Str bytes, Event *out, Error *error);

/* Events of a transaction payload: no checksum of their own. */
Status event_parse_inner(Str bytes, Event *out, Error *error);

/* A statement and what its session had set. */
typedef struct QueryEvent {
    uint32_t thread_id; /* of the session, on the server that ran it */
    Str database;
    Str sql;                   /* in the event or in `scratch` */
    uint16_t client_collation; /* of `sql`; 0: not said */
    uint16_t server_collation; /* which new databases get; 0: not said */
    bool is_backslash_plain;   /* sql_mode NO_BACKSLASH_ESCAPES */
    bool has_touched;
    Str touched; /* databases of all tables that it opened, each name with a NUL behind it; an empty
                    one stands for others. Never of MariaDB */
} QueryEvent;

/* A QUERY event, compressed or not, or an EXECUTE_LOAD. */
Status event_read_query(const Event *event, Buffer *scratch, QueryEvent *out, Error *error);

typedef struct RotateEvent {
    uint64_t position;
    Str file;
} RotateEvent;

Status event_read_rotate(const Event *event, RotateEvent *out, Error *error);

/* MariaDB's compression of statements and rows: zlib behind a header of length. */
Status event_inflate(Str bytes, Buffer *out, Error *error);

/* The named failure of everything that does not decode. */
Status event_fail(const Event *event, const char *what, Error *error);

#endif
