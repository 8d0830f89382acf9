/* simdjson's DOM for C: the same library that scans the json format. */
#include <cstring>
#include <new>
#include <simdjson.h>

#include "expr/json/document.h"

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

namespace
{
constexpr size_t DEPTH_MAX = 1000;

static_assert(sizeof(element) == sizeof(JsonElement), "an element is a reference of two words");

element element_of(JsonElement from)
{
    element to;
    std::memcpy(static_cast<void *>(&to), &from, sizeof to);
    return to;
}

JsonElement handle_of(const element &from)
{
    JsonElement to;
    std::memcpy(&to, static_cast<const void *>(&from), sizeof to);
    return to;
}

template <typename Iterator> JsonElement position_of(const Iterator &iterator)
{
    static_assert(sizeof(Iterator) == sizeof(JsonElement), "iterators are references too");
    JsonElement to;
    std::memcpy(&to, static_cast<const void *>(&iterator), sizeof to);
    return to;
}

template <typename Iterator> Iterator iterator_at(JsonElement position)
{
    Iterator iterator;
    std::memcpy(static_cast<void *>(&iterator), &position, sizeof iterator);
    return iterator;
}
} // namespace

struct JsonDocument {
    simdjson::dom::parser parser;
};

extern "C" JsonDocument *json_document_new(void)
{
    auto *document = new (std::nothrow) JsonDocument;
    if (document == nullptr)
        abort();
    return document;
}

extern "C" void json_document_free(JsonDocument *document)
{
    delete document;
}

extern "C" bool json_document_parse(JsonDocument *document, const char *bytes, int64_t length,
                                    JsonElement *root)
{
    if (length == 0)
        return false;
    auto &parser = document->parser;
    if (parser.max_depth() != DEPTH_MAX &&
        parser.allocate(parser.capacity() == 0 ? 4096 : parser.capacity(), DEPTH_MAX) !=
            simdjson::SUCCESS)
        abort();
    element parsed;
    if (parser.parse(bytes, static_cast<size_t>(length), true).get(parsed) != simdjson::SUCCESS)
        return false;
    *root = handle_of(parsed);
    return true;
}

extern "C" JsonType json_element_type(JsonElement handle)
{
    switch (element_of(handle).type()) {
    case element_type::ARRAY: return JSON_ARRAY;
    case element_type::OBJECT: return JSON_OBJECT;
    case element_type::INT64: return JSON_INT;
    case element_type::UINT64: return JSON_UNSIGNED;
    case element_type::DOUBLE: return JSON_REAL;
    case element_type::STRING: return JSON_STRING;
    case element_type::BOOL: return JSON_BOOL;
    case element_type::NULL_VALUE: break;
    }
    return JSON_NULL;
}

extern "C" bool json_element_bool(JsonElement handle)
{
    return element_of(handle).get_bool().value_unsafe();
}

extern "C" int64_t json_element_int(JsonElement handle)
{
    return element_of(handle).get_int64().value_unsafe();
}

extern "C" uint64_t json_element_unsigned(JsonElement handle)
{
    return element_of(handle).get_uint64().value_unsafe();
}

extern "C" double json_element_real(JsonElement handle)
{
    return element_of(handle).get_double().value_unsafe();
}

extern "C" Str json_element_string(JsonElement handle)
{
    std::string_view text = element_of(handle).get_string().value_unsafe();
    return str_make(text.data(), static_cast<int64_t>(text.size()));
}

extern "C" JsonChildren json_children(JsonElement handle)
{
    JsonChildren children;
    element parent = element_of(handle);
    children.is_object = parent.is_object();
    if (children.is_object) {
        object members = parent.get_object().value_unsafe();
        children.at = position_of(members.begin());
        children.end = position_of(members.end()).index;
    } else {
        array items = parent.get_array().value_unsafe();
        children.at = position_of(items.begin());
        children.end = position_of(items.end()).index;
    }
    return children;
}

extern "C" bool json_next(JsonChildren *children, Str *key, JsonElement *value)
{
    if (children->at.index >= children->end)
        return false;
    if (children->is_object) {
        auto iterator = iterator_at<object::iterator>(children->at);
        std::string_view name = iterator.key();
        *key = str_make(name.data(), static_cast<int64_t>(name.size()));
        *value = handle_of(iterator.value());
        ++iterator;
        children->at = position_of(iterator);
    } else {
        auto iterator = iterator_at<array::iterator>(children->at);
        *value = handle_of(*iterator);
        ++iterator;
        children->at = position_of(iterator);
    }
    return true;
}

extern "C" bool json_find_member(JsonElement object, const char *name, JsonElement *out)
{
    Str key;
    JsonElement value;
    bool is_there = false;
    if (json_element_type(object) != JSON_OBJECT)
        return false;
    for (JsonChildren children = json_children(object); json_next(&children, &key, &value);) {
        if (!str_is(key, name))
            continue;
        *out = value;
        is_there = true;
    }
    return is_there;
}

extern "C" bool json_find_typed(JsonElement object, const char *name, JsonType type,
                                JsonElement *out)
{
    JsonElement found;
    if (!json_find_member(object, name, &found) || json_element_type(found) != type)
        return false;
    *out = found;
    return true;
}
