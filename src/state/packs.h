/* The memory of packs.
 *
 *   chunk   [ home | bytes | chunk | pack ][ … ]      filled from the front
 *
 * Packs grow and shrink all the time; a heap that may not move what it has handed out holds a
 * quarter more than is in use. Each pack here is known in one place only, its home, so that it can
 * be moved: packs that are given up stay as holes, and when a sixteenth of all is holes, those
 * chunks that have most of them are emptied into others and go. */
#ifndef WEIR_STATE_PACKS_H
#define WEIR_STATE_PACKS_H

#include <stdint.h>

typedef struct Packs Packs;

Packs *packs_new(void);
/* With all that is in it. NULL is allowed. */
void packs_free(Packs *packs);
/* What it takes up, with as many holes as there may be: so that it counts at once when packs are
 * released. */
int64_t packs_bytes(const Packs *packs);

/* Memory for a pack. */
void *packs_allocate(Packs *packs, int64_t bytes);
/* Where its one pointer is kept. Before the next packs_tidy. */
void packs_settle(void *pack, void **home);
/* NULL is allowed. */
void packs_release(Packs *packs, void *pack);

/* Move some packs together, if that is worth it; all pointers but those in homes are void then. */
void packs_tidy(Packs *packs);

#endif
