/* What lies in the pieces of a checkpoint and beside them, behind their checksums: bytes without
 * zeros, records of keyed tables, rows of a served table, letters, the lengths of their files. The
 * first byte says which.
 *
 * It is taken or refused; what was taken, written again, says the same. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/hash.h"
#include "base/sparse.h"
#include "state/keyed.h"
#include "state/letter.h"
#include "state/lettermark.h"
#include "state/served.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUE_BYTES = 24, PAGE_ROWS = 1000 };

static void try_sparse(Str bytes)
{
    Buffer out = {0}, packed = {0}, again = {0};
    if (sparse_unpack(bytes, &out)) {
        sparse_pack(buffer_str(&out), &packed);
        assert(sparse_unpack(buffer_str(&packed), &again));
        assert(str_equal(buffer_str(&out), buffer_str(&again)));
    } else {
        assert(out.length == 0);
    }
    buffer_free(&out);
    buffer_free(&packed);
    buffer_free(&again);
}

/* ---- Letters --------------------------------------------------------------------------------- */

/* The line is a letter; so are others that say the same, but for what is no text in it. */
static void use_letter(Str line, const Letter *letter, Arena *arena)
{
    Letter again, replayed;
    Buffer first = {0}, second = {0};
    letter_append(&first, letter);
    bool is_letter = letter_parse(str_make(first.data, first.length - 1), arena, &again);
    assert(is_letter && str_equal(letter->bytes, again.bytes));
    letter_append(&second, &again);
    assert(str_equal(buffer_str(&first), buffer_str(&second)));
    second.length = 0;
    letter_append_replayed(&second, line, "a-replay");
    if (letter_parse(str_make(second.data, second.length - 1), arena, &replayed))
        assert(str_is(replayed.replayed, "a-replay") && str_equal(letter->bytes, replayed.bytes));
    second.length = 0;
    letter_append_unsealed(&second, line);
    buffer_free(&first);
    buffer_free(&second);
}

static void try_letter(Str line, bool is_sealed)
{
    Arena *arena = arena_new(0);
    Letter letter;
    Buffer sealed = {0};
    buffer_append_str(&sealed, line);
    if (is_sealed) {
        uint32_t checksum = crc32c(0, line.data, line.length);
        buffer_printf(&sealed, ",\"crc32c\":\"%08x\"}", checksum);
    }
    if (letter_parse(buffer_str(&sealed), arena, &letter))
        use_letter(buffer_str(&sealed), &letter, arena);
    buffer_free(&sealed);
    arena_free(arena);
}

static void try_line(Str line)
{
    try_letter(line, false);
    try_letter(line, true);
}

static void try_lengths(Str bytes)
{
    Arena *arena = arena_new(0);
    List lengths = {0};
    Buffer again = {0};
    ByteReader reader = byte_reader(bytes);
    if (lettermark_decode(&reader, arena, &lengths)) {
        lettermark_encode(&lengths, &again);
        assert(str_equal(buffer_str(&again), str_make(bytes.data, again.length)));
    }
    buffer_free(&again);
    arena_free(arena);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static void value_save(void *owner, const uint8_t *value, Buffer *out)
{
    (void)owner;
    buffer_append(out, value, VALUE_BYTES);
}

static bool value_load(void *owner, uint8_t *value, ByteReader *in)
{
    (void)owner;
    byte_reader_copy(in, value, VALUE_BYTES);
    return !in->is_short;
}

static const TableCodec codec = {
    .save = value_save, .load = value_load, .word_count = 3, .words = {0, 8, 16}};

static StateTable *table_of(KeyedState *keyed, const TableKey *key)
{
    StateTable *table = table_new(key, VALUE_BYTES);
    table_describe(table, &codec, NULL);
    keyed_add(keyed, (KeyedId){.kind = 1, .number = 0}, table);
    return table;
}

static void try_records(Str records, const Type *type)
{
    Arena *arena = arena_new(0);
    TableKey key = table_key(arena, type, 1);
    KeyedState *keyed = keyed_new(NULL), *other = keyed_new(NULL);
    StateTable *table = table_of(keyed, &key), *copied = table_of(other, &key);
    Buffer saved = {0};
    if (keyed_load(keyed, records, NULL, NULL)) {
        keyed_begin(keyed, true);
        assert(keyed_step(keyed, INT64_MAX, &saved));
        assert(keyed_load(other, buffer_str(&saved), NULL, NULL));
        assert(table_count(table) == table_count(copied));
        uint8_t *value;
        for (int64_t cursor = 0; table_next_run(copied, &cursor, &value, 1) == 1;) {
            const uint8_t *same = table_find_from(table, copied, value);
            assert(same != NULL && memcmp(same, value, VALUE_BYTES) == 0);
        }
    }
    table_free(table);
    table_free(copied);
    keyed_free(keyed);
    keyed_free(other);
    buffer_free(&saved);
    arena_free(arena);
}

static void try_words(Str records)
{
    Type type = type_simple(TYPE_BIGINT);
    try_records(records, &type);
}

static void try_texts(Str records)
{
    Type type = type_string();
    try_records(records, &type);
}

static void print_rows(ServedTable *table, Buffer *out)
{
    Error error = {0};
    Buffer next = {0};
    const ServedPage page = {.limit = PAGE_ROWS};
    Status status = served_page_json(table, &page, out, &next, &error);
    assert(status == OK);
    buffer_free(&next);
}

static void try_served(Str bytes)
{
    Arena *arena = arena_new(0);
    static const int32_t key = 0;
    Field fields[] = {{.name = STR("id"), .type = type_simple(TYPE_INT)},
                      {.name = STR("name"), .type = type_string()},
                      {.name = STR("items"), .type = type_array(arena, type_simple(TYPE_BIGINT))}};
    const Schema schema = {.fields = fields, .count = 3};
    const ServedSpec spec = {.name = "t", .schema = &schema, .key = &key, .key_count = 1};
    Error error = {0};
    Buffer saved = {0}, before = {0}, after = {0};
    ServedTable *table = served_new(world_system(), &spec);
    Status status = served_load(table, bytes, &error);
    assert(status == OK || (status == ERR_CORRUPT && error.code[0] == 'W'));
    if (status == OK) {
        print_rows(table, &before);
        served_save(table, &saved);
        ServedTable *again = served_new(world_system(), &spec);
        status = served_load(again, buffer_str(&saved), &error);
        assert(status == OK);
        print_rows(again, &after);
        assert(str_equal(buffer_str(&before), buffer_str(&after)));
        served_free(again);
    }
    served_free(table);
    buffer_free(&saved);
    buffer_free(&before);
    buffer_free(&after);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const trials[])(Str) = {try_sparse, try_line,  try_lengths,
                                          try_words,  try_texts, try_served};
    if (size > 0)
        trials[data[0] % (sizeof trials / sizeof trials[0])](
            str_make((const char *)data + 1, (int64_t)size - 1));
    return 0;
}
