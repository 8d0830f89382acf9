/* The order in which settings are looked for, and the address that follows from them. */
#include "store/s3_settings.h"

enum { FILE_BYTES_MAX = 1024 * 1024, BUCKET_BYTES_MAX = 255 };

/* Where to look. */
typedef struct Sources {
    World *world;
    Arena *arena;
    Str credentials, config; /* the text of ~/.aws/credentials and ~/.aws/config, or empty */
    const char *profile;
} Sources;

/* ---- Files of AWS ------------------------------------------------------------------------ */

/* What `key = value` says in [section], or NULL. Comments are lines that begin with # or ;. */
static const char *ini_find(Str text, const char *section, const char *key, Arena *arena)
{
    bool is_inside = false;
    while (text.length > 0) {
        Str line = str_trim(str_split(text, '\n', &text));
        if (str_has_prefix(line, STR("[")) && str_has_suffix(line, STR("]"))) {
            is_inside = str_is(str_trim(str_make(line.data + 1, line.length - 2)), section);
            continue;
        }
        Str value;
        Str name = str_trim(str_split(line, '=', &value));
        if (is_inside && str_is(name, key) && str_trim(value).length > 0)
            return str_terminated(arena, str_trim(value));
    }
    return NULL;
}

/* A copy; a variable that is set to nothing counts as not set. */
static const char *environment_find(const Sources *sources, const char *name)
{
    const char *value = world_environment(sources->world, name);
    bool is_set = value != NULL && value[0] != '\0';
    return is_set ? arena_printf(sources->arena, "%s", value) : NULL;
}

/* Missing: empty. */
static Status aws_file_read(const Sources *sources, const char *variable, const char *name,
                            Str *text, Error *error)
{
    const char *path = environment_find(sources, variable);
    const char *home = environment_find(sources, "HOME");
    *text = (Str){0};
    if (path == NULL && home == NULL)
        return OK;
    if (path == NULL)
        path = arena_printf(sources->arena, "%s/.aws/%s", home, name);
    Status status =
        world_read_file(sources->world, path, FILE_BYTES_MAX, sources->arena, text, error);
    return status == ERR_NOT_FOUND ? OK : status;
}

static Status sources_open(Sources *sources, Error *error)
{
    TRY(aws_file_read(sources, "AWS_SHARED_CREDENTIALS_FILE", "credentials", &sources->credentials,
                      error));
    TRY(aws_file_read(sources, "AWS_CONFIG_FILE", "config", &sources->config, error));
    sources->profile = environment_find(sources, "AWS_PROFILE");
    if (sources->profile == NULL)
        sources->profile = "default";
    return OK;
}

/* In the file of credentials, else in the other one, which has its own way to name profiles. */
static const char *profile_find(const Sources *sources, const char *key)
{
    const char *section = sources->profile;
    const char *found = ini_find(sources->credentials, section, key, sources->arena);
    if (found != NULL)
        return found;
    if (strcmp(section, "default") != 0)
        section = arena_printf(sources->arena, "profile %s", section);
    return ini_find(sources->config, section, key, sources->arena);
}

/* ---- Keys -------------------------------------------------------------------------------- */

/* The three belong together: never one from here and one from there. */
static Status keys_find(const Sources *sources, const StoreOptions *options, S3Settings *out,
                        Error *error)
{
    const char *from = "the options s3.access-key and s3.secret-key";
    out->access_key = options->access_key;
    out->secret_key = options->secret_key;
    out->session_token = options->session_token;
    if (out->access_key == NULL && out->secret_key == NULL) {
        from = "the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)";
        out->access_key = environment_find(sources, "AWS_ACCESS_KEY_ID");
        out->secret_key = environment_find(sources, "AWS_SECRET_ACCESS_KEY");
        out->session_token = environment_find(sources, "AWS_SESSION_TOKEN");
    }
    if (out->access_key == NULL && out->secret_key == NULL) {
        from = "the files of AWS";
        out->access_key = profile_find(sources, "aws_access_key_id");
        out->secret_key = profile_find(sources, "aws_secret_access_key");
        out->session_token = profile_find(sources, "aws_session_token");
    }
    if (out->access_key != NULL && out->secret_key != NULL)
        return OK;
    Status status;
    if (out->access_key == NULL && out->secret_key == NULL)
        status = fail(error, ERR_INVALID, "WR4440",
                      "there are no keys to open the bucket `%s` with: neither s3.access-key and "
                      "s3.secret-key, nor AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, nor the "
                      "profile `%s` in ~/.aws/credentials",
                      out->bucket, sources->profile);
    else
        status = fail(error, ERR_INVALID, "WR4440",
                      "the %s key to open the bucket `%s` with is missing in %s",
                      out->access_key == NULL ? "access" : "secret", out->bucket, from);
    error_hint(error, "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or both s3.access-key "
                      "and s3.secret-key by `${env:NAME}`");
    return status;
}

static const char *region_find(const Sources *sources, const StoreOptions *options)
{
    const char *region = options->region;
    if (region == NULL)
        region = environment_find(sources, "AWS_REGION");
    if (region == NULL)
        region = environment_find(sources, "AWS_DEFAULT_REGION");
    if (region == NULL)
        region = profile_find(sources, "region");
    return region != NULL ? region : "us-east-1";
}

