/* weir key: who may do what by HTTP. */
#include "cli/cli.h"
#include "hub/keys.h"

static const Flag key_flags[] = {
    {"data-dir", 0, FLAG_VALUE, "DIR", "Folder of the hub (weir-data): DIR/hub."},
    {"role", 0, FLAG_VALUE, "ROLES", "What it is good for: produce, consume, admin (produce)."},
    {"topics", 0, FLAG_VALUE, "PATTERNS",
     "Of which topics, separated by commas: orders,events.* (*)."},
    {"records-per-second", 0, FLAG_VALUE, "N", "How many records it may move a second (any)."},
    {"bytes-per-second", 0, FLAG_VALUE, "N", "How many bytes it may move a second (any)."},
    {"expires-in-days", 0, FLAG_VALUE, "N", "After how many days it is over (never)."},
};

static const struct {
    const char *name;
    KeyRole role;
} roles[] = {{"consume", KEY_CONSUME}, {"produce", KEY_PRODUCE}, {"admin", KEY_ADMIN}};
enum { ROLE_COUNT = sizeof roles / sizeof roles[0] };

static bool parse_roles(const Cli *cli, uint32_t *out)
{
    const char *given = cli_value(cli, "role");
    Str rest = str_from(given != NULL ? given : "produce");
    *out = 0;
    while (rest.data != NULL) {
        Str name = str_split(rest, ',', &rest);
        int32_t found = -1;
        for (int32_t i = 0; i < ROLE_COUNT; i++)
            if (str_is(name, roles[i].name))
                found = i;
        if (found < 0) {
            (void)report_usage(cli, "WR7003", "roles are produce, consume and admin",
                               "`%.*s` is no role", STR_ARGS(name));
            return false;
        }
        *out |= (uint32_t)roles[found].role;
    }
    return true;
}

/* What stands in a line of the file as it is. */
static bool text_is_plain(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ')
            return false;
    return text[0] != '\0';
}

static ExitCode key_create(Cli *cli, Keys *keys, const char *name)
{
    int64_t days = 0;
    Error error = {0};
    const char *topics = cli_value(cli, "topics");
    Key key = {.name = name, .topics = topics != NULL ? topics : "*"};
    if (!parse_roles(cli, &key.roles) ||
        !cli_number(cli, "records-per-second", 1, &key.records_per_second) ||
        !cli_number(cli, "bytes-per-second", 1, &key.bytes_per_second) ||
        !cli_number(cli, "expires-in-days", 1, &days))
        return EXIT_BAD_USAGE;
    if (!text_is_plain(key.name) || !text_is_plain(key.topics))
        return report_usage(cli, "WR7003", "use letters, digits and `_-.*,`",
                            "a name or pattern is empty, or has a control character");
    if (days > 0)
        key.expires_us = world_clock_us(cli->world) + days * 86400 * INT64_C(1000000);
    char text[KEY_TEXT_BYTES_MAX];
    if (keys_create(keys, &key, text, &error) != OK)
        return report_failure(cli, &error);
    report_note(cli, "this is the only time that the key is shown:");
    Buffer out = {0};
    buffer_printf(&out, "%s\n", text);
    ExitCode code = report_output(cli, &out);
    buffer_free(&out);
    return code;
}

static void put_roles(Buffer *out, uint32_t bits)
{
    bool is_first = true;
    for (int32_t i = 0; i < ROLE_COUNT; i++) {
        if ((bits & (uint32_t)roles[i].role) == 0)
            continue;
        buffer_printf(out, "%s%s", is_first ? "" : ",", roles[i].name);
        is_first = false;
    }
}

static ExitCode key_list(Cli *cli, Keys *keys)
{
    List list = {0};
    Buffer out = {0};
    keys_list(keys, cli->arena, &list);
    int64_t now_us = world_clock_us(cli->world);
    if (list.count == 0)
        report_note(cli, "there is no key: everybody may do everything");
    for (int32_t i = 0; i < list.count; i++) {
        const Key *key = LIST_AT(list, i, Key);
        buffer_printf(&out, "%s  %s  ", key->id, key->name);
        put_roles(&out, key->roles);
        buffer_printf(&out, "  %s", key->topics);
        if (key->records_per_second > 0)
            buffer_printf(&out, "  %lld records/s", (long long)key->records_per_second);
        if (key->bytes_per_second > 0)
            buffer_printf(&out, "  %lld bytes/s", (long long)key->bytes_per_second);
        if (key->expires_us > 0 && key->expires_us <= now_us)
            buffer_append_text(&out, "  over");
        else if (key->expires_us > 0)
            buffer_printf(&out, "  %lld days",
                          (long long)((key->expires_us - now_us) / 1000000 / 86400));
        buffer_append_char(&out, '\n');
    }
    ExitCode code = report_output(cli, &out);
    buffer_free(&out);
    return code;
}

static ExitCode key_revoke(Cli *cli, Keys *keys, const char *name)
{
    Error error = {0};
    if (keys_revoke(keys, str_from(name), &error) != OK)
        return report_failure(cli, &error);
    report_note(cli, "`%s` is over", name);
    return EXIT_OK;
}

static ExitCode key_run(Cli *cli)
{
    const char *action = LIST_AT(cli->arguments, 0, const char);
    const char *name = cli->arguments.count > 1 ? LIST_AT(cli->arguments, 1, const char) : NULL;
    bool is_list = strcmp(action, "list") == 0, is_create = strcmp(action, "create") == 0;
    if ((!is_list && !is_create && strcmp(action, "revoke") != 0) || is_list != (name == NULL))
        return report_usage(cli, "WR7003", "weir key create NAME, list, or revoke NAME",
                            "`weir key` does not take this");
    Error error = {0};
    Keys *keys;
    const char *folder = arena_printf(cli->arena, "%s/hub", cli_data_dir(cli));
    if (keys_open(cli->world, folder, &keys, &error) != OK)
        return report_failure(cli, &error);
    ExitCode code = is_list     ? key_list(cli, keys)
                    : is_create ? key_create(cli, keys, name)
                                : key_revoke(cli, keys, name);
    keys_close(keys);
    return code;
}

const Command key_command = {
    .name = "key",
    .arguments = "create NAME|list|revoke NAME",
    .summary = "Make, list and end keys for the hub's HTTP door.",
    .details =
        "As soon as there is a key, every request needs one. A running hub takes notice within a\n"
        "second.",
    .flags = key_flags,
    .flag_count = sizeof key_flags / sizeof key_flags[0],
    .argument_min = 1,
    .argument_max = 2,
    .run = key_run,
};
