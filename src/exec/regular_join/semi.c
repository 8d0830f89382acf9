/* SEMI and ANTI: rows of the left that have a match on the right, or have none.
 *
 *   left row                       as it is, if it has matches (SEMI) or none (ANTI)
 *   right row, its first match     SEMI: (m) of the row's kind;  ANTI: -D (m)
 *   right row, its last one gone   SEMI: (m) of the row's kind;  ANTI: +I (m) */
#include "exec/regular_join/regular_join.h"

#include <assert.h>

static Status semi_left(const JoinInput *input, int32_t row, RowSet *set, int32_t first,
                        int32_t end)
{
    Join *join = input->join;
    bool is_anti = join_kind(join) == JOIN_ANTI;
    RowKind kind = batch_kind(input->batch, row);
    bool is_known = !join_is_final(join) || !is_anti || set == NULL;
    if ((first == end) == is_anti && is_known)
        TRY(emit_row(input, row, NULL, kind));
    if (set == NULL)
        return OK;
    if (row_kind_is_retraction((uint8_t)kind))
        side_retract(input, set, row);
    else
        side_add(input, set, row, end - first);
    return OK;
}

/* The matches whose number of matches was `before`, each of which now has `step` more. */
static Status semi_associate(const JoinInput *input, int32_t first, int32_t end, int32_t before,
                             int32_t step, RowKind kind)
{
    Join *join = input->join;
    JoinSide *left = &join->sides[0];
    int32_t count = 0;
    for (int32_t i = first; i < end; i++) {
        uint8_t *match = join->pairs.others[i];
        if (i == first || match != join->pairs.others[i - 1]) {
            count = side_associations(left, match);
            side_set_associations(left, match, count + step, join->now_us);
        }
        if (count == before && (!join_is_final(join) || join_kind(join) == JOIN_SEMI))
            TRY(emit_row(input, -1, match, kind));
    }
    return OK;
}

static Status semi_right(const JoinInput *input, int32_t row, RowSet *set, int32_t first,
                         int32_t end)
{
    bool is_anti = join_kind(input->join) == JOIN_ANTI;
    RowKind kind = batch_kind(input->batch, row);
    if (row_kind_is_retraction((uint8_t)kind)) {
        if (set != NULL)
            side_retract(input, set, row);
        return semi_associate(input, first, end, 1, -1, is_anti ? ROW_INSERT : kind);
    }
    bool is_replacing = side_is_replacing(input, set, row);
    if (set != NULL)
        side_add(input, set, row, 0);
    if (is_replacing)
        return OK;
    return semi_associate(input, first, end, 0, 1, is_anti ? ROW_DELETE : kind);
}

Status semi_row(const JoinInput *input, int32_t row, RowSet *set, int32_t first, int32_t end)
{
    assert(first <= end && end <= input->join->pairs.count);
    return input->side == 0 ? semi_left(input, row, set, first, end)
                            : semi_right(input, row, set, first, end);
}
