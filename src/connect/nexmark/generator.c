/* Ids and times in closed form; the rest drawn from event id and field. */
#include "connect/nexmark/generator.h"

#include <assert.h>
#include <math.h>

#include "base/hash.h"
#include "connect/nexmark/text.h"

enum {
    FIRST_ID = 1000, /* of persons and auctions */
    FIRST_CATEGORY = 10,
    CATEGORIES = 5,
    HOT_BATCH = 100, /* one of so many auctions, sellers, bidders is the hot one */
    ACTIVE_PERSONS = 1000,
    IN_FLIGHT_AUCTIONS = 100,
    ID_LEAD = 10, /* ids that are named before they are there */
};

static const NexmarkFieldInfo nexmark_fields[] = {
    [PERSON_ID] = {"id", NEXMARK_PERSON, NEXMARK_NUMBER},
    [PERSON_NAME] = {"name", NEXMARK_PERSON, NEXMARK_TEXT},
    [PERSON_EMAIL] = {"emailAddress", NEXMARK_PERSON, NEXMARK_TEXT},
    [PERSON_CARD] = {"creditCard", NEXMARK_PERSON, NEXMARK_TEXT},
    [PERSON_CITY] = {"city", NEXMARK_PERSON, NEXMARK_TEXT},
    [PERSON_STATE] = {"state", NEXMARK_PERSON, NEXMARK_TEXT},
    [PERSON_TIME] = {"dateTime", NEXMARK_PERSON, NEXMARK_TIME},
    [PERSON_EXTRA] = {"extra", NEXMARK_PERSON, NEXMARK_TEXT},
    [AUCTION_ID] = {"id", NEXMARK_AUCTION, NEXMARK_NUMBER},
    [AUCTION_ITEM] = {"itemName", NEXMARK_AUCTION, NEXMARK_TEXT},
    [AUCTION_DESCRIPTION] = {"description", NEXMARK_AUCTION, NEXMARK_TEXT},
    [AUCTION_INITIAL] = {"initialBid", NEXMARK_AUCTION, NEXMARK_NUMBER},
    [AUCTION_RESERVE] = {"reserve", NEXMARK_AUCTION, NEXMARK_NUMBER},
    [AUCTION_TIME] = {"dateTime", NEXMARK_AUCTION, NEXMARK_TIME},
    [AUCTION_EXPIRES] = {"expires", NEXMARK_AUCTION, NEXMARK_TIME},
    [AUCTION_SELLER] = {"seller", NEXMARK_AUCTION, NEXMARK_NUMBER},
    [AUCTION_CATEGORY] = {"category", NEXMARK_AUCTION, NEXMARK_NUMBER},
    [AUCTION_EXTRA] = {"extra", NEXMARK_AUCTION, NEXMARK_TEXT},
    [BID_AUCTION] = {"auction", NEXMARK_BID, NEXMARK_NUMBER},
    [BID_BIDDER] = {"bidder", NEXMARK_BID, NEXMARK_NUMBER},
    [BID_PRICE] = {"price", NEXMARK_BID, NEXMARK_NUMBER},
    [BID_CHANNEL] = {"channel", NEXMARK_BID, NEXMARK_TEXT},
    [BID_URL] = {"url", NEXMARK_BID, NEXMARK_TEXT},
    [BID_TIME] = {"dateTime", NEXMARK_BID, NEXMARK_TIME},
    [BID_EXTRA] = {"extra", NEXMARK_BID, NEXMARK_TEXT},
};

const NexmarkFieldInfo *nexmark_field(NexmarkField field)
{
    assert(field >= 0 && field < NEXMARK_FIELDS);
    return &nexmark_fields[field];
}

int32_t nexmark_find_field(NexmarkKind kind, Str name)
{
    for (int32_t i = 0; i < NEXMARK_FIELDS; i++) {
        if (nexmark_fields[i].kind == kind && str_is(name, nexmark_fields[i].name))
            return i;
    }
    return -1;
}

/* ---- Order, ids, times ----------------------------------------------------------------- */

Timestamp nexmark_time(const NexmarkConfig *config, int64_t number)
{
    int64_t micros = (int64_t)((double)number * config->delay_us);
    return config->base + micros / MICROS_PER_MILLI * MICROS_PER_MILLI;
}

