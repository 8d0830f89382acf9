/* Keyed state: from the key columns of a row to a value of fixed size.
 *
 *   slots   [ index,tag | 0 | index,tag | … ]    open addressing, linear probing, 8 bytes each
 *                │
 *   slabs   [ hash | key 8 or 16 | value … ]     entries never move; freed ones are reused
 *
 * A key that is one fixed-width column of up to 8 bytes is a word; one text column, or the
 * rowcode bytes of any other set of columns, is a 16-byte view, inline up to 12 bytes. The
 * NULL of a single-column key has an entry outside the slots.
 *
 * Call order for a batch: table_keys makes the keys of all selected rows once; then
 * table_find_or_insert or table_find for any run of them, in any table of the same TableKey.
 * The pointer to a value stands for its entry until that is deleted. What a value owns behind
 * pointers its codec gives back. One thread at a time. */
#ifndef WEIR_STATE_TABLE_H
#define WEIR_STATE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"
#include "data/batch.h"

typedef struct StateTable StateTable;
typedef struct KeyedState KeyedState;
typedef struct Spill Spill;

enum { TABLE_WORDS_MAX = 16 };

/* What values are, to those who save them, bring them back and give them up. Without save and load
 * they are saved as they lie in memory; what is in checkpoints has both. */
typedef struct TableCodec {
    void (*save)(void *owner, const uint8_t *value, Buffer *out);
    /* Into a zeroed value, whose key is in its place; false: malformed, and the value is cleared.
     */
    bool (*load)(void *owner, uint8_t *value, ByteReader *in);
    /* Give back what the value owns, be it zeroed or half loaded; NULL: never anything. */
    void (*clear)(void *owner, uint8_t *value);
    /* What the values of a table that spills own together, with the memory that lies idle between;
     * NULL: nobody counts it, and it is guessed from what they are saved as. */
    int64_t (*owned_bytes)(const void *owner);
    /* What `save` appends is always these words of the value, by their offsets in it, < 0: a zero.
     * None: it is not, or nobody says. With them a value is saved without a call. */
    int32_t word_count;
    int16_t words[TABLE_WORDS_MAX];
} TableCodec;

/* false: there is no room for it. */
static inline bool codec_add_word(TableCodec *codec, int32_t offset)
{
    if (codec->word_count == TABLE_WORDS_MAX || offset > INT16_MAX)
        return false;
    codec->words[codec->word_count++] = (int16_t)offset;
    return true;
}

typedef enum TableKeyKind {
    TABLE_KEY_WORD,  /* one column of at most 8 bytes */
    TABLE_KEY_TEXT,  /* one column of text or bytes */
    TABLE_KEY_BYTES, /* everything else, as rowcode; also the key of no columns */
} TableKeyKind;

/* What keys look like. Plain data, shared by tables, must outlive them. */
typedef struct TableKey {
    TableKeyKind kind;
    const Type *types; /* copied to the arena */
    int32_t count;
} TableKey;

TableKey table_key(Arena *arena, const Type *types, int32_t count);

/* The keys of the selected rows of one batch, by position in the selection. Lives in the
 * arena it was made in, and not longer than the batch. */
typedef struct TableKeys {
    const uint64_t *hashes; /* rowcode_hash of the key columns, never 0 */
    const uint64_t *words;  /* TABLE_KEY_WORD */
    const StrView *views;   /* the other kinds */
    const uint8_t *nulls;   /* 1 for NULL, of single-column keys; or NULL: none */
    int32_t count;
} TableKeys;

TableKeys table_keys(const TableKey *key, const Batch *batch, const int32_t *columns,
                     Selection rows, Arena *arena);

enum { TABLE_MARK_BITS = 3 };

/* `value_bytes` is a multiple of 8. */
StateTable *table_new(const TableKey *key, int32_t value_bytes);
/* Say what values are, before there are any. Without it they are plain bytes that own nothing. */
void table_describe(StateTable *table, const TableCodec *codec, void *owner);
/* The value, found earlier, is about to change. Tables that are saved (state/keyed.h) need to hear
 * of it; table_find_or_insert says it by itself. */
void table_touch(StateTable *table, const uint8_t *value);
/* For those who come to values of many tables by ways of their own, and would have to look for the
 * table only to touch it: while the value's mark equals that of the tables' KeyedState
 * (keyed_mark), that has been done since the last barrier. */
