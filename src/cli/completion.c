/* weir completion: scripts with which bash, zsh and fish complete commands, flags and their values.
 * They are made from the tables of the commands, and ask nothing of weir when they run. */
#include <ctype.h>

#include "cli/cli.h"

/* What can follow a flag or a command besides files: "text|json|logfmt", "list | doc NAME". Words
 * in capitals stand for something else, and are left out. */
static void choices_print(Buffer *out, const char *text)
{
    Str rest = str_from(text == NULL ? "" : text);
    bool is_first = true;
    while (rest.length > 0) {
        Str alternative = str_split(rest, '|', &rest);
        while (alternative.length > 0) {
            Str word = str_split(alternative, ' ', &alternative);
            bool is_plain = word.length > 0;
            for (int64_t i = 0; i < word.length; i++)
                is_plain = is_plain && islower((unsigned char)word.data[i]) != 0;
            if (!is_plain)
                continue;
            buffer_printf(out, "%s%.*s", is_first ? "" : " ", STR_ARGS(word));
            is_first = false;
        }
    }
}

static bool has_choices(const char *text)
{
    Buffer out = {0};
    choices_print(&out, text);
    bool is_some = out.length > 0;
    buffer_free(&out);
    return is_some;
}

static bool flag_takes_value(const Flag *flag)
{
    return flag->kind == FLAG_VALUE || flag->kind == FLAG_REPEATED;
}

static bool flag_is_folder(const Flag *flag)
{
    return flag->value_name != NULL && strcmp(flag->value_name, "DIR") == 0;
}

static int32_t flag_total(const Command *command)
{
    int32_t global;
    (void)cli_global_flags(&global);
    return command->flag_count + global;
}

static const Flag *flag_of(const Command *command, int32_t index)
{
    int32_t global;
    const Flag *flags = cli_global_flags(&global);
    return index < command->flag_count ? &command->flags[index]
                                       : &flags[index - command->flag_count];
}

/* ---- bash ------------------------------------------------------------------------------ */

static void bash_flag_values(Buffer *out, const Command *command)
{
    for (int32_t i = 0; i < flag_total(command); i++) {
        const Flag *flag = flag_of(command, i);
        if (!flag_takes_value(flag))
            continue;
        buffer_printf(out, "        \"%s --%s\"", command->name, flag->name);
        if (flag->letter != 0)
            buffer_printf(out, "|\"%s -%c\"", command->name, flag->letter);
        buffer_append_text(out, ") ");
        if (flag_is_folder(flag)) {
            buffer_append_text(out, "COMPREPLY=($(compgen -d -- \"$current\")); ");
        } else if (has_choices(flag->value_name)) {
            buffer_append_text(out, "COMPREPLY=($(compgen -W \"");
            choices_print(out, flag->value_name);
            buffer_append_text(out, "\" -- \"$current\")); ");
        }
        buffer_append_text(out, "return ;;\n");
    }
}

static void bash_words(Buffer *out, const Command *command)
{
    buffer_printf(out, "        %s) flags=\"", command->name);
    for (int32_t i = 0; i < flag_total(command); i++)
        buffer_printf(out, "%s--%s", i > 0 ? " " : "", flag_of(command, i)->name);
    buffer_append_text(out, "\" words=\"");
    choices_print(out, command->arguments);
    buffer_append_text(out, "\" ;;\n");
}

