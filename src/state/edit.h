/* Going through a table that spills, page by page, to change what is in it, beside other tables of
 * the same key, of which those keys are wanted whose place is in the page at hand.
 *
 *     table    [   page   ][   page   ][      page      ][ page ]    each is unpacked
 *                               ▲                                    once, and packed
 *     beside   [      page      ][ page ][ page ][      page    ]    only read
 *
 * All tables have their keys in one order, that of their hashes. A page that is read from disk goes
 * back there first when memory is short, so that what is in memory stays there for the next time.
 *
 *     edit_begin ─> edit_next ─> edit_beside, edit_find_or_insert, … ─> edit_close ─┐
 *                       ▲───────────────────────────────────────────────────────────┘
 *
 * Between edit_close and edit_next other things may happen, checkpoints too, as long as nobody
 * comes to entries of any of these tables by another way. The NULL of a single-column key has the
 * last page, of its own. One thread at a time. */
#ifndef WEIR_STATE_EDIT_H
#define WEIR_STATE_EDIT_H

#include "state/table.h"

typedef struct TableEdit TableEdit;

/* A table beside the one that is edited. All zero but for the table: from its first key on. */
typedef struct TableBeside {
    StateTable *table;
    int64_t cursor;
} TableBeside;

/* Of a table that spills, which must outlive it. */
TableEdit *edit_new(StateTable *table);
/* NULL is allowed. */
void edit_free(TableEdit *edit);

/* From the first page on. Those beside are put away too: table_put_away. */
Status edit_begin(TableEdit *edit, TableBeside *beside, int32_t count, Error *error);
/* The next page is at hand, if there is one: *is_there. It is no larger than those beside are.
 * WR5312: others could not be put away. */
Status edit_next(TableEdit *edit, const TableBeside *beside, int32_t count, bool *is_there,
                 Error *error);
/* It is put away as it is now. */
void edit_close(TableEdit *edit);

/* The next values of the other table whose keys belong into the page at hand, at most `room`; 0:
 * there are no more. They may be looked at until the next call. */
int32_t edit_beside(const TableEdit *edit, TableBeside *beside, uint8_t **values, int32_t room);

/* The values under the keys that `values` have in `from`, about to change; new ones are zeroed.
 * Good until the next call. */
void edit_find_or_insert(TableEdit *edit, const StateTable *from, const uint8_t *const *values,
                         int32_t count, uint8_t **found);
/* The values of the page: 0 … count - 1. NULL for one that was deleted. */
int32_t edit_count(const TableEdit *edit);
uint8_t *edit_value(const TableEdit *edit, int32_t at);
/* A value that was not just found is about to change. */
void edit_touch(TableEdit *edit, uint8_t *value);
void edit_delete(TableEdit *edit, uint8_t *value);

#endif
