/* Lines of a terminal, by libedit: history, completion, several lines to a statement. */
#include <histedit.h>
#include <locale.h>
#include <termios.h>
#include <unistd.h>

#include "cli/shell/shell.h"
#include "sql/sql.h"

enum { HISTORY_LINES = 1000, TEXT_BYTES_MAX = SQL_SCRIPT_BYTES_MAX, MATCHES_SHOWN_MAX = 60 };

typedef struct Line {
    Shell *shell;
    EditLine *edit;
    History *history;
    Buffer text; /* lines of a statement that is not ended yet */
    bool is_cancelled;
    const char *history_path; /* or NULL */
} Line;

static char *line_prompt(EditLine *edit)
{
    static char first[] = "weir> ";
    static char next[] = "   -> ";
    void *data = NULL;
    el_get(edit, EL_CLIENTDATA, &data);
    const Line *line = data;
    return line->text.length == 0 ? first : next;
}

/* Ctrl-C: what was typed is dropped. */
static unsigned char line_cancel(EditLine *edit, int character)
{
    (void)character;
    void *data = NULL;
    el_get(edit, EL_CLIENTDATA, &data);
    Line *line = data;
    line->is_cancelled = true;
    fputs("^C\n", stdout);
    return CC_NEWLINE;
}

/* ---- Completion ------------------------------------------------------------------------ */

static bool is_word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || c == '-' || c == '.' || (unsigned char)c >= 0x80;
}

static bool has_prefix_ignoring_case(Str name, Str prefix)
{
    return name.length >= prefix.length &&
           str_equal_ignoring_case(str_make(name.data, prefix.length), prefix);
}

static void matches_add(Arena *arena, Map *seen, List *matches, Str name, Str word)
{
    if (!has_prefix_ignoring_case(name, word) || map_find(seen, name) != NULL)
        return;
    Str *kept = ARENA_NEW(arena, Str);
    *kept = name;
    map_put(seen, name, kept);
    list_append(matches, arena, kept);
}

static void complete_find(const Line *line, Arena *arena, Str word, bool is_quoted, List *matches)
{
    List names = {0};
    Map *seen = map_new(arena);
    session_names(line->shell->session, arena, &names);
    for (int32_t i = 0; i < names.count; i++) {
        Str name = *LIST_AT(names, i, Str);
        /* Keys of options and settings stand in quotes, and only they. */
        bool is_key = str_find(name, STR(".")) >= 0 || str_find(name, STR("-")) >= 0;
        if (!is_quoted && is_key)
            continue;
        matches_add(arena, seen, matches, name, word);
    }
    for (int32_t i = 0; !is_quoted && sql_keyword_at(i).data != NULL; i++)
        matches_add(arena, seen, matches, sql_keyword_at(i), word);
}

/* How many bytes all matches have in common. */
static int64_t matches_common(const List *matches)
{
    Str first = *LIST_AT(*matches, 0, Str);
    int64_t common = first.length;
    for (int32_t i = 1; i < matches->count; i++) {
        Str other = *LIST_AT(*matches, i, Str);
        int64_t at = 0;
        while (at < common && at < other.length &&
               str_equal_ignoring_case(str_make(first.data + at, 1), str_make(other.data + at, 1)))
            at++;
        common = at;
    }
    return common;
}

static void matches_show(const List *matches)
{
    fputc('\n', stdout);
    for (int32_t i = 0; i < matches->count && i < MATCHES_SHOWN_MAX; i++) {
        Str name = *LIST_AT(*matches, i, Str);
        printf("%s%.*s", i > 0 ? "  " : "", STR_ARGS(name));
    }
    printf(matches->count > MATCHES_SHOWN_MAX ? "  …\n" : "\n");
    fflush(stdout);
}

static unsigned char line_complete(EditLine *edit, int character)
{
    (void)character;
    void *data = NULL;
    el_get(edit, EL_CLIENTDATA, &data);
    const Line *line = data;
    const LineInfo *info = el_line(edit);
    const char *start = info->cursor;
    while (start > info->buffer && is_word_character(start[-1]))
        start--;
    Str word = str_make(start, info->cursor - start);
    bool is_quoted = start > info->buffer && start[-1] == '\'';
    if (word.length == 0)
        return CC_REDISPLAY;
    Arena *arena = arena_new(0);
    List matches = {0};
    complete_find(line, arena, word, is_quoted, &matches);
    unsigned char answer = CC_ERROR;
    if (matches.count > 0) {
        int64_t common = matches_common(&matches);
        bool is_whole = matches.count == 1;
        if (common > word.length || is_whole) {
            Str first = *LIST_AT(matches, 0, Str);
            const char *text = arena_printf(arena, "%.*s%s", (int)common, first.data,
                                            is_whole && !is_quoted ? " " : "");
            el_deletestr(edit, (int)word.length);
            el_insertstr(edit, text);
            answer = CC_REFRESH;
        } else {
            matches_show(&matches);
            answer = CC_REDISPLAY;
        }
    }
    arena_free(arena);
    return answer;
}

/* ---- History --------------------------------------------------------------------------- */

const char *shell_state_folder(const Shell *shell)
{
    World *world = shell->cli->world;
    const char *state = world_environment(world, "XDG_STATE_HOME");
    const char *home = world_environment(world, "HOME");
    const char *folder = NULL;
    if (state != NULL && state[0] == '/')
        folder = arena_printf(shell->arena, "%s/weir", state);
    else if (home != NULL && home[0] == '/')
        folder = arena_printf(shell->arena, "%s/.local/state/weir", home);
    Error ignored = {0};
    if (folder == NULL || world->kind->make_folder(world, folder, &ignored) != OK)
        return NULL;
    return folder;
}

