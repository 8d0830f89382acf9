/* Values in order of arrival, any of which can be taken back: what LISTAGG, ARRAY_AGG and their
 * kind keep, and FIRST_VALUE and LAST_VALUE where rows are taken back.
 *
 *     items    [ value | value | dead | value … ]     dead ones are swept when they are half of all
 *     buckets  hash of the value -> items, earliest first
 *
 * Zero is an empty sequence, but for its physical. */
#ifndef WEIR_EXPR_AGGREGATE_SEQUENCE_H
#define WEIR_EXPR_AGGREGATE_SEQUENCE_H

#include "expr/aggregate/aggregate.h"
#include "expr/aggregate/valueset.h"

typedef struct Item {
    ValueEntry value; /* count is 1 while it is alive */
    int32_t next;     /* later item of the same bucket, or none */
    bool is_null;     /* the value is NULL and its words are zero */
} Item;

typedef struct Bucket {
    int32_t first, last; /* -1: empty */
} Bucket;

/* A power of two of items and as many buckets. */
typedef struct Sequence {
    Physical physical;
    int32_t count, capacity, dead_count;
    int32_t first; /* no item before it is alive */
    Item *items;
    Bucket *buckets;
    TextBox separator; /* of LISTAGG */
} Sequence;

/* The accumulator: a sequence, or none while nothing came. */
typedef struct SequenceState {
    Sequence *sequence; /* owned */
} SequenceState;

/* Made when it is not there yet. */
Sequence *sequence_of(void *state, Physical physical);

/* Texts are copied. */
void sequence_append(Sequence *sequence, const ValueEntry *value, bool is_null);
/* Take back the earliest equal value; nothing if there is none. */
void sequence_remove(Sequence *sequence, const ValueEntry *value, bool is_null);

/* Number of values alive. NULL is an empty sequence. */
static inline int32_t sequence_length(const Sequence *sequence)
{
    return sequence == NULL ? 0 : sequence->count - sequence->dead_count;
}

/* Functions of an AggregateKind over a SequenceState. */
void sequence_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from);
void sequence_destroy(const AggregateCall *call, uint8_t *state);
void sequence_save(const AggregateCall *call, const uint8_t *state, Buffer *out);
/* `physical` is that of the values kept. */
bool sequence_load_as(Physical physical, uint8_t *state, ByteReader *in);

#endif
