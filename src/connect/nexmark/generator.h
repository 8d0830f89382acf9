/* Events of the Nexmark auction site: persons, auctions and bids, as the reference generator makes
 * them.
 *
 *     event  2 3 | 4 … 49 | 50 | 51 52 53 | 54 …      proportions 1 : 3 : 46, in a fixed order
 *            auctions  bids  person  auctions  bids
 *
 * Order, ids and times follow from an event's number. Everything else is drawn at random, but from
 * the seed, the number and the field alone: the same event comes out whatever is read of it and
 * wherever reading begins. Only the fields that are asked for are made, a field for many events
 * at a time. */
#ifndef WEIR_CONNECT_NEXMARK_GENERATOR_H
#define WEIR_CONNECT_NEXMARK_GENERATOR_H

#include "data/batch.h"
#include "data/datetime.h"

typedef enum NexmarkKind {
    NEXMARK_PERSON,
    NEXMARK_AUCTION,
    NEXMARK_BID,
    NEXMARK_KINDS
} NexmarkKind;

typedef enum NexmarkField {
    PERSON_ID,
    PERSON_NAME,
    PERSON_EMAIL,
    PERSON_CARD,
    PERSON_CITY,
    PERSON_STATE,
    PERSON_TIME,
    PERSON_EXTRA,
    AUCTION_ID,
    AUCTION_ITEM,
    AUCTION_DESCRIPTION,
    AUCTION_INITIAL,
    AUCTION_RESERVE,
    AUCTION_TIME,
    AUCTION_EXPIRES,
    AUCTION_SELLER,
    AUCTION_CATEGORY,
    AUCTION_EXTRA,
    BID_AUCTION,
    BID_BIDDER,
    BID_PRICE,
    BID_CHANNEL,
    BID_URL,
    BID_TIME,
    BID_EXTRA,
    NEXMARK_FIELDS,
} NexmarkField;

typedef struct NexmarkFieldInfo {
    const char *name; /* "emailAddress" */
    NexmarkKind kind;
    enum { NEXMARK_NUMBER, NEXMARK_TIME, NEXMARK_TEXT } shape; /* BIGINT, TIMESTAMP(3), VARCHAR */
} NexmarkFieldInfo;

const NexmarkFieldInfo *nexmark_field(NexmarkField field);
/* The field of the kind by its name, or -1. */
int32_t nexmark_find_field(NexmarkKind kind, Str name);

typedef struct NexmarkConfig {
    int64_t proportions[NEXMARK_KINDS], total;
    int64_t sizes[NEXMARK_KINDS]; /* average bytes of an event */
    int64_t hot_auctions, hot_bidders, hot_sellers;
    double delay_us; /* between two events of one generator */
    Timestamp base;  /* of event number 0, in whole milliseconds */
    uint64_t seed;
} NexmarkConfig;

/* What does not depend on the event: channels and their URLs, powers of ten. */
typedef struct NexmarkTables NexmarkTables;
NexmarkTables *nexmark_tables(Arena *arena, const NexmarkConfig *config);

/* Some events, one behind the other: their ids, times and kinds. Row i is event number `first` + i
 * of a generator whose ids begin at `first_id`. */
typedef struct NexmarkRun {
    const NexmarkConfig *config;
    const NexmarkTables *tables;
    int32_t count;
    int64_t first; /* event number */
    int64_t *ids;
    Timestamp *times;
    int32_t *rows[NEXMARK_KINDS]; /* which rows are of the kind */
    int32_t row_counts[NEXMARK_KINDS];
    uint64_t *valid[NEXMARK_KINDS]; /* the same as a column's bitmap; NULL: all are */
    Arena *arena;                   /* of texts */
} NexmarkRun;

NexmarkRun nexmark_run(const NexmarkConfig *config, const NexmarkTables *tables, int64_t first_id,
                       int64_t first, int32_t count, Arena *arena);

/* Values for the rows of the field's kind; others are left as they are. Numbers and times are
 * int64_t, texts StrView into the run's arena. */
void nexmark_fill(const NexmarkRun *run, NexmarkField field, void *values);

/* Event number to time. */
Timestamp nexmark_time(const NexmarkConfig *config, int64_t number);

#endif