static NexmarkKind kind_of(const NexmarkConfig *config, int64_t remainder)
{
    if (remainder < config->proportions[NEXMARK_PERSON])
        return NEXMARK_PERSON;
    remainder -= config->proportions[NEXMARK_PERSON];
    return remainder < config->proportions[NEXMARK_AUCTION] ? NEXMARK_AUCTION : NEXMARK_BID;
}

static uint64_t *run_valid(const NexmarkRun *run, NexmarkKind kind)
{
    if (run->row_counts[kind] == run->count)
        return NULL;
    int64_t bytes = (int64_t)sizeof(uint64_t) * bitmap_words(run->count);
    uint64_t *valid = arena_allocate_zeroed(run->arena, bytes);
    for (int32_t i = 0; i < run->row_counts[kind]; i++)
        valid[run->rows[kind][i] >> 6] |= (uint64_t)1 << (run->rows[kind][i] & 63);
    return valid;
}

NexmarkRun nexmark_run(const NexmarkConfig *config, const NexmarkTables *tables, int64_t first_id,
                       int64_t first, int32_t count, Arena *arena)
{
    NexmarkRun run = {
        .config = config, .tables = tables, .count = count, .first = first, .arena = arena};
    run.ids = arena_allocate(arena, (int64_t)sizeof(int64_t) * count);
    run.times = arena_allocate(arena, (int64_t)sizeof(Timestamp) * count);
    for (int32_t k = 0; k < NEXMARK_KINDS; k++)
        run.rows[k] = arena_allocate(arena, (int64_t)sizeof(int32_t) * count);
    int64_t remainder = (first_id + first) % config->total;
    for (int32_t i = 0; i < count; i++) {
        run.ids[i] = first_id + first + i;
        run.times[i] = nexmark_time(config, first + i);
        NexmarkKind kind = kind_of(config, remainder);
        run.rows[kind][run.row_counts[kind]++] = i;
        remainder = remainder + 1 == config->total ? 0 : remainder + 1;
    }
    for (int32_t k = 0; k < NEXMARK_KINDS; k++)
        run.valid[k] = run_valid(&run, (NexmarkKind)k);
    return run;
}

/* The newest person (without FIRST_ID) when the event is made; its own for a person. */
static inline int64_t last_person(const NexmarkConfig *config, int64_t id)
{
    int64_t persons = config->proportions[NEXMARK_PERSON];
    int64_t offset = id % config->total;
    return id / config->total * persons + (offset < persons ? offset : persons - 1);
}

static inline int64_t last_auction(const NexmarkConfig *config, int64_t id)
{
    int64_t persons = config->proportions[NEXMARK_PERSON];
    int64_t auctions = config->proportions[NEXMARK_AUCTION];
    int64_t round = id / config->total, offset = id % config->total;
    if (offset < persons)
        return round * auctions - 1;
    return round * auctions + (offset < persons + auctions ? offset - persons : auctions - 1);
}

/* ---- Draws ----------------------------------------------------------------------------- */

/* 64 random bits for a field of an event. */
static inline uint64_t draw(const NexmarkRun *run, int32_t row, NexmarkField field)
{
    uint64_t id = (uint64_t)run->ids[row];
    return hash_u64(run->config->seed + id * 0x9e3779b97f4a7c15ULL +
                    (uint64_t)field * 0xd1b54a32d192ed03ULL);
}

/* 0 … bound - 1 from 32 random bits. */
static inline int64_t draw_below(uint64_t bits, int64_t bound)
{
    return (int64_t)(((bits & 0xffffffff) * (uint64_t)bound) >> 32);
}

/* True once in `ratio`; the low half of the bits stays for others. */
static inline bool draw_is_cold(uint64_t bits, int64_t ratio)
{
    return draw_below(bits >> 32, ratio) == 0;
}

/* One of the persons that are active, or will be there soon. */
static inline int64_t random_person(const NexmarkConfig *config, int64_t id, uint64_t bits)
{
    int64_t count = last_person(config, id) + 1;
    int64_t active = count < ACTIVE_PERSONS ? count : ACTIVE_PERSONS;
    return count - active + draw_below(bits, active + ID_LEAD);
}

static void fill_seller(const NexmarkRun *run, const int32_t *rows, int32_t count, int64_t *out)
{
    const NexmarkConfig *config = run->config;
    for (int32_t i = 0; i < count; i++) {
        uint64_t bits = draw(run, rows[i], AUCTION_SELLER);
        int64_t id = run->ids[rows[i]];
        int64_t seller = draw_is_cold(bits, config->hot_sellers)
                             ? random_person(config, id, bits)
                             : last_person(config, id) / HOT_BATCH * HOT_BATCH;
        out[rows[i]] = seller + FIRST_ID;
    }
}