static const char *endpoint_find(const Sources *sources, const StoreOptions *options)
{
    const char *endpoint = options->endpoint;
    if (endpoint == NULL)
        endpoint = environment_find(sources, "AWS_ENDPOINT_URL_S3");
    if (endpoint == NULL)
        endpoint = environment_find(sources, "AWS_ENDPOINT_URL");
    if (endpoint == NULL)
        endpoint = profile_find(sources, "endpoint_url");
    return endpoint;
}

/* ---- Addresses --------------------------------------------------------------------------- */

static bool text_has_only(Str text, const char *others)
{
    for (int64_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_plain && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return true;
}

Status s3_place_check(const char *place, Error *error)
{
    Str prefix;
    Str bucket = str_split(str_from(place), '/', &prefix);
    if (bucket.length > 0 && bucket.length <= BUCKET_BYTES_MAX && text_has_only(bucket, ".-_"))
        return OK;
    if (str_find(bucket, STR("@")) < 0)
        return fail(error, ERR_INVALID, "WR4431",
                    "`s3://%.200s` names no bucket: s3://BUCKET/PREFIX", place);
    Status status = fail(error, ERR_INVALID, "WR4431", "keys do not belong into a location");
    error_hint(error, "s3.access-key and s3.secret-key take them, by `${env:NAME}`");
    return status;
}

static Status place_split(const char *place, Arena *arena, S3Settings *out, Error *error)
{
    Str prefix;
    TRY(s3_place_check(place, error));
    Str bucket = str_split(str_from(place), '/', &prefix);
    while (str_has_prefix(prefix, STR("/")))
        prefix = str_make(prefix.data + 1, prefix.length - 1);
    while (str_has_suffix(prefix, STR("/")))
        prefix.length--;
    out->bucket = str_terminated(arena, bucket);
    out->prefix = prefix.length == 0 ? "" : arena_printf(arena, "%.*s/", STR_ARGS(prefix));
    return OK;
}

static bool host_is_of_aws(Str host)
{
    return str_find(host, STR(".amazonaws.com")) >= 0;
}

/* A certificate of AWS covers one name before its own, so a bucket with a dot stays in the path;
 * other servers are mostly reached by one name or address only. */
static bool wants_path(const StoreOptions *options, Str host, const char *bucket)
{
    if (options->addressing != STORE_ADDRESSING_AUTO)
        return options->addressing == STORE_ADDRESSING_PATH;
    return !host_is_of_aws(host) || strchr(bucket, '.') != NULL;
}

static Status address_make(const Sources *sources, const StoreOptions *options, S3Settings *out,
                           Error *error)
{
    Arena *arena = sources->arena;
    const char *endpoint = endpoint_find(sources, options);
    if (endpoint == NULL)
        endpoint = arena_printf(arena, "https://s3.%s.amazonaws.com", out->region);
    Str rest = str_from(endpoint);
    bool is_plain = str_has_prefix(rest, STR("http://"));
    if (is_plain || str_has_prefix(rest, STR("https://")))
        rest = str_make(rest.data + (is_plain ? 7 : 8), rest.length - (is_plain ? 7 : 8));
    Str path;
    Str host = str_split(rest, '/', &path);
    if (host.length == 0 || str_find(rest, STR("://")) >= 0 || !text_has_only(host, ".-_:[]") ||
        !text_has_only(path, "./-_~"))
        return fail(error, ERR_INVALID, "WR4431",
                    "`%.200s` is no address of an S3 server: https://HOST or http://HOST:PORT",
                    endpoint);
    while (str_has_suffix(path, STR("/")))
        path.length--;
    Str own_port = is_plain ? STR(":80") : STR(":443");
    if (str_has_suffix(host, own_port))
        host.length -= own_port.length;
    out->host = str_terminated(arena, host);
    out->path = path.length == 0 ? "" : arena_printf(arena, "/%.*s", STR_ARGS(path));
    if (wants_path(options, host, out->bucket))
        out->path = arena_printf(arena, "%s/%s", out->path, out->bucket);
    else
        out->host = arena_printf(arena, "%s.%s", out->bucket, out->host);
    out->origin = arena_printf(arena, "%s://%s", is_plain ? "http" : "https", out->host);
    return OK;
}

static const char *copy_or_null(const char *text, Arena *arena)
{
    return text == NULL ? NULL : arena_printf(arena, "%s", text);
}

Status s3_settings_find(World *world, const char *place, const StoreOptions *options, Arena *arena,
                        S3Settings *out, Error *error)
{
    Sources sources = {.world = world, .arena = arena};
    *out = (S3Settings){0};
    TRY(place_split(place, arena, out, error));
    TRY(sources_open(&sources, error));
    TRY(keys_find(&sources, options, out, error));
    out->region = region_find(&sources, options);
    TRY(address_make(&sources, options, out, error));
    out->access_key = copy_or_null(out->access_key, arena);
    out->secret_key = copy_or_null(out->secret_key, arena);
    out->session_token = copy_or_null(out->session_token, arena);
    out->region = copy_or_null(out->region, arena);
    out->ca_file = environment_find(&sources, "AWS_CA_BUNDLE");
    return OK;
}
