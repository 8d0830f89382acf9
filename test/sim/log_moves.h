/* What is on the disk becomes something else.
 *
 * What a disk does that writes a block elsewhere, or gives back another one: whole batches of one
 * segment in the place of others, of the same partition or not; blocks wherever they fall; a file
 * in the place of another one. Or what an older version would have left. */
#ifndef WEIR_TEST_SIM_LOG_MOVES_H
#define WEIR_TEST_SIM_LOG_MOVES_H

#include "sim/disk.h"

typedef struct Moves {
    bool has_changed;         /* any file */
    bool has_changed_batches; /* a segment: that is damage */
} Moves;

/* One such fault, by chance. */
Moves log_moves(Disk *disk, uint64_t *chance, bool is_traced);

/* All files become, durably, those of a version whose seals said nothing of their place. */
void log_becomes_old(Disk *disk);

#endif
