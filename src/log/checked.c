/* Ranges of a file, by piece. */
#include "log/checked.h"

#include "base/memory.h"

/* What falls into a piece of bytes that end at `end`. */
static CheckedPiece part_of(int64_t piece, int64_t position, int64_t end)
{
    int64_t begin = piece * CHECKED_PIECE_BYTES;
    return (CheckedPiece){
        .from = position > begin ? (uint32_t)(position - begin) : 0,
        .to = end - begin < CHECKED_PIECE_BYTES ? (uint32_t)(end - begin) : CHECKED_PIECE_BYTES,
    };
}

static bool is_known(const CheckedPiece *piece, int64_t now_us)
{
    return piece->from < piece->to && now_us - piece->since_us < CHECKED_FOR_US;
}

static void piece_note(CheckedPiece *known, CheckedPiece part, int64_t now_us)
{
    part.since_us = now_us;
    bool is_next_to_it =
        is_known(known, now_us) && part.from <= known->to && part.to >= known->from;
    if (is_next_to_it) {
        part.from = part.from < known->from ? part.from : known->from;
        part.to = part.to > known->to ? part.to : known->to;
        part.since_us = known->since_us;
    }
    *known = part;
}

void checked_note(Checked *checked, int64_t position, int64_t bytes, int64_t now_us)
{
    int64_t end = position + bytes, last = (end - 1) / CHECKED_PIECE_BYTES;
    if (bytes <= 0)
        return;
    if (last >= checked->count) {
        int32_t count = (int32_t)last + 1;
        checked->pieces = memory_resize(checked->pieces, (int64_t)sizeof(CheckedPiece) * count);
        for (int32_t i = checked->count; i < count; i++)
            checked->pieces[i] = (CheckedPiece){0};
        checked->count = count;
    }
    for (int64_t piece = position / CHECKED_PIECE_BYTES; piece <= last; piece++)
        piece_note(&checked->pieces[piece], part_of(piece, position, end), now_us);
}

bool checked_has(const Checked *checked, int64_t position, int64_t bytes, int64_t now_us)
{
    int64_t end = position + bytes;
    for (int64_t piece = position / CHECKED_PIECE_BYTES; piece * CHECKED_PIECE_BYTES < end;
         piece++) {
        if (piece >= checked->count || !is_known(&checked->pieces[piece], now_us))
            return false;
        CheckedPiece part = part_of(piece, position, end);
        const CheckedPiece *known = &checked->pieces[piece];
        if (part.from < known->from || part.to > known->to)
            return false;
    }
    return true;
}

void checked_free(Checked *checked)
{
    memory_free(checked->pieces);
    *checked = (Checked){0};
}
