/* Order, ids and times counted out one by one; draws by their shares and bounds. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/testing.h"
#include "connect/connect.h"
#include "connect/nexmark/generator.h"
#include "connect/nexmark/row.h"
#include "data/nested.h"

enum { EVENTS = 200000, FIRST = 1000 };

static const NexmarkConfig config = {
    .proportions = {1, 3, 46},
    .total = 50,
    .sizes = {200, 500, 100},
    .hot_auctions = 2,
    .hot_bidders = 4,
    .hot_sellers = 4,
    .delay_us = 100,
    .base = 1700000000000000,
    .seed = 42,
};

typedef struct Events {
    Arena *arena;
    const NexmarkTables *tables;
    NexmarkRun run;
} Events;

static Events events_new(int64_t first, int32_t count)
{
    Events events = {.arena = arena_new(1 << 16)};
    events.tables = nexmark_tables(events.arena, &config);
    events.run = nexmark_run(&config, events.tables, 1, first, count, events.arena);
    return events;
}

static int64_t *numbers(const Events *events, NexmarkField field)
{
    int64_t *out = ARENA_ARRAY(events->arena, int64_t, events->run.count);
    nexmark_fill(&events->run, field, out);
    return out;
}

static StrView *texts(const Events *events, NexmarkField field)
{
    StrView *out = ARENA_ARRAY(events->arena, StrView, events->run.count);
    nexmark_fill(&events->run, field, out);
    return out;
}

static void test_events_come_in_rounds(void **unused)
{
    (void)unused;
    Events events = events_new(1, EVENTS);
    const int64_t *persons = numbers(&events, PERSON_ID);
    const int64_t *auctions = numbers(&events, AUCTION_ID);
    /* Ids 2 … 50 are a round without its person and first auction. */
    int32_t at[NEXMARK_KINDS] = {0};
    int64_t person = FIRST + 1, auction = FIRST + 1;
    for (int32_t i = 0; i < EVENTS; i++) {
        int64_t id = i + 2, place = id % 50;
        NexmarkKind kind = place == 0 ? NEXMARK_PERSON : place <= 3 ? NEXMARK_AUCTION : NEXMARK_BID;
        assert_int_equal(events.run.ids[i], id);
        assert_int_equal(events.run.rows[kind][at[kind]++], i);
        assert_true(events.run.times[i] == config.base + (i + 1) / 10 * 1000);
        if (kind == NEXMARK_PERSON)
            assert_true(persons[i] == person++);
        if (kind == NEXMARK_AUCTION)
            assert_true(auctions[i] == auction++);
    }
    for (int32_t k = 0; k < NEXMARK_KINDS; k++)
        assert_int_equal(at[k], events.run.row_counts[k]);
    arena_free(events.arena);
}

static void check_share(int64_t hits, int64_t of, double share)
{
    double found = (double)hits / (double)of;
    if (found < share - 0.02 || found > share + 0.02)
        fail_msg("a share of %.3f instead of %.3f", found, share);
}

static void test_bids_are_hot_and_near(void **unused)
{
    (void)unused;
    Events events = events_new(1, EVENTS);
    const NexmarkRun *run = &events.run;
    const int64_t *auctions = numbers(&events, BID_AUCTION);
    const int64_t *bidders = numbers(&events, BID_BIDDER);
    const int64_t *prices = numbers(&events, BID_PRICE);
    int64_t hot_auctions = 0, hot_bidders = 0, low = 0;
    for (int32_t i = 0; i < run->row_counts[NEXMARK_BID]; i++) {
        int32_t row = run->rows[NEXMARK_BID][i];
        int64_t round = run->ids[row] / 50;
        int64_t last_auction = round * 3 + 2, last_person = round;
        hot_auctions += auctions[row] == FIRST + last_auction / 100 * 100;
        int64_t least = last_auction > 100 ? last_auction - 100 : 0;
        assert_true(auctions[row] - FIRST >= least && auctions[row] - FIRST <= last_auction + 10);
        hot_bidders += bidders[row] == 2 * FIRST + last_person / 100 * 100 + 1;
        int64_t active = last_person + 1 < 1000 ? last_person + 1 : 1000;
        assert_true(bidders[row] - 2 * FIRST >= last_person + 1 - active);
        assert_true(bidders[row] - 2 * FIRST <= last_person + 10 || last_person < 1);
        assert_true(prices[row] >= 100 && prices[row] <= 100 * 1000 * 1000);
        low += prices[row] < 10000; /* a third of 10^(6u) is below 100 */
    }
    check_share(hot_auctions, run->row_counts[NEXMARK_BID], 0.5);
    check_share(hot_bidders, run->row_counts[NEXMARK_BID], 0.75);
    check_share(low, run->row_counts[NEXMARK_BID], 1.0 / 3);
    arena_free(events.arena);
}