static void bash_print(Buffer *out)
{
    buffer_append_text(out, "# To load it: source <(weir completion bash)\n"
                            "_weir() {\n"
                            "    local current=${COMP_WORDS[COMP_CWORD]} flags= words=\n"
                            "    local before=${COMP_WORDS[COMP_CWORD - 1]}\n"
                            "    COMPREPLY=()\n"
                            "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                            "        COMPREPLY=($(compgen -W \"");
    for (int32_t i = 0; i < command_count(); i++)
        buffer_printf(out, "%s%s", i > 0 ? " " : "", command_at(i)->name);
    buffer_append_text(out, "\" -- \"$current\"))\n"
                            "        return\n"
                            "    fi\n"
                            "    case \"${COMP_WORDS[1]} $before\" in\n");
    for (int32_t i = 0; i < command_count(); i++)
        bash_flag_values(out, command_at(i));
    buffer_append_text(out, "    esac\n"
                            "    case \"${COMP_WORDS[1]}\" in\n");
    for (int32_t i = 0; i < command_count(); i++)
        bash_words(out, command_at(i));
    buffer_append_text(out, "    esac\n"
                            "    case \"$current\" in\n"
                            "        -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$current\")) ;;\n"
                            "        *) COMPREPLY=($(compgen -W \"$words\" -- \"$current\")) ;;\n"
                            "    esac\n"
                            "}\n"
                            "complete -o default -F _weir weir\n");
}

/* ---- zsh ------------------------------------------------------------------------------- */

/* Within single quotes, where `marks` mean something to _arguments and _describe. */
static void zsh_text(Buffer *out, const char *text, const char *marks)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            buffer_append_text(out, "'\\'");
        else if (strchr(marks, *text) != NULL)
            buffer_append_char(out, '\\');
        buffer_append_char(out, *text);
    }
}

static void zsh_flag(Buffer *out, const Flag *flag)
{
    const char *value = flag_takes_value(flag)              ? "="
                        : flag->kind == FLAG_OPTIONAL_VALUE ? "=-"
                                                            : "";
    buffer_append_text(out, " \\\n            ");
    if (flag->letter != 0 && flag->kind != FLAG_REPEATED)
        buffer_printf(out, "'(-%c --%s)'", flag->letter, flag->name);
    const char *star = flag->kind == FLAG_REPEATED ? "\\*" : "";
    if (flag->letter != 0)
        buffer_printf(out, "%s{-%c%s,--%s%s}'[", star, flag->letter, value[0] != '\0' ? "+" : "",
                      flag->name, value);
    else
        buffer_printf(out, "%s--%s%s'[", star, flag->name, value);
    zsh_text(out, flag->help, "[]:\\");
    buffer_append_char(out, ']');
    if (value[0] != '\0') {
        bool is_optional = flag->kind == FLAG_OPTIONAL_VALUE;
        buffer_append_text(out, is_optional ? "::" : ":");
        zsh_text(out, flag->value_name, ":\\");
        buffer_append_char(out, ':');
        if (flag_is_folder(flag)) {
            buffer_append_text(out, "_files -/");
        } else if (has_choices(flag->value_name)) {
            buffer_append_char(out, '(');
            choices_print(out, flag->value_name);
            buffer_append_char(out, ')');
        } else if (strstr(flag->value_name, "FILE") != NULL) {
            buffer_append_text(out, "_files");
        }
    }
    buffer_append_char(out, '\'');
}

static void zsh_command(Buffer *out, const Command *command)
{
    buffer_printf(out, "        %s) _arguments -s", command->name);
    for (int32_t i = 0; i < flag_total(command); i++)
        zsh_flag(out, flag_of(command, i));
    buffer_append_text(out, " \\\n            '*:argument:");
    if (has_choices(command->arguments)) {
        buffer_append_char(out, '(');
        choices_print(out, command->arguments);
        buffer_append_char(out, ')');
    } else if (command->argument_max > 0) {
        buffer_append_text(out, "_files");
    }
    buffer_append_text(out, "' ;;\n");
}

static void zsh_print(Buffer *out)
{
    buffer_append_text(out,
                       "#compdef weir\n"
                       "# To load it: weir completion zsh > FOLDER/_weir, with FOLDER in $fpath\n"
                       "_weir() {\n"
                       "    local -a commands=(\n");
    for (int32_t i = 0; i < command_count(); i++) {
        buffer_printf(out, "        '%s:", command_at(i)->name);
        zsh_text(out, command_at(i)->summary, ":\\");
        buffer_append_text(out, "'\n");
    }
    buffer_append_text(out, "    )\n"
                            "    if (( CURRENT == 2 )); then\n"
                            "        _describe command commands\n"
                            "        return\n"
                            "    fi\n"
                            "    shift words\n"
                            "    (( CURRENT-- ))\n"
                            "    case $words[1] in\n");
    for (int32_t i = 0; i < command_count(); i++)
        zsh_command(out, command_at(i));
    buffer_append_text(
        out, "    esac\n"
             "}\n"
             "if [ \"$funcstack[1]\" = _weir ]; then _weir; else compdef _weir weir; fi\n");
}

