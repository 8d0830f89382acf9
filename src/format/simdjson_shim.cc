/* The only C++ of weir: simdjson's first stage, chosen at run time for the processor. */
#include <memory>
#include <new>
#include <simdjson.h>

#include "base/memory.h"
#include "format/json_index.h"

namespace
{
constexpr size_t CAPACITY_BYTES_MIN = 128 * 1024;
} // namespace

struct JsonIndex {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

extern "C" JsonIndex *json_index_new(void)
{
    auto *index = static_cast<JsonIndex *>(memory_expect(new (std::nothrow) JsonIndex));
    auto code = simdjson::get_active_implementation()->create_dom_parser_implementation(
        CAPACITY_BYTES_MIN, 1, index->parser);
    if (code != simdjson::SUCCESS)
        memory_exhausted(CAPACITY_BYTES_MIN);
    return index;
}

extern "C" void json_index_free(JsonIndex *index)
{
    delete index;
}

extern "C" JsonIndexResult json_index_scan(JsonIndex *index, const char *bytes, int64_t length)
{
    auto &parser = *index->parser;
    auto size = static_cast<size_t>(length);
    if (size > parser.capacity()) {
        auto grown = parser.set_capacity(size * 2);
        /* Else a record without a mistake would be a dead letter. */
        if (grown == simdjson::MEMALLOC)
            memory_exhausted(length * 2);
        if (grown != simdjson::SUCCESS)
            return JSON_INDEX_FAILED;
    }
    auto code = parser.stage1(reinterpret_cast<const uint8_t *>(bytes), size,
                              simdjson::stage1_mode::regular);
    switch (code) {
    case simdjson::SUCCESS: return JSON_INDEX_OK;
    case simdjson::EMPTY: parser.n_structural_indexes = 0; return JSON_INDEX_OK;
    case simdjson::UNESCAPED_CHARS: return JSON_INDEX_CONTROL;
    case simdjson::UNCLOSED_STRING: return JSON_INDEX_UNCLOSED;
    case simdjson::UTF8_ERROR: return JSON_INDEX_UTF8;
    default: return JSON_INDEX_FAILED;
    }
}

extern "C" const uint32_t *json_index_positions(const JsonIndex *index)
{
    return index->parser->structural_indexes.get();
}

extern "C" int64_t json_index_count(const JsonIndex *index)
{
    return static_cast<int64_t>(index->parser->n_structural_indexes);
}

extern "C" int json_index_is_utf8(const char *bytes, int64_t length)
{
    return simdjson::validate_utf8(bytes, static_cast<size_t>(length)) ? 1 : 0;
}
