/* INNER, LEFT, RIGHT and FULL: the changes that follow from one row, in Flink's order and kinds.
 *
 *   added, its side is padded     no match: +I (row, -)
 *                                 matches: -D (-, m) of each that had none; then +I (row, m) of
 * each added, its side is not        the same without the first; where no side is padded, of its
 * kind taken back                    no match: -D (row, -) if its side is padded matches: (row, m)
 * of each, -D if its side is padded, else of its kind; then +I (-, m) of each that has none left */
#include "exec/regular_join/regular_join.h"

#include <assert.h>

/* Equal rows stand one behind the other and share one count. */
static bool pair_is_first(const Pairs *pairs, int32_t first, int32_t at)
{
    return at == first || pairs->others[at] != pairs->others[at - 1];
}

/* Padding given out for the matches goes when `before` of them were there, and each has `step`
 * matches more or less from now on. */
static Status regular_associate(const JoinInput *input, int32_t first, int32_t end, int32_t before,
                                int32_t step, RowKind kind)
{
    Join *join = input->join;
    JoinSide *other = &join->sides[1 - input->side];
    int32_t count = 0;
    for (int32_t i = first; i < end; i++) {
        uint8_t *match = join->pairs.others[i];
        if (pair_is_first(&join->pairs, first, i)) {
            count = side_associations(other, match);
            side_set_associations(other, match, count + step, join->now_us);
        }
        if (count == before && !join_is_final(join))
            TRY(emit_row(input, -1, match, kind));
    }
    return OK;
}

static Status regular_pairs(const JoinInput *input, int32_t first, int32_t end, RowKind kind)
{
    const Pairs *pairs = &input->join->pairs;
    for (int32_t i = first; i < end; i++)
        TRY(emit_row(input, pairs->rows[i], pairs->others[i], kind));
    return OK;
}

static Status regular_add(const JoinInput *input, int32_t row, RowSet *set, int32_t first,
                          int32_t end)
{
    Join *join = input->join;
    bool is_padded = join->sides[input->side].is_padded;
    bool is_other_padded = join->sides[1 - input->side].is_padded;
    RowKind kind = batch_kind(input->batch, row);
    if (is_padded && first == end && (!join_is_final(join) || set == NULL))
        TRY(emit_row(input, row, NULL, ROW_INSERT));
    if (is_other_padded && !side_is_replacing(input, set, row))
        TRY(regular_associate(input, first, end, 0, 1, ROW_DELETE));
    TRY(regular_pairs(input, first, end, is_padded || is_other_padded ? ROW_INSERT : kind));
    if (set != NULL)
        side_add(input, set, row, end - first);
    return OK;
}

static Status regular_retract(const JoinInput *input, int32_t row, RowSet *set, int32_t first,
                              int32_t end)
{
    Join *join = input->join;
    bool is_padded = join->sides[input->side].is_padded;
    if (set != NULL)
        side_retract(input, set, row);
    if (first == end)
        return is_padded ? emit_row(input, row, NULL, ROW_DELETE) : OK;
    TRY(regular_pairs(input, first, end, is_padded ? ROW_DELETE : batch_kind(input->batch, row)));
    if (join->sides[1 - input->side].is_padded)
        TRY(regular_associate(input, first, end, 1, -1, ROW_INSERT));
    return OK;
}

Status regular_row(const JoinInput *input, int32_t row, RowSet *set, int32_t first, int32_t end)
{
    assert(first <= end && end <= input->join->pairs.count);
    if (row_kind_is_retraction((uint8_t)batch_kind(input->batch, row)))
        return regular_retract(input, row, set, first, end);
    return regular_add(input, row, set, first, end);
}
