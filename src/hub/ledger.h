/* A small file of lines under a head line, which several processes read and change: keys, users,
 * access rules, quotas. It is written as a whole, durably, for this user alone. The head line says
 * the checksum of the others:
 *
 *     weir acls 1 crc32c 1c291ca3
 *
 *     ledger_look ── has it changed? ──> the lines, to be read anew
 *     ledger_hold ─ ledger_look ─ change ─ ledger_write ─ ledger_release
 *
 * Calls come from one thread at a time. */
#ifndef WEIR_HUB_LEDGER_H
#define WEIR_HUB_LEDGER_H

#include "base/arena.h"
#include "base/status.h"
#include "base/world.h"

typedef struct Ledger {
    World *world;
    const char *path, *head, *writer;
    FileInfo seen;
    int64_t looked_us; /* by the monotonic clock */
    bool was_there;
} Ledger;

/* What stands in FOLDER/NAME, which `writer` writes ("`weir key`") with `head` as its first line;
 * both live on. */
Ledger ledger_make(World *world, Arena *arena, const char *folder, const char *name,
                   const char *head, const char *writer);

/* Whether it is another file than at the last look; then `lines` is what it has behind the head, in
 * the arena: nothing if it is not there. WR5501: it is damaged. */
Status ledger_look(Ledger *ledger, Arena *arena, bool *has_changed, Str *lines, Error *error);

/* Whether a look is due: the last was a second ago. */
bool ledger_is_due(Ledger *ledger);

/* What was read is not what counts any more: the next look will find the file changed. */
void ledger_forget(Ledger *ledger);

/* Others that hold it are waited for, a few seconds. ERR_UNAVAILABLE (WR5504): in vain. */
Status ledger_hold(const Ledger *ledger, File **out, Error *error);
/* Gives `status` back, or why it could not be released. */
Status ledger_release(const Ledger *ledger, File *held, Status status, Error *error);

/* It has these lines from now on; durable when OK. */
Status ledger_write(Ledger *ledger, Str lines, Error *error);

/* Line `number` of it, from 1, is none: WR5501. The next look will find the file changed. */
Status ledger_fail(Ledger *ledger, int32_t number, Error *error);

#endif
