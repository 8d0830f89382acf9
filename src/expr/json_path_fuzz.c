/* JSON paths and JSON texts of any bytes: compiled, followed and written without a fault. The input
 * is a path up to the first line feed, then a text. */
#include <stddef.h>

#include "expr/json/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Arena *arena = arena_new(0);
    Str rest;
    Str path_text = str_split(str_make((const char *)data, (int64_t)size), '\n', &rest);
    JsonPath *path;
    Error error = {0};
    JsonDocument *document = json_document_new();
    JsonElement root;
    if (json_path_compile(arena, path_text, &path, &error) == OK &&
        json_document_parse(document, rest.data, rest.length, &root)) {
        JsonFound found = json_path_find(path, root, arena);
        Buffer out = {0};
        if (found.kind != JSON_FOUND_NOTHING)
            json_write_found(&out, &found, arena);
        buffer_free(&out);
    }
    json_document_free(document);
    arena_free(arena);
    return 0;
}
