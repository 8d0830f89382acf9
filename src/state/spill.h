/* Where state goes that memory has no room for: a RocksDB of one job, shared by its tables.
 *
 * What is in it is good for this run only. It has no log and is never synced: what survives a crash
 * are checkpoints, and those hold all of the state. Its folder is emptied when it is opened, at the
 * first write, and when it is given up. From any thread. */
#ifndef WEIR_STATE_SPILL_H
#define WEIR_STATE_SPILL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/world.h"

typedef struct Spill Spill;

/* `folder`: its own, made when it is needed; NULL: the files are kept in memory, for tests.
 * `budget_bytes`: what the tables and RocksDB may have in memory together. */
Spill *spill_new(World *world, const char *folder, int64_t budget_bytes);
/* Load RocksDB now rather than when it is needed, so that it is not missing then: WR5311. */
Status spill_check(Spill *spill, Error *error);
/* Whether there is a RocksDB to be loaded, for those who have not asked for it. */
bool spill_is_available(void);
/* NULL is allowed. No table may use it any more. */
void spill_free(Spill *spill);

/* ---- The budget ---------------------------------------------------------------------------- */

/* One more table; its number, which is in no other's keys. */
uint32_t spill_enter(Spill *spill);
/* One fewer, which has nothing in memory any more. */
void spill_leave(Spill *spill);
/* A table has so many more bytes in memory, or fewer. */
void spill_account(Spill *spill, int64_t change_bytes);
/* Of these, so many more or fewer are of entries at hand. */
void spill_account_at_hand(Spill *spill, int64_t change_bytes);
/* How much all have at hand beyond the part of the budget that is for it; not above 0: nothing. */
int64_t spill_excess_at_hand(const Spill *spill);
/* What a table may have at hand in any case. */
int64_t spill_share_at_hand(const Spill *spill);
/* What a table may have in any case. */
int64_t spill_share(const Spill *spill);
/* There is too little memory in all: the tables get no more than they have now, or somewhat less,
 * at least by so many bytes. */
void spill_tighten(Spill *spill, bool is_short, int64_t bytes);
/* There is enough again: they get somewhat more, up to what they had at first. */
void spill_loosen(Spill *spill);
/* How much all have together beyond the budget; not above 0: nothing. */
int64_t spill_excess(const Spill *spill);

/* ---- Pages --------------------------------------------------------------------------------- */

/* A page of a table, as bytes. */
typedef struct SpillPage {
    uint32_t number;
    Str bytes;
} SpillPage;

/* Keep them under their numbers, in place of what was there. WR5312: they could not be written. */
Status spill_write(Spill *spill, uint32_t table, const SpillPage *pages, int32_t count,
                   Error *error);
/* What was last kept under the numbers, which ascend, with `take(context, i, bytes)` for each. What
 * cannot be read any more is lost to this run: the process ends, as when memory runs out, and the
 * next one starts from the last checkpoint (WR5313, exit code 75). */
void spill_read(Spill *spill, uint32_t table, const uint32_t *numbers, int32_t count,
                void (*take)(void *context, int32_t i, Str bytes), void *context);
/* Nothing of the table is needed any more. */
void spill_forget(Spill *spill, uint32_t table);

#endif
