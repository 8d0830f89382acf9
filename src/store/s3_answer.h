/* What an S3 server says in XML: lists, the beginning of an upload, refusals. */
#ifndef WEIR_STORE_S3_ANSWER_H
#define WEIR_STORE_S3_ANSWER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/str.h"

/* Elements that are not there are empty texts. */
typedef struct S3Answer {
    bool is_refusal; /* the root is Error */
    const char *code, *message, *region;
    const char *upload_id;
    bool is_truncated; /* a list goes on: with next_token, or with the two others for uploads */
    const char *next_token;
    const char *next_key, *next_upload;
    List keys;       /* const char *, of objects or of uploads … */
    List upload_ids; /* … whose ids have the same places here */
} S3Answer;

/* False if the text is not XML as S3 writes it. */
bool s3_answer_read(Str xml, Arena *arena, S3Answer *out);

#endif
