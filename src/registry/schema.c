/* Schemas as requests and records have them, and the form in which they are compared. */
#include "base/json.h"
#include "expr/json/write.h"
#include "registry/internal.h"

enum {
    REFERENCES_MAX = 1000, /* of a schema, with those of what it refers to */
    REFERENCE_DEPTH_MAX = 64,
    RESOLVED_BYTES_MAX = 16 << 20, /* of all of them */
};

/* ---- Reading --------------------------------------------------------------------------------- */

static bool is_null(JsonElement object, const char *name)
{
    JsonElement value;
    return !json_find_member(object, name, &value) || json_element_type(value) == JSON_NULL;
}

static bool take_reference(Arena *arena, JsonElement object, RegistryReference *out)
{
    JsonElement name, subject, version;
    if (!json_find_typed(object, "name", JSON_STRING, &name) ||
        !json_find_typed(object, "subject", JSON_STRING, &subject) ||
        !json_find_typed(object, "version", JSON_INT, &version))
        return false;
    int64_t number = json_element_int(version);
    *out = (RegistryReference){.name = str_copy(arena, json_element_string(name)),
                               .subject = str_copy(arena, json_element_string(subject)),
                               .version = (int32_t)number};
    return number >= -1 && number != 0 && number <= INT32_MAX;
}

static bool take_references(Arena *arena, JsonElement object, RegistrySchema *out,
                            RegistryRefusal *refusal)
{
    JsonElement list, item;
    Str key;
    if (is_null(object, "references"))
        return true;
    bool is_good = json_find_typed(object, "references", JSON_ARRAY, &list);
    int32_t count = 0;
    if (is_good)
        for (JsonChildren children = json_children(list); json_next(&children, &key, &item);)
            count++;
    out->references = ARENA_ARRAY(arena, RegistryReference, count + 1);
    if (is_good && count <= REFERENCES_MAX)
        for (JsonChildren children = json_children(list);
             is_good && json_next(&children, &key, &item);)
            is_good = take_reference(arena, item, &out->references[out->reference_count++]);
    if (is_good && count <= REFERENCES_MAX)
        return true;
    return registry_refuse(
        refusal, arena, REFUSED_BAD_SCHEMA,
        "references are a list of {\"name\", \"subject\", \"version\"}, %d at most",
        (int)REFERENCES_MAX);
}

static void attach(Buffer *out, JsonElement object, const char *name, Arena *arena)
{
    JsonElement value;
    if (is_null(object, name) || !json_find_member(object, name, &value))
        return;
    buffer_append_char(out, ',');
    json_append_quoted(out, str_from(name));
    buffer_append_char(out, ':');
    json_write_element(out, value, arena);
}

/* References and extras, in one form. */
static Str write_attached(Arena *arena, const RegistryRequest *request)
{
    const RegistrySchema *schema = &request->schema;
    Buffer out = {0};
    for (int32_t i = 0; i < schema->reference_count; i++) {
        const RegistryReference *reference = &schema->references[i];
        buffer_append_text(&out, i == 0 ? ",\"references\":[{\"name\":" : ",{\"name\":");
        json_append_quoted(&out, reference->name);
        buffer_append_text(&out, ",\"subject\":");
        json_append_quoted(&out, reference->subject);
        buffer_printf(&out, ",\"version\":%d}", reference->version);
    }
    if (schema->reference_count > 0)
        buffer_append_char(&out, ']');
    buffer_append_str(&out, request->extras);
    Str text = str_copy(arena, buffer_str(&out));
    buffer_free(&out);
    return text;
}

static Str take_extras(Arena *arena, JsonElement object)
{
    Buffer out = {0};
    attach(&out, object, "metadata", arena);
    attach(&out, object, "ruleSet", arena);
    Str text = str_copy(arena, buffer_str(&out));
    buffer_free(&out);
    return text;
}

bool request_take(Arena *arena, JsonElement object, RegistryRequest *out, RegistryRefusal *refusal)
{
    JsonElement text, type, number;
    *out = (RegistryRequest){.schema = {.type = STR("AVRO")}, .id = -1};
    if (!json_find_typed(object, "schema", JSON_STRING, &text) ||
        json_element_string(text).length == 0)
        return registry_refuse(refusal, arena, REFUSED_BAD_SCHEMA,
                               "there is no \"schema\", or it is empty");
    if (!is_null(object, "schemaType")) {
        if (!json_find_typed(object, "schemaType", JSON_STRING, &type))
            return registry_refuse(refusal, arena, REFUSED_BAD_SCHEMA, "\"schemaType\" is no text");
        out->schema.type = str_copy(arena, json_element_string(type));
    }
    out->schema.text = str_copy(arena, json_element_string(text));
    if (json_find_typed(object, "id", JSON_INT, &number))
        out->id = json_element_int(number);
    if (json_find_typed(object, "version", JSON_INT, &number))
        out->version = json_element_int(number);
    if (!take_references(arena, object, &out->schema, refusal))
        return false;
    out->extras = take_extras(arena, object);
    out->schema.attached = write_attached(arena, out);
    return true;
}

