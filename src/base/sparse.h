/* Bytes without the zeros among them: state is mostly numbers of eight bytes, few of them large.
 *
 *     u32 length │ mask, bytes │ mask, bytes │ …     a mask for each eight bytes, of which those
 *                                                    that are not zero follow
 *
 * A record of a count and a sum under a number takes up less than half, at the price of a copy,
 * where any general compression costs ten times as much. */
#ifndef WEIR_BASE_SPARSE_H
#define WEIR_BASE_SPARSE_H

#include "base/buffer.h"

/* Append them to `out`: at most an eighth more than there were. At most INT32_MAX bytes. */
void sparse_pack(Str bytes, Buffer *out);
/* Whether that makes them fewer, as far as a part of them tells. */
bool sparse_is_worth(Str bytes);
/* Append what was packed to `out`; false: it is malformed, and nothing is appended. */
bool sparse_unpack(Str packed, Buffer *out);

#endif