static void fill_bid_auction(const NexmarkRun *run, const int32_t *rows, int32_t count,
                             int64_t *out)
{
    const NexmarkConfig *config = run->config;
    for (int32_t i = 0; i < count; i++) {
        uint64_t bits = draw(run, rows[i], BID_AUCTION);
        int64_t last = last_auction(config, run->ids[rows[i]]);
        int64_t least = last > IN_FLIGHT_AUCTIONS ? last - IN_FLIGHT_AUCTIONS : 0;
        int64_t auction = draw_is_cold(bits, config->hot_auctions)
                              ? least + draw_below(bits, last - least + 1 + ID_LEAD)
                              : last / HOT_BATCH * HOT_BATCH;
        out[rows[i]] = auction + FIRST_ID;
    }
}

/* FIRST_ID twice, as the reference generator has it. */
static void fill_bidder(const NexmarkRun *run, const int32_t *rows, int32_t count, int64_t *out)
{
    const NexmarkConfig *config = run->config;
    for (int32_t i = 0; i < count; i++) {
        uint64_t bits = draw(run, rows[i], BID_BIDDER);
        int64_t id = run->ids[rows[i]];
        int64_t bidder = draw_is_cold(bits, config->hot_bidders)
                             ? random_person(config, id, bits)
                             : last_person(config, id) / HOT_BATCH * HOT_BATCH + 1;
        out[rows[i]] = bidder + 2 * FIRST_ID;
    }
}

static void fill_price(const NexmarkRun *run, NexmarkField field, const int32_t *rows,
                       int32_t count, int64_t *out)
{
    for (int32_t i = 0; i < count; i++)
        out[rows[i]] = nexmark_price(run->tables, draw(run, rows[i], field));
}

static void fill_reserve(const NexmarkRun *run, const int32_t *rows, int32_t count, int64_t *out)
{
    fill_price(run, AUCTION_INITIAL, rows, count, out);
    for (int32_t i = 0; i < count; i++)
        out[rows[i]] += nexmark_price(run->tables, draw(run, rows[i], AUCTION_RESERVE));
}

/* On average as long as it takes until the auctions in flight are others. */
static void fill_expires(const NexmarkRun *run, const int32_t *rows, int32_t count, int64_t *out)
{
    const NexmarkConfig *config = run->config;
    int64_t events = IN_FLIGHT_AUCTIONS * config->total / config->proportions[NEXMARK_AUCTION];
    for (int32_t i = 0; i < count; i++) {
        Timestamp now = run->times[rows[i]];
        Timestamp then = nexmark_time(config, run->first + rows[i] + events);
        int64_t horizon_ms = (then - now) / MICROS_PER_MILLI;
        int64_t bound = horizon_ms * 2 > 1 ? horizon_ms * 2 : 1;
        int64_t length_ms = 1 + draw_below(draw(run, rows[i], AUCTION_EXPIRES), bound);
        out[rows[i]] = now + length_ms * MICROS_PER_MILLI;
    }
}

/* ---- Numbers and times ----------------------------------------------------------------- */

static void fill_ids(const NexmarkRun *run, NexmarkKind kind, int64_t *out)
{
    const int32_t *rows = run->rows[kind];
    for (int32_t i = 0; i < run->row_counts[kind]; i++) {
        int64_t id = run->ids[rows[i]];
        out[rows[i]] = FIRST_ID + (kind == NEXMARK_PERSON ? last_person(run->config, id)
                                                          : last_auction(run->config, id));
    }
}

static void fill_times(const NexmarkRun *run, NexmarkKind kind, int64_t *out)
{
    const int32_t *rows = run->rows[kind];
    for (int32_t i = 0; i < run->row_counts[kind]; i++)
        out[rows[i]] = run->times[rows[i]];
}

