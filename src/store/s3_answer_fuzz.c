/* XML from a server: whatever it is, it is read or refused, and what was read holds together. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "store/s3_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Arena *arena = arena_new(0);
    S3Answer answer;
    size_t most = size * 2; /* a byte of Latin-1 becomes two */
    if (s3_answer_read(str_make((const char *)data, (int64_t)size), arena, &answer)) {
        assert(answer.upload_ids.count <= answer.keys.count);
        for (int32_t i = 0; i < answer.keys.count; i++)
            assert(strlen(LIST_AT(answer.keys, i, const char)) <= most);
        assert(strlen(answer.code) + strlen(answer.message) + strlen(answer.region) <= most);
    }
    arena_free(arena);
    return 0;
}