/* What may carry a secret is not written down. */
static bool text_has_secret(Str text)
{
    static const char *const words[] = {"password", "secret", "token", "access.key", "credential"};
    char lower[64];
    for (int64_t i = 0; i < text.length; i++) {
        int64_t length = 0;
        for (; length < 16 && i + length < text.length; length++) {
            char c = text.data[i + length];
            lower[length] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        }
        for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
            if (str_has_prefix(str_make(lower, length), str_from(words[w])))
                return true;
    }
    return false;
}

/* A statement of several lines is one entry of one line. */
static void line_remember(Line *line, Str text)
{
    HistEvent event;
    Str trimmed = str_trim(text);
    if (trimmed.length == 0 || text_has_secret(trimmed))
        return;
    Buffer entry = {0};
    for (int64_t i = 0; i < trimmed.length; i++)
        buffer_append_char(&entry, trimmed.data[i] == '\n' ? ' ' : trimmed.data[i]);
    history(line->history, &event, H_ENTER, buffer_terminated(&entry));
    if (line->history_path != NULL)
        history(line->history, &event, H_SAVE, line->history_path);
    buffer_free(&entry);
}

/* ---- Lines ----------------------------------------------------------------------------- */

static ExitCode line_execute(Line *line, Str text)
{
    line_remember(line, text);
    Source source = {.name = "<input>", .text = text, .allows_open_end = true};
    return shell_execute(line->shell, &source);
}

static void line_keep_rest(Line *line, int64_t used)
{
    line->text.length -= used;
    memmove(line->text.data, line->text.data + used, (size_t)line->text.length);
}

/* Run what is complete; what is behind the last `;` waits for more. */
static void line_take(Line *line, const char *bytes, int count)
{
    buffer_append(&line->text, bytes, count);
    Str all = buffer_str(&line->text);
    /* A command may lack its `;`. */
    static const char *const bare[] = {"quit", "exit", "help", "clear"};
    for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++) {
        if (!str_equal_ignoring_case(str_trim(all), str_from(bare[i])))
            continue;
        line_execute(line, all);
        line->text.length = 0;
        return;
    }
    int64_t end = sql_statements_end(all);
    if (end > 0) {
        line_execute(line, str_make(all.data, end));
        line_keep_rest(line, end);
    }
    if (sql_is_blank(buffer_str(&line->text)))
        line->text.length = 0;
    if (line->text.length > TEXT_BYTES_MAX) {
        report_note(line->shell->cli, "the statement is too long; it is dropped");
        line->text.length = 0;
    }
}

static void line_open(Line *line)
{
    HistEvent event;
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(setlocale(LC_CTYPE, NULL), "C") == 0)
        setlocale(LC_CTYPE, "C.UTF-8");
    line->edit = el_init("weir", stdin, stdout, stderr);
    line->history = history_init();
    history(line->history, &event, H_SETSIZE, HISTORY_LINES);
    history(line->history, &event, H_SETUNIQUE, 1);
    const char *folder = shell_state_folder(line->shell);
    if (folder != NULL) {
        line->history_path = arena_printf(line->shell->arena, "%s/sql_history", folder);
        history(line->history, &event, H_LOAD, line->history_path);
    }
    el_set(line->edit, EL_CLIENTDATA, line);
    el_set(line->edit, EL_PROMPT, line_prompt);
    el_set(line->edit, EL_EDITOR, "emacs");
    el_set(line->edit, EL_SIGNAL, 1);
    el_set(line->edit, EL_HIST, history, line->history);
    el_set(line->edit, EL_ADDFN, "weir-complete", "complete the word", line_complete);
    el_set(line->edit, EL_ADDFN, "weir-cancel", "drop the line", line_cancel);
    el_set(line->edit, EL_BIND, "^I", "weir-complete", NULL);
    el_set(line->edit, EL_BIND, "^C", "weir-cancel", NULL);
    el_set(line->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    /* While a line is edited Ctrl-C is a key; else it is a signal. */
    el_set(line->edit, EL_SETTY, "-d", "-isig", NULL);
    el_source(line->edit, NULL);
}

ExitCode shell_interact(Shell *shell)
{
    Line line = {.shell = shell};
    line_open(&line);
    if (!shell->cli->is_quiet)
        report_note(shell->cli, "%s; statements end with `;`, HELP tells more, Ctrl-D leaves",
                    WEIR_VERSION);
    while (!atomic_load(&shell->is_quitting)) {
        int count = 0;
        /* The editor has the terminal before its prompt says so: else a key that is quick, Ctrl-D
         * say, is still the terminal's, and comes as another one. */
        el_set(line.edit, EL_PREP_TERM, 1);
        const char *bytes = el_gets(line.edit, &count);
        if (bytes == NULL || count <= 0)
            break;
        if (line.is_cancelled) {
            line.is_cancelled = false;
            line.text.length = 0;
            continue;
        }
        line_take(&line, bytes, count);
    }
    if (!atomic_load(&shell->is_quitting))
        fputc('\n', stdout);
    history_end(line.history);
    el_end(line.edit);
    buffer_free(&line.text);
    return EXIT_OK;
}