bool registry_read_request(Arena *arena, Str json, RegistryRequest *out, RegistryRefusal *refusal)
{
    JsonDocument *document = json_document_new();
    JsonElement root;
    bool is_good;
    if (json.length == 0 || !json_document_parse(document, json.data, json.length, &root) ||
        json_element_type(root) != JSON_OBJECT)
        is_good =
            registry_refuse(refusal, arena, REFUSED_BAD_SCHEMA, "the request is no JSON object");
    else
        is_good = request_take(arena, root, out, refusal);
    json_document_free(document);
    return is_good;
}

/* ---- What a schema builds upon --------------------------------------------------------------- */

typedef struct Resolution {
    const Subjects *registry;
    Arena *arena;
    List *texts; /* Str * */
    Map *seen;   /* texts, so that each is there once */
    RegistryRefusal *refusal;
    int32_t depth;
    int64_t bytes;
} Resolution;

static bool resolve(Resolution *self, const RegistrySchema *schema);

static bool resolve_one(Resolution *self, const RegistryReference *reference)
{
    const RegistrySubject *subject = registry_find_subject(self->registry, reference->subject);
    const RegistryVersion *version = subject_find_version(subject, reference->version);
    if (version == NULL)
        return registry_refuse(
            self->refusal, self->arena, REFUSED_BAD_SCHEMA,
            "the reference `%.*s` is to version %d of subject `%.*s`, which is not there",
            STR_ARGS(reference->name), reference->version, STR_ARGS(reference->subject));
    RegistrySchema *schema = version->schema;
    if (map_find(self->seen, schema->text) != NULL)
        return true;
    self->bytes += schema->text.length;
    if (self->depth >= REFERENCE_DEPTH_MAX || self->texts->count >= REFERENCES_MAX ||
        self->bytes > RESOLVED_BYTES_MAX)
        return registry_refuse(
            self->refusal, self->arena, REFUSED_BAD_SCHEMA,
            "a schema refers to others more than %d deep, or to more than %d, or "
            "to more than %d bytes of them",
            (int)REFERENCE_DEPTH_MAX, (int)REFERENCES_MAX, (int)RESOLVED_BYTES_MAX);
    map_put(self->seen, schema->text, schema);
    if (!resolve(self, schema))
        return false;
    list_append(self->texts, self->arena, &schema->text);
    return true;
}

static bool resolve(Resolution *self, const RegistrySchema *schema)
{
    bool is_good = true;
    self->depth++;
    for (int32_t i = 0; is_good && i < schema->reference_count; i++)
        is_good = resolve_one(self, &schema->references[i]);
    self->depth--;
    return is_good;
}

bool schema_source(const Subjects *registry, Arena *arena, const RegistrySchema *schema,
                   bool is_new, AvroSource *out, RegistryRefusal *refusal)
{
    List texts = {0};
    Resolution resolution = {.registry = registry,
                             .arena = arena,
                             .texts = &texts,
                             .seen = map_new(arena),
                             .refusal = refusal};
    if (!resolve(&resolution, schema))
        return false;
    Str *before = ARENA_ARRAY(arena, Str, texts.count + 1);
    for (int32_t i = 0; i < texts.count; i++)
        before[i] = *LIST_AT(texts, i, Str);
    *out = (AvroSource){
        .text = schema->text, .before = before, .before_count = texts.count, .is_new = is_new};
    return true;
}

/* ---- The form in which schemas are compared -------------------------------------------------- */

/* What is found has to outlive the registry's lock. */
static bool copy_sources(const Subjects *registry, Arena *arena, RegistryRequest *request,
                         RegistryRefusal *refusal)
{
    AvroSource source;
    if (!schema_source(registry, arena, &request->schema, true, &source, refusal))
        return false;
    request->before_count = source.before_count;
    request->before = ARENA_ARRAY(arena, Str, source.before_count + 1);
    for (int32_t i = 0; i < source.before_count; i++)
        request->before[i] = str_copy(arena, source.before[i]);
    return true;
}

