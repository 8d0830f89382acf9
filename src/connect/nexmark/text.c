/* Names, addresses, channels, letters, prices. */
#include "connect/nexmark/text.h"

#include <assert.h>
#include <math.h>

#include "base/hash.h"

enum {
    CHANNELS = 10000,
    HOT_CHANNELS = 4,
    POWER_STEPS = 4096,
    STRING_LENGTH_MIN = 3,
    LETTERS_BITS = 14,
    LETTERS = 1 << LETTERS_BITS,
};

struct NexmarkTables {
    double powers[POWER_STEPS]; /* 100 × 10^(6i / POWER_STEPS) */
    Str channels[CHANNELS + HOT_CHANNELS];
    Str urls[CHANNELS + HOT_CHANNELS];
    char letters[LETTERS + NEXMARK_LETTERS_STEP];
};

/* ---- Bits ------------------------------------------------------------------------------ */

/* The next 64 bits of a text that needs many. */
static inline uint64_t bits_next(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ULL;
    return hash_u64(*state);
}

static inline int32_t bits_below(uint64_t *state, int32_t bound)
{
    return (int32_t)(((bits_next(state) >> 32) * (uint64_t)bound) >> 32);
}

int64_t nexmark_price(const NexmarkTables *tables, uint64_t bits)
{
    /* Within a step e^x by its first terms: off by less than a part in 10^8. */
    static const double step = 6 * 2.302585092994045684 / POWER_STEPS;
    double x = (double)((bits >> 20) & 0xffffffff) * (step / 4294967296.0);
    double power = tables->powers[bits >> 52] * (1 + x * (1 + x * 0.5));
    return (int64_t)(power + 0.5);
}

/* ---- Letters --------------------------------------------------------------------------- */

/* Six of a draw, as in the reference generator. Its draws have a sign, and so half of the letters
 * lie before the a, down to H. */
static void letters_make(uint64_t *state, char *out, int32_t count)
{
    int32_t bits = 0;
    for (int32_t i = 0; i < count; i++) {
        bits = i % 6 == 0 ? (int32_t)(bits_next(state) >> 32) : bits / 26;
        out[i] = (char)('a' + bits % 26);
    }
}

/* Pieces of a long random text, each from a place of its own. */
void nexmark_letters(const NexmarkTables *tables, char *out, int64_t length, uint64_t bits)
{
    for (int64_t at = 0; at < length; at += NEXMARK_LETTERS_STEP) {
        memcpy(out + at, tables->letters + (bits >> (64 - LETTERS_BITS)), NEXMARK_LETTERS_STEP);
        bits = bits * 0xd1342543de82ef95ULL + 0x2545f4914f6cdd1dULL;
    }
}

/* Three to max - 1 letters, of which one in 13 is the other character; blanks at the ends go. */
static int32_t string_make(uint64_t *state, int32_t max, char other, char *out)
{
    int32_t length = STRING_LENGTH_MIN + bits_below(state, max - STRING_LENGTH_MIN);
    uint64_t bits = 0;
    for (int32_t i = 0; i < length; i++) {
        bits = i % 4 == 0 ? bits_next(state) : bits >> 16;
        uint32_t which = (uint32_t)((bits & 0xffff) * 13 * 26) >> 16;
        out[i] = which % 13 == 0 ? other : (char)('a' + which / 13);
    }
    int32_t from = 0;
    while (length > 0 && out[length - 1] == ' ')
        length--;
    while (from < length && out[from] == ' ')
        from++;
    memmove(out, out + from, (size_t)(length - from));
    return length - from;
}

/* ---- Persons --------------------------------------------------------------------------- */

static const char *const first_names[] = {"Peter", "Paul",  "Luke",  "John",   "Saul",  "Vicky",
                                          "Kate",  "Julie", "Sarah", "Deiter", "Walter"};
static const char *const last_names[] = {"Shultz", "Abrams", "Spencer", "White", "Bartels",
                                         "Walton", "Smith",  "Jones",   "Noris"};
static const char *const cities[] = {"Phoenix",  "Los Angeles", "San Francisco", "Boise",
                                     "Portland", "Bend",        "Redmond",       "Seattle",
                                     "Kent",     "Cheyenne"};
static const char *const states[] = {"AZ", "CA", "ID", "OR", "WA", "WY"};

#define COUNT_OF(names) ((int32_t)(sizeof(names) / sizeof(names)[0]))

