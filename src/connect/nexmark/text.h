/* Inside connect/nexmark/: prices and texts from random bits. */
#ifndef WEIR_CONNECT_NEXMARK_TEXT_H
#define WEIR_CONNECT_NEXMARK_TEXT_H

#include "connect/nexmark/generator.h"

enum { NEXMARK_TEXT_MAX = 128, NEXMARK_LETTERS_STEP = 32 };

/* 10^(6u) × 100, rounded, for u in [0, 1). */
int64_t nexmark_price(const NexmarkTables *tables, uint64_t bits);

/* One of PERSON_NAME … PERSON_STATE, AUCTION_ITEM, AUCTION_DESCRIPTION; its length. */
int32_t nexmark_text(const NexmarkTables *tables, NexmarkField field, uint64_t bits, char *out);

/* The name of a channel, or its URL. */
Str nexmark_channel(const NexmarkTables *tables, uint64_t bits, bool is_url);

/* Random characters from H to z, as the reference generator's; `out` needs room for
 * nexmark_letters_room(length) bytes. */
void nexmark_letters(const NexmarkTables *tables, char *out, int64_t length, uint64_t bits);
static inline int64_t nexmark_letters_room(int64_t length)
{
    return (length + NEXMARK_LETTERS_STEP - 1) / NEXMARK_LETTERS_STEP * NEXMARK_LETTERS_STEP + 1;
}

#endif