static void test_auctions(void **unused)
{
    (void)unused;
    Events events = events_new(1, EVENTS);
    const NexmarkRun *run = &events.run;
    const int64_t *sellers = numbers(&events, AUCTION_SELLER);
    const int64_t *categories = numbers(&events, AUCTION_CATEGORY);
    const int64_t *initial = numbers(&events, AUCTION_INITIAL);
    const int64_t *reserve = numbers(&events, AUCTION_RESERVE);
    const int64_t *expires = numbers(&events, AUCTION_EXPIRES);
    int64_t hot = 0, of_category[5] = {0};
    int32_t count = run->row_counts[NEXMARK_AUCTION];
    for (int32_t i = 0; i < count; i++) {
        int32_t row = run->rows[NEXMARK_AUCTION][i];
        hot += sellers[row] == FIRST + run->ids[row] / 50 / 100 * 100;
        assert_true(categories[row] >= 10 && categories[row] < 15);
        of_category[categories[row] - 10]++;
        assert_true(reserve[row] >= initial[row] + 100);
        /* 100 auctions take 1,666 events and so 166 ms. */
        int64_t open_ms = (expires[row] - run->times[row]) / 1000;
        assert_true(open_ms >= 1 && open_ms <= 2 * 167);
    }
    check_share(hot, count, 0.75);
    for (int32_t i = 0; i < 5; i++)
        check_share(of_category[i], count, 0.2);
    arena_free(events.arena);
}

static int64_t text_bytes(const Events *events, NexmarkField field, int32_t row)
{
    return texts(events, field)[row].length;
}

static void test_texts(void **unused)
{
    (void)unused;
    Events events = events_new(1, 1000);
    const NexmarkRun *run = &events.run;
    const StrView *channels = texts(&events, BID_CHANNEL);
    const StrView *urls = texts(&events, BID_URL);
    const StrView *extras = texts(&events, BID_EXTRA);
    int64_t hot = 0, low = 0, length = 0;
    for (int32_t i = 0; i < run->row_counts[NEXMARK_BID]; i++) {
        int32_t row = run->rows[NEXMARK_BID][i];
        bool is_channel = str_has_prefix(str_view_str(&channels[row]), STR("channel-"));
        hot += !is_channel;
        Str url = str_view_str(&urls[row]);
        assert_true(str_has_prefix(url, STR("https://www.nexmark.com/")));
        Str extra = str_view_str(&extras[row]);
        assert_true(extra.length >= 54 && extra.length <= 82); /* 68 and a fifth */
        for (int64_t c = 0; c < extra.length; c++) {
            assert_true(extra.data[c] >= 'H' && extra.data[c] <= 'z');
            low += extra.data[c] < 'a';
        }
        length += extra.length;
    }
    assert_true(hot > 400 && hot < 520);
    check_share(low, length, 0.5 * 25 / 26); /* half of the draws are negative, or nothing */
    int32_t auction = run->rows[NEXMARK_AUCTION][0], person = run->rows[NEXMARK_PERSON][0];
    int64_t size = 48 + text_bytes(&events, AUCTION_ITEM, auction) +
                   text_bytes(&events, AUCTION_DESCRIPTION, auction) +
                   text_bytes(&events, AUCTION_EXTRA, auction);
    assert_true(size > 400 && size < 600);
    StrView card = texts(&events, PERSON_CARD)[person];
    assert_int_equal(card.length, 19);
    assert_int_equal(str_view_str(&card).data[4], ' ');
    StrView email = texts(&events, PERSON_EMAIL)[person];
    assert_true(str_has_suffix(str_view_str(&email), STR(".com")));
    arena_free(events.arena);
}

