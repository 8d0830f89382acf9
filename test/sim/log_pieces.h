/* The folder of a partition as one text that a fuzzer can change: pieces, each a file.
 *
 *     @WF! kind flags partition base       4 + 1 + 1 + 1 + 8 bytes, then the content up to the next
 *
 * Kinds: L a segment, I its index, P a snapshot of producers, N a file that was being written, M
 * the marks as they are, K what the marks say of the partition. The partition is a number of
 * model_names (sim/log_model.h). Flags say what is made right before it goes to the disk, so that a
 * change gets behind the checksum that would find it. */
#ifndef WEIR_TEST_SIM_LOG_PIECES_H
#define WEIR_TEST_SIM_LOG_PIECES_H

#include "base/buffer.h"
#include "sim/world.h"

enum {
    PIECE_CHECKSUM = 1, /* of batches, of the entries of an index */
    PIECE_SEAL = 2,     /* of batches, and of any other file as a whole */
    PIECE_CONTENT = 4,  /* an index is of the segment that is there */
};

/* What the disk has of the partition of that number, as pieces with these flags. */
void log_pieces_print(Disk *disk, int32_t partition, uint8_t flags, Buffer *out);

/* The files of the pieces, under "data". Whether a flag has made any of them another one: what no
 * disk does. */
bool log_pieces_make(Str pieces, SimWorld *world);

#endif
