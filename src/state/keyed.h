/* The keyed state of one operator on one shard, saved while processing goes on.
 *
 *   barrier           keyed_begin          all entries that changed since the last one are to be
 * saved between batches   keyed_step           some of them, table by table, until there are no
 * more meanwhile         a value is about to change that is still to be saved: it is saved first,
 *                     as it was at the barrier (table_touch, table_delete do that)
 *
 * So a checkpoint holds the state of one moment without anybody having stopped for it: the way of
 * copy-on-write, entry by entry. A pass saves all entries (a full checkpoint) or those that changed
 * (an incremental one); the tables mark entries with two bits in place of two of their hash. What
 * comes out is a run of records that stands for itself and may be cut between two calls:
 *
 *   TABLE kind u8, number i64           the table that the next ones are about
 *   PUT key, length u32, value          the key has this value
 *   WORDS + n, key, n words             the same of a key that is a word, and a value of few words:
 *                                       without its hash, nor zeros (state/wordpack.h)
 *   DELETE key                          the key is no more
 *   DROP                                all of the table is no more
 *
 * Loading the records of a full pass and then those of the incremental ones after it, in order,
 * gives the state at the last of them. One thread at a time. */
#ifndef WEIR_STATE_KEYED_H
#define WEIR_STATE_KEYED_H

#include "base/buffer.h"
#include "base/status.h"
#include "state/table.h"

/* Which of an operator's tables; its numbers stand in checkpoints. */
typedef struct KeyedId {
    uint8_t kind;
    int64_t number;
} KeyedId;

/* For operators whose tables come and go. */
typedef struct KeyedOwner {
    void *context;
    /* The table for records that are to be loaded, added to the state; NULL: there can be none. */
    StateTable *(*make)(void *context, KeyedId id);
    /* It is no more, by the records. NULL: it stays, and is emptied. */
    void (*drop)(void *context, KeyedId id);
} KeyedOwner;

/* `owner` NULL: the tables are those that are added first. */
KeyedState *keyed_new(const KeyedOwner *owner);
/* The tables stay, and are those of their owner; those that were let go are their heirs' now. NULL
 * is allowed. */
void keyed_free(KeyedState *keyed);

/* From now on the table, which has a codec, is part of the state, until it is freed or removed.
 * What changes in it must go through table_find_or_insert, table_touch, table_delete and
 * table_clear. */
void keyed_add(KeyedState *keyed, KeyedId id, StateTable *table);
/* The table is no longer part of the state: its keys are gone. */
void keyed_remove(KeyedState *keyed, StateTable *table);

/* Who gets a table that has left the state; it is his from then on. */
typedef struct KeyedHeir {
    void *context;
    void (*take)(void *context, StateTable *table);
} KeyedHeir;

/* keyed_remove without a pause: what a pass under way has still to save of the table stays for that
 * long, and does not change. The heir, which outlives it, takes it then, or at once. Not for tables
 * that spill: of these there is to be room. */
void keyed_let_go(KeyedState *keyed, StateTable *table, KeyedHeir heir);
/* table_clear in the same way: the table that takes its place, itself or another of its kind. */
StateTable *keyed_renew(StateTable *table);
/* What its tables hold in memory. */
int64_t keyed_bytes(const KeyedState *keyed);
/* What tables that have been let go have in memory, as long as a pass is not through with them. */
int64_t keyed_leaving_bytes(const KeyedState *keyed);

/* Between batches, when nobody holds a value: entries of tables that spill (table_spill) leave
 * memory as far as their share of it is used up. WR5312: they could not be written; all is still
 * there. */
Status keyed_make_room(KeyedState *keyed, Error *error);

/* How much more memory its tables that spill had than before, whenever room was made since this was
 * last asked, in all. */
int64_t keyed_take_growth(KeyedState *keyed);

/* The mark (table_mark) of values that have been touched since the last barrier; the place stays.
 */
const uint64_t *keyed_mark(const KeyedState *keyed);

/* A barrier. The pass before has come to its end. */
void keyed_begin(KeyedState *keyed, bool is_full);
bool keyed_is_saving(const KeyedState *keyed);
/* What the pass under way has still to save of this table comes next in it; false: nothing is left.
 */
bool keyed_save_next(StateTable *table);
/* Save entries until about `bytes` have been saved since the last call, or so many have been looked
 * at that the others should have a turn, and append all of them to `out`. INT64_MAX: all of them.
 * Whether the pass is over. */
bool keyed_step(KeyedState *keyed, int64_t bytes, Buffer *out);

/* Bytes of records that wait for the next step: entries that had to be saved before they changed.
 */
int64_t keyed_saved_bytes(const KeyedState *keyed);

/* Which keys are meant, by their hash. */
typedef struct KeyedChoice {
    const void *context;
    bool (*includes)(const void *context, uint64_t hash);
} KeyedChoice;

/* Bring records back; false: they are malformed. `owned`: keys to be kept, NULL: all. `written`:
 * keys that the writer of the records had, NULL: all that are here. */
bool keyed_load(KeyedState *keyed, Str records, const KeyedChoice *owned,
                const KeyedChoice *written);

/* So many bytes of the records of a full pass have been loaded, and so many are still to come: make
 * room for their keys at once, as far as it can be told how many they are. */
void keyed_expect(KeyedState *keyed, int64_t loaded_bytes, int64_t coming_bytes);

#endif