static inline uint64_t table_mark(const TableKey *key, const uint8_t *value)
{
    int64_t key_bytes =
        key->kind == TABLE_KEY_WORD ? (int64_t)sizeof(uint64_t) : (int64_t)sizeof(StrView);
    uint64_t hash = *(const uint64_t *)(const void *)(value - key_bytes - sizeof(uint64_t));
    return hash & TABLE_MARK_BITS;
}
/* From now on entries leave memory between batches, by keyed_make_room. The table is part of a
 * KeyedState and empty; `spill` must outlive it. Then values come in no particular order, and what
 * was given out by table_next may leave with its next call. */
void table_spill(StateTable *table, Spill *spill);
/* keyed_make_room for this table alone, whose values nobody holds: in the midst of something that
 * goes through many of its keys, or through those of another table. */
Status table_make_room(StateTable *table, Error *error);
/* Put all its entries into pages, so that those who go through it with table_read_run see each of
 * them once though it leaves memory meanwhile; nothing where they do not leave. The NULL of a
 * single-column key stays at hand. */
Status table_put_away(StateTable *table, Error *error);
/* NULL is allowed. */
void table_free(StateTable *table);
/* Empty it; its memory goes back. */
void table_clear(StateTable *table);
/* Empty it and keep its memory for the next use; false, and nothing done, where most of that
 * would lie idle. */
bool table_reuse(StateTable *table);

int64_t table_count(const StateTable *table);
/* All it holds on the heap, what has left memory left out. */
int64_t table_bytes(const StateTable *table);

/* values[i] gets the value for key first + i; of new keys it is zeroed. */
void table_find_or_insert(StateTable *table, const TableKeys *keys, int32_t first, int32_t count,
                          uint8_t **values);
/* The same without inserting: NULL for unknown keys. */
void table_find(const StateTable *table, const TableKeys *keys, int32_t first, int32_t count,
                uint8_t **values);

/* The value in `table` under the key that `value` has in `from`, a table of the same key. */
uint8_t *table_find_or_insert_from(StateTable *table, const StateTable *from, const uint8_t *value);
uint8_t *table_find_from(const StateTable *table, const StateTable *from, const uint8_t *value);

/* table_find_from for many: one is not waited for while others can be looked for. */
void table_find_run_from(const StateTable *table, const StateTable *from,
                         const uint8_t *const *values, int32_t count, uint8_t **found);

/* The keys of these values of `from` are about to be found in `table`: what they need of it is read
 * at one go. Of how many, from the first on: where values are wide, not of more than memory has
 * room for at a time. */
int32_t table_expect_from(const StateTable *table, const StateTable *from,
                          const uint8_t *const *values, int32_t count);

/* A new entry in `table` under the key that `value` has in `from`, which must not be in `table`
 * yet. Costs no search: the entries appended get their slots when the table is first searched, so
 * one that is only gone through never has slots at all. */
uint8_t *table_append_from(StateTable *table, const StateTable *from, const uint8_t *value);

void table_delete(StateTable *table, uint8_t *value);

/* All values, one by one, until NULL: start with *cursor = 0. Order of insertion as long as
 * nothing is deleted. The last one given may be deleted, nothing inserted. */
uint8_t *table_next(const StateTable *table, int64_t *cursor);

/* The same, at most `room` of them at once; how many. The rules for deleting are those of
 * table_next: of these values, when all have been looked at. */
int32_t table_next_run(const StateTable *table, int64_t *cursor, uint8_t **values, int32_t room);

/* The same for those who only look: the values may not be changed nor deleted, and are void with
 * the next call. Of what has left memory this is a third of the work. The cursor may not be given
 * to the other two. */
int32_t table_read_run(const StateTable *table, int64_t *cursor, uint8_t **values, int32_t room);

uint64_t table_hash_of(const StateTable *table, const uint8_t *value);

/* Write the key into the first columns of `into`, at its row_count, which stays. */
void table_read_key(const StateTable *table, const uint8_t *value, Batch *into, int32_t capacity);
/* The keys of many values, from row_count on. */
void table_read_keys(const StateTable *table, const uint8_t *const *values, int32_t count,
                     Batch *into, int32_t capacity);

/* The key into a snapshot (hash, then bytes), and back: the value for it, zeroed if it is new;
 * NULL on malformed bytes. The hash may be looked at first, by table_peek_hash. */
void table_save_key(const StateTable *table, const uint8_t *value, Buffer *out);
uint8_t *table_load_key(StateTable *table, ByteReader *in);
/* The same without making one: *value is NULL if the key is not there; false: malformed. */
bool table_seek_key(const StateTable *table, ByteReader *in, uint8_t **value);
/* The hash of the key that comes next; does not advance. */
uint64_t table_peek_hash(const ByteReader *in);

#endif