static int32_t put_text(char *out, const char *text)
{
    int32_t length = (int32_t)strlen(text);
    memcpy(out, text, (size_t)length);
    return length;
}

static int32_t put_name(uint64_t *state, char *out)
{
    int32_t at = put_text(out, first_names[bits_below(state, COUNT_OF(first_names))]);
    out[at++] = ' ';
    return at + put_text(out + at, last_names[bits_below(state, COUNT_OF(last_names))]);
}

static int32_t put_email(uint64_t *state, char *out)
{
    int32_t at = string_make(state, 7, ' ', out);
    out[at++] = '@';
    at += string_make(state, 5, ' ', out + at);
    return at + put_text(out + at, ".com");
}

/* Four groups of four digits. */
static int32_t put_card(uint64_t *state, char *out)
{
    int32_t at = 0;
    for (int32_t group = 0; group < 4; group++) {
        if (group > 0)
            out[at++] = ' ';
        int32_t digits = bits_below(state, 10000);
        for (int32_t i = 3; i >= 0; i--) {
            out[at + i] = (char)('0' + digits % 10);
            digits /= 10;
        }
        at += 4;
    }
    return at;
}

int32_t nexmark_text(const NexmarkTables *tables, NexmarkField field, uint64_t bits, char *out)
{
    (void)tables;
    uint64_t state = bits;
    switch ((int)field) {
    case PERSON_NAME: return put_name(&state, out);
    case PERSON_EMAIL: return put_email(&state, out);
    case PERSON_CARD: return put_card(&state, out);
    case PERSON_CITY: return put_text(out, cities[bits_below(&state, COUNT_OF(cities))]);
    case PERSON_STATE: return put_text(out, states[bits_below(&state, COUNT_OF(states))]);
    case AUCTION_ITEM: return string_make(&state, 20, ' ', out);
    case AUCTION_DESCRIPTION: return string_make(&state, 100, ' ', out);
    default: assert(!"not a text of this kind");
    }
    return 0;
}

/* ---- Channels -------------------------------------------------------------------------- */

Str nexmark_channel(const NexmarkTables *tables, uint64_t bits, bool is_url)
{
    const Str *texts = is_url ? tables->urls : tables->channels;
    bool is_hot = (bits & 1) != 0;
    uint64_t index =
        is_hot ? CHANNELS + (bits >> 1) % HOT_CHANNELS : ((bits >> 32) * CHANNELS) >> 32;
    return texts[index];
}

static uint32_t reversed(uint32_t x)
{
    uint32_t out = 0;
    for (int32_t i = 0; i < 32; i++)
        out |= ((x >> i) & 1) << (31 - i);
    return out;
}

static Str url_make(Arena *arena, uint64_t *state, bool has_channel, int32_t channel)
{
    char parts[3][8];
    int32_t lengths[3];
    for (int32_t i = 0; i < 3; i++)
        lengths[i] = string_make(state, 5, '_', parts[i]);
    char *url = arena_printf(arena, "https://www.nexmark.com/%.*s/%.*s/%.*s/item.htm?query=1",
                             lengths[0], parts[0], lengths[1], parts[1], lengths[2], parts[2]);
    if (!has_channel)
        return str_from(url);
    int64_t id = (int32_t)reversed((uint32_t)channel);
    return str_from(arena_printf(arena, "%s&channel_id=%lld", url, (long long)(id < 0 ? -id : id)));
}

NexmarkTables *nexmark_tables(Arena *arena, const NexmarkConfig *config)
{
    static const char *const hot[HOT_CHANNELS] = {"Google", "Facebook", "Baidu", "Apple"};
    NexmarkTables *tables = ARENA_NEW(arena, NexmarkTables);
    for (int32_t i = 0; i < POWER_STEPS; i++)
        tables->powers[i] = 100 * pow(10, 6.0 * i / POWER_STEPS);
    uint64_t state = hash_u64(config->seed ^ 0x6368616e6e656c73ULL);
    letters_make(&state, tables->letters, LETTERS + NEXMARK_LETTERS_STEP);
    for (int32_t i = 0; i < CHANNELS + HOT_CHANNELS; i++) {
        bool is_hot = i >= CHANNELS;
        tables->channels[i] =
            is_hot ? str_from(hot[i - CHANNELS]) : str_from(arena_printf(arena, "channel-%d", i));
        bool has_channel = !is_hot && bits_below(&state, 10) > 0;
        tables->urls[i] = url_make(arena, &state, has_channel, i);
    }
    return tables;
}