static void fill_numbers(const NexmarkRun *run, NexmarkField field, int64_t *out)
{
    NexmarkKind kind = nexmark_fields[field].kind;
    const int32_t *rows = run->rows[kind];
    int32_t count = run->row_counts[kind];
    switch ((int)field) {
    case PERSON_ID:
    case AUCTION_ID: fill_ids(run, kind, out); break;
    case PERSON_TIME:
    case AUCTION_TIME:
    case BID_TIME: fill_times(run, kind, out); break;
    case AUCTION_INITIAL:
    case BID_PRICE: fill_price(run, field, rows, count, out); break;
    case AUCTION_RESERVE: fill_reserve(run, rows, count, out); break;
    case AUCTION_EXPIRES: fill_expires(run, rows, count, out); break;
    case AUCTION_SELLER: fill_seller(run, rows, count, out); break;
    case AUCTION_CATEGORY:
        for (int32_t i = 0; i < count; i++)
            out[rows[i]] = FIRST_CATEGORY + draw_below(draw(run, rows[i], field), CATEGORIES);
        break;
    case BID_AUCTION: fill_bid_auction(run, rows, count, out); break;
    case BID_BIDDER: fill_bidder(run, rows, count, out); break;
    default: assert(!"not a number");
    }
}

/* ---- Texts ----------------------------------------------------------------------------- */

/* Bytes of the event's other fields, of which an average event has `sizes`. */
static int32_t event_size(const NexmarkRun *run, NexmarkKind kind, int32_t row)
{
    static const NexmarkField persons[] = {PERSON_NAME, PERSON_EMAIL, PERSON_CARD, PERSON_CITY,
                                           PERSON_STATE};
    static const NexmarkField auctions[] = {AUCTION_ITEM, AUCTION_DESCRIPTION};
    if (kind == NEXMARK_BID)
        return 32;
    const NexmarkField *fields = kind == NEXMARK_PERSON ? persons : auctions;
    int32_t size = kind == NEXMARK_PERSON ? 8 : 48;
    for (int32_t i = 0; i < (kind == NEXMARK_PERSON ? 5 : 2); i++) {
        char text[NEXMARK_TEXT_MAX];
        size += nexmark_text(run->tables, fields[i], draw(run, row, fields[i]), text);
    }
    return size;
}

/* Letters that bring the event to its average size, more or less a fifth. */
static void fill_extra(const NexmarkRun *run, NexmarkField field, StrView *out)
{
    NexmarkKind kind = nexmark_fields[field].kind;
    const int32_t *rows = run->rows[kind];
    for (int32_t i = 0; i < run->row_counts[kind]; i++) {
        uint64_t bits = draw(run, rows[i], field);
        int64_t missing = run->config->sizes[kind] - event_size(run, kind, rows[i]);
        if (missing <= 0) {
            out[rows[i]] = (StrView){0};
            continue;
        }
        int64_t delta = (missing + 2) / 5;
        int64_t length = missing - delta + (delta == 0 ? 0 : draw_below(bits, 2 * delta));
        char *text = arena_allocate(run->arena, nexmark_letters_room(length));
        nexmark_letters(run->tables, text, length, bits);
        out[rows[i]] = str_view_borrow(str_make(text, length));
    }
}

static void fill_texts(const NexmarkRun *run, NexmarkField field, StrView *out)
{
    NexmarkKind kind = nexmark_fields[field].kind;
    const int32_t *rows = run->rows[kind];
    for (int32_t i = 0; i < run->row_counts[kind]; i++) {
        char text[NEXMARK_TEXT_MAX];
        int32_t length = nexmark_text(run->tables, field, draw(run, rows[i], field), text);
        out[rows[i]] = str_view_copy(run->arena, str_make(text, length));
    }
}

/* The same draw for both: a channel has one URL. */
static void fill_channels(const NexmarkRun *run, NexmarkField field, StrView *out)
{
    const int32_t *rows = run->rows[NEXMARK_BID];
    for (int32_t i = 0; i < run->row_counts[NEXMARK_BID]; i++) {
        Str text = nexmark_channel(run->tables, draw(run, rows[i], BID_CHANNEL), field == BID_URL);
        out[rows[i]] = str_view_copy(run->arena, text);
    }
}

void nexmark_fill(const NexmarkRun *run, NexmarkField field, void *values)
{
    if (nexmark_field(field)->shape != NEXMARK_TEXT)
        fill_numbers(run, field, values);
    else if (field == PERSON_EXTRA || field == AUCTION_EXTRA || field == BID_EXTRA)
        fill_extra(run, field, values);
    else if (field == BID_CHANNEL || field == BID_URL)
        fill_channels(run, field, values);
    else
        fill_texts(run, field, values);
}
