/* MySQL's compressed transactions: one event whose body, unpacked, is a run of events.
 * Unpacked piece by piece, so that memory holds the largest inner event and not the whole.
 * Reference: MySQL 8.0 Source Code Documentation, "Transaction_payload_event". */
#ifndef WEIR_CONNECT_MYSQL_PAYLOAD_H
#define WEIR_CONNECT_MYSQL_PAYLOAD_H

#include "connect/mysql/event.h"

typedef struct Payload {
    void *unpacker; /* zstd's; NULL: not compressed */
    Str packed;     /* not unpacked yet; borrowed from the event */
    uint64_t left;  /* unpacked bytes to come */
    Buffer window;  /* unpacked; [taken, length) is not given out yet */
    int64_t taken;  /* bytes */
    bool is_open;
} Payload;

void payload_free(Payload *payload);

/* The event's bytes must stay until the last inner event is taken. */
Status payload_open(Payload *payload, const Event *event, Error *error);

/* The next inner event, valid until the next call; ERR_END behind the last. */
Status payload_next(Payload *payload, Event *out, Error *error);

#endif
