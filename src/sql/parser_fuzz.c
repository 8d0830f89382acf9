/* Any bytes may be parsed; what parses must print to text that parses to the same print. The
 * diagnostics of what does not parse must render. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "sql/mutate_testing.h"
#include "sql/sql.h"

MUTATE_SQL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_render(const Diagnostics *list)
{
    Buffer out = {0};
    diagnostics_render(list, true, &out);
    JsonWriter json = {.out = &out};
    diagnostics_write_json(list, &json);
    buffer_free(&out);
}

static SqlScript *fuzz_parse(Arena *arena, Str text, bool must_be_right)
{
    Source *source = ARENA_NEW(arena, Source);
    *source = (Source){.name = "fuzz.sql", .text = text};
    Diagnostics *list = diagnostics_new(arena, source);
    SqlScript *script = NULL;
    Status status = sql_parse(source, arena, list, &script);
    assert((status == OK) == (diagnostics_error_count(list) == 0));
    assert(!must_be_right || status == OK);
    fuzz_render(list);
    return script;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Arena *arena = arena_new(0);
    SqlScript *first = fuzz_parse(arena, str_make((const char *)data, (int64_t)size), false);
    Buffer once = {0}, twice = {0};
    sql_print_script(&once, first);
    SqlScript *second = fuzz_parse(arena, buffer_str(&once), true);
    sql_print_script(&twice, second);
    assert(str_equal(buffer_str(&once), buffer_str(&twice)));
    buffer_free(&once);
    buffer_free(&twice);
    arena_free(arena);
    return 0;
}
