/* Files read as blocks of whole records, decoded by several threads, delivered in order.
 *
 *     files ──read in order──► slot 0 [block] ──decode──► [batch batch …] ──┐
 *      (one thread at a time)  slot 1 [block] ──decode──► [batch …]         ├─► blocks_next
 *                              slot 2 [block] …                             ┘   in slot order
 *
 * What comes out does not depend on the number of threads. Slots are a bounded ring: readers wait
 * when nobody takes. Private to connect/filesystem/. */
#ifndef WEIR_CONNECT_FILESYSTEM_BLOCKS_H
#define WEIR_CONNECT_FILESYSTEM_BLOCKS_H

#include "base/status.h"
#include "base/world.h"
#include "connect/filesystem/mark.h"
#include "connect/filesystem/paths.h"
#include "data/batch.h"
#include "format/format.h"

typedef struct Blocks Blocks;

typedef struct BlocksSpec {
    World *world;
    const DecoderKind *kind;
    DecoderSpec decoder; /* its reject callback is set by blocks_open */
    const Schema *batch; /* what decoders fill */
    int32_t threads;     /* 0: blocks_next does it itself */
    /* Instead of these: so many threads that call blocks_help; 0: none does. */
    int32_t helpers;
    /* From blocks_help: another one can begin. */
    void (*call_helpers)(const void *context);
    const void *call_context;
    /* A damaged file ends where its good bytes end, and that is rejected; one that went away before
     * it was read has nothing. */
    bool passes_damage;
} BlocksSpec;

/* What a file is rejected with that cannot be read on. */
#define BLOCKS_DAMAGED "WR3403"

/* A record that could not be decoded, at `offset` of the file; with BLOCKS_DAMAGED the bytes behind
 * the last whole record, which are the beginning of one at the most. */
typedef void BlocksReject(void *context, const FoundFile *file, int64_t offset, Str record,
                          const char *code, const char *reason);

typedef struct BlocksItem {
    const FoundFile *file;
    Batch *batch;       /* owned by the taker; NULL: only rejects, or the end of the file */
    int64_t end_offset; /* of the file, behind the batch's last record */
    bool is_file_end;   /* nothing of the file comes after this item */
    bool is_gone;       /* … nor came before: it went away unread */
    FileMark mark;      /* of the file at end_offset */
} BlocksItem;

/* Start the threads. The spec's pointers must outlive the blocks. */
Status blocks_open(Arena *arena, const BlocksSpec *spec, Blocks **out, Error *error);
void blocks_end(Blocks *blocks);

/* Read this file after all files added before: from its start, or from `offset` on if it still is
 * the one of which `mark` was noted there. The file is borrowed. */
void blocks_add(Blocks *blocks, const FoundFile *file, int64_t offset, const FileMark *mark);

/* Read and decode a block, if there is one to begin with and a place for it, as helper 0 …
 * helpers - 1; beside the other ones. Whether there was. */
bool blocks_help(Blocks *blocks, int32_t helper);
/* Whether blocks_next would say anything but ERR_AGAIN. */
bool blocks_is_ready(Blocks *blocks);

/* The next item in order; rejects that lie before its end are reported first. ERR_AGAIN when
 * none came within about 50 ms (at once where there are helpers), ERR_END when all files are
 * delivered. */
Status blocks_next(Blocks *blocks, BlocksItem *out, BlocksReject *reject, void *context,
                   Error *error);

/* From any thread: make blocks_next return ERR_CANCELLED. */
void blocks_interrupt(Blocks *blocks);

#endif
