/* weir user: who may log in to the hub with a password. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "hub/users.h"

enum { PASSWORD_BYTES_MAX = 1024, GENERATED_BYTES = 32 };

static const Flag user_flags[] = {
    {"data-dir", 0, FLAG_VALUE, "DIR", "Folder of the hub (weir-data): DIR/hub."},
    {"password-stdin", 0, FLAG_SWITCH, NULL,
     "Take the password from standard input, instead of making one up."},
};

/* 32 of 64 letters: 192 bits. */
static void make_password(World *world, char *out)
{
    static const char letters[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
    uint64_t random = 0;
    for (int32_t i = 0; i < GENERATED_BYTES; i++, random >>= 6) {
        if (i % 8 == 0)
            random = world->kind->random_u64(world);
        out[i] = letters[random & 63];
    }
    out[GENERATED_BYTES] = '\0';
}

/* The first line, without its end. */
static ExitCode read_password(const Cli *cli, char *out)
{
    size_t length = fread(out, 1, PASSWORD_BYTES_MAX + 1, stdin);
    size_t end = 0;
    while (end < length && out[end] != '\n' && out[end] != '\r')
        end++;
    bool is_good = end > 0 && end <= PASSWORD_BYTES_MAX && memchr(out, '\0', end) == NULL;
    out[is_good ? end : 0] = '\0';
    return is_good ? EXIT_OK
                   : report_usage(cli, "WR7003",
                                  "printf %s \"$PASSWORD\" | weir user create NAME "
                                  "--password-stdin",
                                  "a password has 1 to %d bytes", PASSWORD_BYTES_MAX);
}

static ExitCode user_create(Cli *cli, Users *users, const char *name)
{
    char password[PASSWORD_BYTES_MAX + 2];
    bool is_given = cli_has(cli, "password-stdin");
    Error error = {0};
    if (!user_name_is_valid(str_from(name)))
        return report_usage(cli, "WR7003", "use letters, digits and `_-.`",
                            "a name is empty, too long, or has a control character");
    if (users_find(users, str_from(name)) != NULL) {
        Status status = fail(&error, ERR_INVALID, "WR5507", "there is a user `%s` already", name);
        (void)status;
        error_hint(&error, "`weir user revoke %s` first, or choose another name", name);
        return report_failure(cli, &error);
    }
    ExitCode code = EXIT_OK;
    if (is_given)
        code = read_password(cli, password);
    else
        make_password(cli->world, password);
    if (code == EXIT_OK &&
        users_set_password(users, str_from(name), str_from(password), &error) != OK)
        code = report_failure(cli, &error);
    if (code == EXIT_OK && !is_given) {
        report_note(cli, "this is the only time that the password is shown:");
        Buffer out = {0};
        buffer_printf(&out, "%s\n", password);
        code = report_output(cli, &out);
        buffer_free(&out);
    }
    OPENSSL_cleanse(password, sizeof password);
    return code;
}

static ExitCode user_list(Cli *cli, const Users *users)
{
    Buffer out = {0};
    if (users_count(users) == 0)
        report_note(cli, "there is no user");
    for (int32_t i = 0; i < users_count(users); i++) {
        const User *user = users_at(users, i);
        buffer_append_text(&out, user->name);
        for (int32_t k = SCRAM_SHA_256; k <= SCRAM_SHA_512; k++) {
            const Verifier *verifier = user_verifier(user, (ScramKind)k);
            if (verifier != NULL)
                buffer_printf(&out, "  %s %d", scram_name((ScramKind)k), verifier->iterations);
        }
        buffer_append_char(&out, '\n');
    }
    ExitCode code = report_output(cli, &out);
    buffer_free(&out);
    return code;
}

static ExitCode user_revoke(Cli *cli, Users *users, const char *name)
{
    Error error = {0};
    if (users_revoke(users, str_from(name), &error) != OK)
        return report_failure(cli, &error);
    report_note(cli, "`%s` is nobody any more", name);
    return EXIT_OK;
}

static ExitCode user_run(Cli *cli)
{
    const char *action = LIST_AT(cli->arguments, 0, const char);
    const char *name = cli->arguments.count > 1 ? LIST_AT(cli->arguments, 1, const char) : NULL;
    bool is_list = strcmp(action, "list") == 0, is_create = strcmp(action, "create") == 0;
    if ((!is_list && !is_create && strcmp(action, "revoke") != 0) || is_list != (name == NULL))
        return report_usage(cli, "WR7003", "weir user create NAME, list, or revoke NAME",
                            "`weir user` does not take this");
    Error error = {0};
    Users *users;
    const char *folder = arena_printf(cli->arena, "%s/hub", cli_data_dir(cli));
    if (users_open(cli->world, folder, &users, &error) != OK)
        return report_failure(cli, &error);
    ExitCode code = is_list     ? user_list(cli, users)
                    : is_create ? user_create(cli, users, name)
                                : user_revoke(cli, users, name);
    users_close(users);
    return code;
}

const Command user_command = {
    .name = "user",
    .arguments = "create NAME|list|revoke NAME",
    .summary = "Make, list and end users who log in to the hub with a password.",
    .details =
        "`weir hub --sasl …` asks for it. Kept are salted verifiers only. A running hub takes\n"
        "notice within a second, and ends the connections of who is revoked.",
    .flags = user_flags,
    .flag_count = sizeof user_flags / sizeof user_flags[0],
    .argument_min = 1,
    .argument_max = 2,
    .run = user_run,
};