/* Where reading begins, and how much is made at a time, is all the same. */
static void test_events_are_the_same_from_anywhere(void **unused)
{
    (void)unused;
    Events whole = events_new(1, 5000);
    for (int32_t from = 0; from < 5000; from += 137) {
        int32_t count = from + 90 < 5000 ? 90 : 5000 - from;
        Events part = events_new(1 + from, count);
        for (int32_t f = 0; f < NEXMARK_FIELDS; f++) {
            const NexmarkFieldInfo *info = nexmark_field(f);
            const void *all =
                info->shape == NEXMARK_TEXT ? (void *)texts(&whole, f) : (void *)numbers(&whole, f);
            const void *some =
                info->shape == NEXMARK_TEXT ? (void *)texts(&part, f) : (void *)numbers(&part, f);
            for (int32_t i = 0; i < part.run.row_counts[info->kind]; i++) {
                int32_t row = part.run.rows[info->kind][i];
                if (info->shape == NEXMARK_TEXT)
                    assert_true(str_view_equal((const StrView *)all + from + row,
                                               (const StrView *)some + row));
                else
                    assert_true(((const int64_t *)all)[from + row] == ((const int64_t *)some)[row]);
            }
        }
        arena_free(part.arena);
        if (from == 0)
            from = 4000;
    }
    arena_free(whole.arena);
}

static void test_rows_hold_their_fields(void **unused)
{
    (void)unused;
    static const Type types[] = {
        {.id = TYPE_VARCHAR, .is_nullable = true, .precision = TYPE_LENGTH_MAX},
        {.id = TYPE_BIGINT, .is_nullable = true},
        {.id = TYPE_VARCHAR, .is_nullable = true, .precision = TYPE_LENGTH_MAX}};
    static const NexmarkField fields[] = {BID_EXTRA, BID_PRICE, BID_CHANNEL};
    const Str names[] = {STR("extra"), STR("price"), STR("channel")};
    Type type = type_row(types, names, 3);
    Events events = events_new(1, 300);
    Column column = column_new(events.arena, type, 300);
    nexmark_fill_rows(&events.run, NEXMARK_BID, fields, &column);
    const StrView *extras = texts(&events, BID_EXTRA), *channels = texts(&events, BID_CHANNEL);
    const int64_t *prices = numbers(&events, BID_PRICE);
    for (int32_t row = 0; row < 300; row++) {
        bool is_bid = (row + 2) % 50 > 3;
        assert_int_equal(column_is_null(&column, row), !is_bid);
        if (!is_bid)
            continue;
        Str bytes = str_view_str((const StrView *)column.values + row);
        assert_true(nested_is_valid(bytes, type));
        assert_true(str_equal(nested_row_value(bytes, type, 0).text, str_view_str(&extras[row])));
        assert_true(nested_row_value(bytes, type, 1).integer == prices[row]);
        assert_true(str_equal(nested_row_value(bytes, type, 2).text, str_view_str(&channels[row])));
    }
    arena_free(events.arena);
}

/* ---- The connector --------------------------------------------------------------------- */

extern const Connector nexmark_connector;

static void no_report(void *context, const OptionEntry *entry, const char *code,
                      const char *message, const char *help)
{
    (void)context, (void)help;
    fail_msg("%.*s: %s %s", STR_ARGS(entry->key), code, message);
}