/* -1 is the latest version: what that is now is what is meant. */
bool request_resolve(const Subjects *registry, Arena *arena, RegistryRequest *request,
                     RegistryRefusal *refusal)
{
    for (int32_t i = 0; i < request->schema.reference_count; i++) {
        RegistryReference *reference = &request->schema.references[i];
        const RegistryVersion *version =
            subject_find_version(registry_find_subject(registry, reference->subject),
                                 reference->version < 0 ? 0 : reference->version);
        if (version == NULL)
            return registry_refuse(
                refusal, arena, REFUSED_BAD_SCHEMA,
                "the reference `%.*s` is to a version of subject `%.*s` that is not there",
                STR_ARGS(reference->name), STR_ARGS(reference->subject));
        reference->version = version->number;
    }
    request->schema.attached = write_attached(arena, request);
    return !str_is(request->schema.type, "AVRO") || copy_sources(registry, arena, request, refusal);
}

bool request_recheck(const Subjects *registry, Arena *arena, const RegistryRequest *request,
                     RegistryRefusal *refusal)
{
    RegistryRequest now = *request;
    for (int32_t i = 0; i < request->schema.reference_count; i++) {
        const RegistryReference *reference = &request->schema.references[i];
        const RegistryVersion *version = subject_find_version(
            registry_find_subject(registry, reference->subject), reference->version);
        if (version == NULL || version->is_deleted)
            return registry_refuse(refusal, arena, REFUSED_BAD_SCHEMA,
                                   "the reference `%.*s` is to version %d of subject `%.*s`, which "
                                   "is deleted",
                                   STR_ARGS(reference->name), reference->version,
                                   STR_ARGS(reference->subject));
    }
    if (!str_is(request->schema.type, "AVRO"))
        return true;
    if (!copy_sources(registry, arena, &now, refusal))
        return false;
    bool is_same = now.before_count == request->before_count;
    for (int32_t i = 0; is_same && i < now.before_count; i++)
        is_same = str_equal(now.before[i], request->before[i]);
    return is_same || registry_refuse(refusal, arena, REFUSED_BAD_SCHEMA,
                                      "what the schema refers to has become something else while "
                                      "it was read: send it again");
}

static bool canonize_avro(Arena *arena, RegistryRequest *request, bool is_sorted,
                          RegistryRefusal *refusal)
{
    RegistrySchema *schema = &request->schema;
    AvroSource source = {.text = schema->text,
                         .before = request->before,
                         .before_count = request->before_count,
                         .is_new = true};
    AvroSchema *ignored;
    Error error = {0};
    if (avro_canonical(arena, &source, is_sorted, &schema->text, &ignored, &error) == OK)
        return true;
    return registry_refuse(refusal, arena, REFUSED_BAD_SCHEMA, "%s: %s", error.code, error.text);
}

bool request_canonize(Arena *arena, RegistryRequest *request, bool is_sorted,
                      RegistryRefusal *refusal)
{
    RegistrySchema *schema = &request->schema;
    JsonElement root;
    if (str_is(schema->type, "AVRO"))
        return canonize_avro(arena, request, is_sorted, refusal);
    if (str_is(schema->type, "PROTOBUF"))
        return true;
    if (!str_is(schema->type, "JSON"))
        return registry_refuse(refusal, arena, REFUSED_BAD_SCHEMA,
                               "`%.*s` is no type of schemas: there are AVRO, JSON and PROTOBUF",
                               STR_ARGS(schema->type));
    JsonDocument *document = json_document_new();
    bool is_json = json_document_parse(document, schema->text.data, schema->text.length, &root);
    if (is_json) {
        Buffer text = {0};
        json_write_element(&text, root, arena);
        schema->text = str_copy(arena, buffer_str(&text));
        buffer_free(&text);
    }
    json_document_free(document);
    return is_json ||
           registry_refuse(refusal, arena, REFUSED_BAD_SCHEMA, "the JSON schema is no JSON");
}

bool registry_canonize(Subjects *registry, Arena *arena, RegistryRequest *request, bool is_sorted,
                       RegistryRefusal *refusal)
{
    if (request->schema.reference_count > 0) {
        if (!registry_begin(registry, arena, refusal))
            return false;
        bool is_found = request_resolve(registry, arena, request, refusal);
        registry_end(registry);
        if (!is_found)
            return false;
    }
    return request_canonize(arena, request, is_sorted, refusal);
}
