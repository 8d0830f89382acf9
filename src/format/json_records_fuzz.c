/* Any text: taken apart, checked, looked into. */
#include <assert.h>

#include "format/format.h"
#include "format/json_records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static JsonRecords *records;
    if (records == NULL)
        records = json_records_new();
    Arena *arena = arena_new(0);
    Buffer room = {0}, scratch = {0};
    buffer_append(&room, data, (int64_t)size);
    memset(buffer_reserve(&room, DECODER_PADDING), 0, DECODER_PADDING);
    Str text = buffer_str(&room), *found, value;
    int32_t count;
    bool is_whole = json_records_fault(records, text) == NULL;
    const char *fault = json_records_split(records, text, arena, &found, &count);
    assert(!is_whole || fault == NULL);
    for (int32_t i = 0; fault == NULL && i < count; i++) {
        bool is_value = json_records_fault(records, found[i]) == NULL;
        assert(is_value || !is_whole);
        (void)json_records_member(records, found[i], STR("a"), &scratch, &value);
    }
    buffer_free(&scratch);
    buffer_free(&room);
    arena_free(arena);
    return 0;
}