/* A reader of event_type and bid.price, with its tables in the arena; not open. */
static SourceReader *reader_new(Arena *arena)
{
    static const Type types[] = {{.id = TYPE_BIGINT, .is_nullable = true}};
    static const int32_t columns[] = {0, 1}, price[] = {0};
    static const FieldPath paths[] = {{0}, {.fields = price, .depth = 1}};
    OptionEntry entries[] = {{.key = STR("events.num"), .value = STR("10000")},
                             {.key = STR("subtasks"), .value = STR("3")},
                             {.key = STR("first-event.rate"), .value = STR("1000")},
                             {.key = STR("base-time"), .value = STR("2024-01-01 00:00:00")}};
    const ConnectorInfo *info = nexmark_connector.info;
    OptionTable options = {info->options, info->option_count, ""};
    OptionRequest request = {.entries = entries,
                             .entry_count = sizeof entries / sizeof entries[0],
                             .tables = &options,
                             .table_count = 1,
                             .report = no_report};
    PlanTable *table = ARENA_NEW(arena, PlanTable);
    OptionSet *set;
    assert_int_equal(options_bind(arena, &request, &set), OK);
    Str *names = ARENA_ARRAY(arena, Str, 1);
    names[0] = STR("price");
    Field *fields = ARENA_ARRAY(arena, Field, 4);
    fields[0] = (Field){STR("event_type"), {.id = TYPE_INT, .is_nullable = true}};
    fields[1] = (Field){STR("bid"), type_row(types, names, 1)};
    fields[2] = fields[0];
    fields[3] = (Field){STR("bid.price"), types[0]};
    *table = (PlanTable){.name = STR("n"), .connector = info, .options = {.options = set}};
    table->physical = (Schema){.fields = fields, .count = 2};
    PlanNode *node = ARENA_NEW(arena, PlanNode);
    *node = (PlanNode){.kind = PLAN_SOURCE, .schema = {.fields = fields + 2, .count = 2}};
    node->source.table = table;
    node->source.columns = columns;
    node->source.paths = paths;
    SourceReader *reader = arena_allocate_zeroed(arena, nexmark_connector.source->size);
    reader->kind = nexmark_connector.source;
    reader->node = node;
    reader->world = world_system();
    reader->arena = arena;
    reader->zone = timezone_utc();
    return reader;
}

static SourceReader *reader_open(Arena *arena, Str state, int32_t threads)
{
    SourceReader *reader = reader_new(arena);
    reader->decode_threads = threads;
    Error error = {0};
    assert_int_equal(reader->kind->open(reader, state, &error), OK);
    return reader;
}

/* Each batch that is begun tells another thread that it may begin the next. */
static void count_call(const void *context)
{
    atomic_fetch_add((atomic_int *)(uintptr_t)context, 1);
}

static void reader_take_helpers(SourceReader *reader, int32_t helpers, atomic_int *calls)
{
    atomic_init(calls, 0);
    reader->helper_count = helpers;
    reader->decode_threads = helpers;
    reader->call_helpers = count_call;
    reader->call_context = calls;
}

/* Append "type price" of the batches until `rows` of them; their number. */
static int32_t reader_read(SourceReader *reader, int32_t rows, Buffer *out)
{
    int32_t count = 0;
    while (count < rows) {
        while (reader->helper_count > 0 && !reader->kind->is_ready(reader))
            sched_yield();
        Batch *batch;
        Status status = reader->kind->poll(reader, &batch, NULL);
        if (status == ERR_END)
            break;
        assert_int_equal(status, OK);
        for (int32_t i = 0; i < batch->row_count; i++, count++) {
            int32_t type = ((const int32_t *)batch->columns[0].values)[i];
            assert_int_equal(column_is_null(&batch->columns[1], i), type != NEXMARK_BID);
            int64_t price = type == NEXMARK_BID ? ((int64_t *)batch->columns[1].values)[i] : 0;
            buffer_printf(out, "%d %lld\n", type, (long long)price);
        }
        batch_free(batch);
    }
    return count;
}

/* The seed is drawn at the first start and kept. What helpers have made and nobody has taken is
 * made again by the next reader. */
static void check_going_on(int32_t threads)
{
    Arena *arena = arena_new(0);
    Buffer whole = {0}, parts = {0}, state = {0}, begun = {0};
    SourceReader *reader = reader_open(arena, (Str){0}, threads);
    reader->kind->snapshot(reader, &begun);
    int32_t first = reader_read(reader, 4000, &parts);
    reader->kind->snapshot(reader, &state);
    reader->kind->close(reader);
    reader = reader_open(arena, buffer_str(&begun), 0);
    assert_int_equal(reader_read(reader, INT32_MAX, &whole), 10000);
    reader->kind->close(reader);
    reader = reader_open(arena, buffer_str(&state), threads);
    assert_int_equal(first + reader_read(reader, INT32_MAX, &parts), 10000);
    reader->kind->close(reader);
    assert_string_equal(buffer_terminated(&whole), buffer_terminated(&parts));
    reader = reader_open(arena, buffer_str(&begun), threads);
    reader->kind->close(reader);
    buffer_free(&whole);
    buffer_free(&parts);
    buffer_free(&state);
    buffer_free(&begun);
    arena_free(arena);
}

