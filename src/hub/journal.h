/* A topic of the hub's own, of one partition and compacted: what is written under a key counts
 * until something else is. Committed offsets and transactions are kept in such topics, as Kafka
 * does it. */
#ifndef WEIR_HUB_JOURNAL_H
#define WEIR_HUB_JOURNAL_H

#include "base/bigendian.h"
#include "hub/topics.h"
#include "log/record.h"

typedef struct Journal Journal;

/* Open the topic; made if it is not there. */
Status journal_open(World *world, Topics *topics, const char *topic, Journal **out, Error *error);
/* NULL is allowed. */
void journal_free(Journal *journal);

/* Calls `take` for each record that there is, in their order, but those of transactions that were
 * aborted; `header` is that of its batch. Records are valid during the call only. */
typedef void JournalTake(void *context, const BatchHeader *header, const Record *record);
Status journal_read(Journal *journal, JournalTake *take, void *context, Error *error);
/* The same from `*offset` on, as far as it is durable and no transaction is open; `*offset` comes
 * to be behind the last. For those whose topic others write to as well. */
Status journal_follow(Journal *journal, int64_t *offset, JournalTake *take, void *context,
                      Error *error);

/* A batch: begin, add, then write or drop it. Of a producer, or of none with -1 and -1; one with a
 * producer is part of its transaction. Only one batch at a time. */
void journal_begin(Journal *journal, int64_t producer_id, int16_t producer_epoch);
/* An empty value takes back what was under the key. */
void journal_add(Journal *journal, Str key, Str value);
/* It is durable when the high watermark of the partition has come to `end_offset`. WR5404: it was
 * refused. A batch without records is OK, with 0. */
Status journal_write(Journal *journal, int64_t *end_offset, Error *error);

/* Instead of journal_write: the batch goes to `out`, for somebody else to append. */
void journal_take(Journal *journal, Buffer *out);

Partition *journal_partition(const Journal *journal);
/* The offset of the next record. */
int64_t journal_end(const Journal *journal);
bool journal_is_durable(const Journal *journal, int64_t end_offset);

/* Numbers in network byte order, text with a length of two bytes before it. */
void put_number(Buffer *out, int64_t number, int32_t bytes);
void put_text(Buffer *out, Str text);
int64_t take_number(ByteReader *reader, int32_t bytes);
Str take_text(ByteReader *reader);

#endif
