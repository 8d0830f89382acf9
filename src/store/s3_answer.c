/* expat reads; what is of interest is picked out by the names of an element and the one around it.
 * A document type is refused: S3 sends none, and all attacks by entities need one. */
#include "store/s3_answer.h"

#include <assert.h>
#include <expat.h>

#include "base/buffer.h"

enum { DEPTH_MAX = 16, NAME_BYTES = 64 };

typedef struct Reader {
    XML_Parser parser;
    Arena *arena;
    S3Answer *out;
    Buffer text;                       /* of the element that was begun last */
    char names[DEPTH_MAX][NAME_BYTES]; /* of the open elements, cut where they are too long */
    int32_t depth;
    const char *key, *upload_id; /* of the entry of a list, or NULL */
} Reader;

static void XMLCALL reader_begin(void *user, const XML_Char *name, const XML_Char **attributes)
{
    Reader *reader = user;
    (void)attributes;
    if (reader->depth == DEPTH_MAX) {
        XML_StopParser(reader->parser, XML_FALSE);
        return;
    }
    char *place = reader->names[reader->depth++];
    size_t length = strnlen(name, NAME_BYTES - 1);
    memcpy(place, name, length);
    place[length] = '\0';
    reader->text.length = 0;
    if (reader->depth == 1)
        reader->out->is_refusal = strcmp(place, "Error") == 0;
    if (reader->depth == 2)
        reader->key = reader->upload_id = NULL;
}

static void XMLCALL reader_text(void *user, const XML_Char *text, int length)
{
    Reader *reader = user;
    buffer_append(&reader->text, text, length);
}

static void take_field(Reader *reader, const char *name, const char *text)
{
    S3Answer *out = reader->out;
    const struct {
        const char *name;
        const char **place;
    } fields[] = {
        {"Code", &out->code},
        {"Message", &out->message},
        {"Region", &out->region},
        {"UploadId", &out->upload_id},
        {"NextContinuationToken", &out->next_token},
        {"NextKeyMarker", &out->next_key},
        {"NextUploadIdMarker", &out->next_upload},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(name, fields[i].name) == 0)
            *fields[i].place = text;
    if (strcmp(name, "IsTruncated") == 0)
        out->is_truncated = strcmp(text, "true") == 0;
}

static void take_entry(Reader *reader, const char *name)
{
    if (reader->key == NULL)
        return;
    bool is_upload = strcmp(name, "Upload") == 0 && reader->upload_id != NULL;
    if (!is_upload && strcmp(name, "Contents") != 0)
        return;
    list_append(&reader->out->keys, reader->arena, (void *)reader->key);
    if (is_upload)
        list_append(&reader->out->upload_ids, reader->arena, (void *)reader->upload_id);
}

static void XMLCALL reader_end(void *user, const XML_Char *unused)
{
    Reader *reader = user;
    (void)unused;
    assert(reader->depth > 0);
    const char *name = reader->names[--reader->depth];
    const char *text = str_terminated(reader->arena, buffer_str(&reader->text));
    if (reader->depth == 1) {
        take_field(reader, name, text);
        take_entry(reader, name);
    }
    if (reader->depth == 2 && strcmp(name, "Key") == 0)
        reader->key = text;
    if (reader->depth == 2 && strcmp(name, "UploadId") == 0)
        reader->upload_id = text;
    reader->text.length = 0;
}

static void XMLCALL reader_refuse(void *user, const XML_Char *name, const XML_Char *system_id,
                                  const XML_Char *public_id, int has_subset)
{
    Reader *reader = user;
    (void)name, (void)system_id, (void)public_id, (void)has_subset;
    XML_StopParser(reader->parser, XML_FALSE);
}

/* White space may stand before the declaration: S3 sends it to keep a slow answer alive. */
bool s3_answer_read(Str xml, Arena *arena, S3Answer *out)
{
    *out = (S3Answer){.code = "",
                      .message = "",
                      .region = "",
                      .upload_id = "",
                      .next_token = "",
                      .next_key = "",
                      .next_upload = ""};
    xml = str_trim(xml);
    if (xml.length == 0 || xml.length > INT32_MAX)
        return false;
    Reader reader = {.parser = XML_ParserCreate(NULL), .arena = arena, .out = out};
    assert(reader.parser != NULL);
    XML_SetUserData(reader.parser, &reader);
    XML_SetElementHandler(reader.parser, reader_begin, reader_end);
    XML_SetCharacterDataHandler(reader.parser, reader_text);
    XML_SetStartDoctypeDeclHandler(reader.parser, reader_refuse);
    bool is_read = XML_Parse(reader.parser, xml.data, (int)xml.length, XML_TRUE) == XML_STATUS_OK;
    XML_ParserFree(reader.parser);
    buffer_free(&reader.text);
    return is_read;
}