static void test_reading_goes_on_behind_a_checkpoint(void **unused)
{
    (void)unused;
    check_going_on(0);
}

static void test_helpers_change_nothing(void **unused)
{
    (void)unused;
    for (int32_t i = 0; i < 20; i++)
        check_going_on(2 + i % 3);
}

static atomic_bool is_read;

static void *help_until_read(void *context)
{
    SourceReader *reader = context;
    while (!atomic_load(&is_read))
        if (!reader->kind->help(reader, 0))
            sched_yield();
    return NULL;
}

/* Instead of threads of its own; none of those who poll makes anything then. */
static void test_threads_that_have_time_change_nothing(void **unused)
{
    (void)unused;
    enum { HELPERS = 2 };
    Arena *arena = arena_new(0);
    Buffer whole = {0}, helped = {0}, begun = {0};
    SourceReader *reader = reader_open(arena, (Str){0}, 0);
    assert_true(reader->kind->never_waits(reader));
    reader->kind->snapshot(reader, &begun);
    assert_int_equal(reader_read(reader, INT32_MAX, &whole), 10000);
    reader->kind->close(reader);
    for (int32_t round = 0; round < 20; round++) {
        helped.length = 0;
        atomic_store(&is_read, false);
        reader = reader_new(arena);
        atomic_int calls;
        reader_take_helpers(reader, HELPERS, &calls);
        Error error = {0};
        assert_int_equal(reader->kind->open(reader, buffer_str(&begun), &error), OK);
        assert_false(reader->kind->is_ready(reader));
        pthread_t threads[HELPERS];
        for (int32_t i = 0; i < HELPERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, help_until_read, reader), 0);
        assert_int_equal(reader_read(reader, INT32_MAX, &helped), 10000);
        atomic_store(&is_read, true);
        for (int32_t i = 0; i < HELPERS; i++)
            pthread_join(threads[i], NULL);
        assert_true(atomic_load(&calls) > 1);
        reader->kind->close(reader);
        assert_string_equal(buffer_terminated(&whole), buffer_terminated(&helped));
    }
    buffer_free(&whole);
    buffer_free(&helped);
    buffer_free(&begun);
    arena_free(arena);
}

/* Who has nothing to make finds out that all is made: that is something new. */
static void test_the_end_is_something_new(void **unused)
{
    (void)unused;
    Arena *arena = arena_new(0);
    Buffer out = {0};
    SourceReader *reader = reader_new(arena);
    atomic_int calls;
    reader_take_helpers(reader, 1, &calls);
    Error error = {0};
    assert_int_equal(reader->kind->open(reader, (Str){0}, &error), OK);
    int32_t count = 0;
    while (count < 10000) {
        assert_true(reader->kind->help(reader, 0));
        count += reader_read(reader, 1, &out);
    }
    assert_false(reader->kind->is_ready(reader));
    assert_true(reader->kind->help(reader, 0));
    assert_true(reader->kind->is_ready(reader));
    assert_false(reader->kind->help(reader, 0));
    Batch *batch;
    assert_int_equal(reader->kind->poll(reader, &batch, NULL), ERR_END);
    reader->kind->close(reader);
    buffer_free(&out);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_come_in_rounds),
        cmocka_unit_test(test_bids_are_hot_and_near),
        cmocka_unit_test(test_auctions),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_events_are_the_same_from_anywhere),
        cmocka_unit_test(test_rows_hold_their_fields),
        cmocka_unit_test(test_reading_goes_on_behind_a_checkpoint),
        cmocka_unit_test(test_helpers_change_nothing),
        cmocka_unit_test(test_threads_that_have_time_change_nothing),
        cmocka_unit_test(test_the_end_is_something_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