/* ---- fish ------------------------------------------------------------------------------ */

static void fish_text(Buffer *out, const char *text)
{
    buffer_append_char(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            buffer_append_char(out, '\\');
        buffer_append_char(out, *text);
    }
    buffer_append_char(out, '\'');
}

static void fish_flag(Buffer *out, const char *condition, const Flag *flag)
{
    buffer_printf(out, "complete -c weir%s -l %s", condition, flag->name);
    if (flag->letter != 0)
        buffer_printf(out, " -s %c", flag->letter);
    if (flag_is_folder(flag)) {
        buffer_append_text(out, " -x -a '(__fish_complete_directories)'");
    } else if (flag_takes_value(flag) && has_choices(flag->value_name)) {
        buffer_append_text(out, " -x -a '");
        choices_print(out, flag->value_name);
        buffer_append_char(out, '\'');
    } else if (flag_takes_value(flag)) {
        buffer_append_text(out, strstr(flag->value_name, "FILE") != NULL ? " -r -F" : " -x");
    }
    buffer_append_text(out, " -d ");
    fish_text(out, flag->help);
    buffer_append_char(out, '\n');
}

static void fish_command(Buffer *out, const Command *command)
{
    Buffer condition = {0};
    buffer_append_text(out, "complete -c weir -f -n __fish_use_subcommand -a ");
    buffer_printf(out, "%s -d ", command->name);
    fish_text(out, command->summary);
    buffer_append_char(out, '\n');
    buffer_printf(&condition, " -n '__fish_seen_subcommand_from %s'", command->name);
    if (has_choices(command->arguments) || command->argument_max == 0) {
        buffer_printf(out, "complete -c weir -f%s -a '", buffer_terminated(&condition));
        choices_print(out, command->arguments);
        buffer_append_text(out, "'\n");
    }
    for (int32_t i = 0; i < command->flag_count; i++)
        fish_flag(out, buffer_terminated(&condition), &command->flags[i]);
    buffer_free(&condition);
}

static void fish_print(Buffer *out)
{
    int32_t count;
    const Flag *flags = cli_global_flags(&count);
    buffer_append_text(out, "# To load it: weir completion fish | source\n");
    for (int32_t i = 0; i < count; i++)
        fish_flag(out, "", &flags[i]);
    for (int32_t i = 0; i < command_count(); i++)
        fish_command(out, command_at(i));
}

static ExitCode completion_run(Cli *cli)
{
    static const struct {
        const char *shell;
        void (*print)(Buffer *out);
    } shells[] = {{"bash", bash_print}, {"zsh", zsh_print}, {"fish", fish_print}};
    const char *asked = LIST_AT(cli->arguments, 0, const char);
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shells[i].shell, asked) != 0)
            continue;
        Buffer text = {0};
        shells[i].print(&text);
        ExitCode code = report_output(cli, &text);
        buffer_free(&text);
        return code;
    }
    return report_usage(cli, "WR7003", "shells are bash, zsh and fish",
                        "there is no completion for `%s`", asked);
}

const Command completion_command = {
    .name = "completion",
    .arguments = "bash|zsh|fish",
    .summary = "Print a script with which a shell completes commands and flags.",
    .details = "bash   source <(weir completion bash)            in ~/.bashrc\n"
               "zsh    weir completion zsh > FOLDER/_weir        FOLDER is in $fpath\n"
               "fish   weir completion fish | source             in config.fish",
    .argument_min = 1,
    .argument_max = 1,
    .run = completion_run,
};
