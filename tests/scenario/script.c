/* SPDX-License-Identifier: Apache-2.0 */
/* Scenario scripts, read into cases and acts. It knows their shape, not what the verbs mean. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct script *script;
    int line;
    const char *problem; /* static text, or NULL */
    bool in_step;
    struct script_case **next_case;
    struct script_act **next_act;
    struct script_request **next_request;
    struct script_expected **next_expected, **next_record;
    struct script_act *act; /* what requests and expectations go to */
};

static void *piece(struct reader *r, size_t size)
{
    return arena_alloc(&r->script->arena, size);
}

static char *canonical(struct reader *r, const char *text)
{
    struct text out = {0};
    text_add_canonical(&out, text);
    char *copy = arena_copy(&r->script->arena, text_string(&out), out.size);
    text_fini(&out);
    return copy;
}

/* Splits at blanks, in place. */
static size_t split(struct reader *r, char *text, char ***words)
{
    size_t count = 0;
    char *rest = NULL;
    *words = piece(r, (strlen(text) / 2 + 1) * sizeof(char *));
    for (char *word = strtok_r(text, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
        (*words)[count++] = word;
    return count;
}

static struct script_act *act_new(struct reader *r, enum script_kind kind)
{
    struct script_act *act = piece(r, sizeof(*act));
    act->kind = kind;
    act->line = act->line_last = r->line;
    if (!r->next_act) {
        r->problem = "no case before this";
        return act;
    }
    *r->next_act = act;
    r->next_act = &act->next;
    r->act = act;
    r->next_request = &act->requests;
    r->next_expected = &act->expected;
    r->next_record = &act->records;
    return act;
}

static void read_case(struct reader *r, char *text)
{
    char *from = strchr(text, '"');
    char *to = from ? strchr(from + 1, '"') : NULL;
    if (!to || to[1]) {
        r->problem = "a case has a name: case \"name\"";
        return;
    }
    struct script_case *new_case = piece(r, sizeof(*new_case));
    new_case->line = r->line;
    new_case->name = arena_copy(&r->script->arena, from + 1, (size_t)(to - from - 1));
    *r->next_case = new_case;
    r->next_case = &new_case->next;
    r->next_act = &new_case->acts;
    r->act = NULL;
}

/* ": [at TIME] WHO TEXT" or "| TEXT" */
static void read_expected(struct reader *r, char *text, struct script_expected ***next)
{
    struct script_expected *expected = piece(r, sizeof(*expected));
    expected->line = r->line;
    if (!r->act) {
        r->problem = "nothing before this that could have brought it";
        return;
    }
    text += strspn(text, " \t");
    if (strncmp(text, "at ", 3) == 0) {
        char *word = text + 3 + strspn(text + 3, " \t");
        size_t size = strcspn(word, " \t");
        char *time = arena_copy(&r->script->arena, word, size);
        if (!text_time(time, &expected->at))
            r->problem = "this is no time";
        expected->timed = true;
        text = word + size;
    }
    expected->text = canonical(r, text);
    r->act->line_last = r->line;
    **next = expected;
    *next = &expected->next;
}

/* "at TIME [late]", "after TIME [late]" */
static void read_time(struct reader *r, char **words, size_t count)
{
    struct script_act *act = act_new(r, SCRIPT_AT);
    act->timed = true;
    act->relative = strcmp(words[0], "after") == 0;
    act->late = count == 3 && strcmp(words[2], "late") == 0;
    if (count < 2 || count > 3 || (count == 3 && !act->late) || !text_time(words[1], &act->time))
        r->problem = "at TIME or after TIME, then perhaps \"late\"";
}

/* "step {", "step at TIME {" */
static void read_step(struct reader *r, char **words, size_t count)
{
    struct script_act *act = act_new(r, SCRIPT_STEP);
    r->in_step = true;
    act->timed = count == 4 && strcmp(words[1], "at") == 0 && text_time(words[2], &act->time);
    act->late = act->timed;
    if (strcmp(words[count - 1], "{") != 0 || (count != 2 && !act->timed))
        r->problem = "step { or step at TIME {";
}

static void read_request(struct reader *r, char **words, size_t count, char *expected)
{
    if (count < 2) {
        r->problem = "SESSION[#LABEL] VERB ...";
        return;
    }
    if (!r->in_step)
        act_new(r, SCRIPT_ASK);
    struct script_request *request = piece(r, sizeof(*request));
    request->line = r->line;
    request->session = words[0];
    char *label = strchr(words[0], '#');
    if (label) {
        *label = '\0';
        request->label = label + 1;
    }
    request->verb = words[1];
    request->words = words + 2;
    request->word_count = count - 2;
    request->expected = expected ? canonical(r, expected) : NULL;
    r->act->line_last = r->line;
    *r->next_request = request;
    r->next_request = &request->next;
}

static void read_step_end(struct reader *r)
{
    if (!r->in_step)
        r->problem = "no step { before this";
    r->in_step = false;
    if (r->act)
        r->act->line_last = r->line;
}

/* Directives are in small letters, sessions begin with a capital. */
static void read_words(struct reader *r, char *text, char *expected)
{
    static const struct {
        const char *word;
        enum script_kind kind;
    } directives[] = {
        {"turn", SCRIPT_TURN},   {"sync", SCRIPT_SYNC},   {"journal", SCRIPT_JOURNAL},       {"turns", SCRIPT_TURNS},
        {"limit", SCRIPT_LIMIT}, {"crash", SCRIPT_CRASH}, {"unreadable", SCRIPT_UNREADABLE}, {"memory", SCRIPT_MEMORY},
        {"disk", SCRIPT_DISK},
    };
    char **words;
    size_t count = split(r, text, &words);
    if (count == 0) {
        r->problem = "-> without a request";
        return;
    }
    if (words[0][0] >= 'A' && words[0][0] <= 'Z') {
        read_request(r, words, count, expected);
        return;
    }
    if (expected || (r->in_step && strcmp(words[0], "}") != 0)) {
        r->problem = "a session begins with a capital";
    } else if (strcmp(words[0], "}") == 0) {
        read_step_end(r);
    } else if (strcmp(words[0], "at") == 0 || strcmp(words[0], "after") == 0) {
        read_time(r, words, count);
    } else if (strcmp(words[0], "step") == 0) {
        read_step(r, words, count);
    } else {
        r->problem = "no such directive";
        for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
            if (strcmp(words[0], directives[i].word) != 0)
                continue;
            r->problem = NULL;
            struct script_act *act = act_new(r, directives[i].kind);
            act->words = words + 1;
            act->word_count = count - 1;
        }
    }
}

/* Cuts off a comment and blanks at both ends. A # within a word begins no comment. */
static char *trim(char *text)
{
    for (char *at = text; *at; at++) {
        bool starts = at == text || at[-1] == ' ' || at[-1] == '\t';
        if (*at == '#' && starts) {
            *at = '\0';
            break;
        }
    }
    size_t size = strlen(text);
    while (size && strchr(" \t\r", text[size - 1]))
        text[--size] = '\0';
    return text + strspn(text, " \t");
}

static void read_line(struct reader *r, char *text)
{
    text = trim(text);
    if (!*text)
        return;
    if (strncmp(text, "case ", 5) == 0) {
        read_case(r, text);
    } else if (*text == ':') {
        read_expected(r, text + 1, &r->next_expected);
    } else if (*text == '|') {
        read_expected(r, text + 1, &r->next_record);
    } else {
        char *arrow = strstr(text, "->");
        if (arrow)
            *arrow = '\0';
        read_words(r, text, arrow ? arrow + 2 : NULL);
    }
}

static bool slurp(struct text *out, const char *path)
{
    char buffer[4096];
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t got;
    while ((got = fread(buffer, 1, sizeof(buffer), file)) > 0)
        text_add(out, "%.*s", (int)got, buffer);
    bool ok = !ferror(file);
    (void)fclose(file);
    return ok;
}

static void split_lines(struct script *script, const char *bytes)
{
    size_t count = 1;
    for (const char *at = bytes; *at; at++)
        count += *at == '\n';
    script->lines = arena_alloc(&script->arena, count * sizeof(char *));
    while (*bytes) {
        size_t size = strcspn(bytes, "\n");
        script->lines[script->line_count++] = arena_copy(&script->arena, bytes, size);
        bytes += size + (bytes[size] == '\n');
    }
}

/* A line that ends with a backslash goes on in the next. */
static char *joined_line(struct script *script, size_t *index)
{
    struct text whole = {0};
    text_add(&whole, "%s", script->lines[*index]);
    while (whole.size && whole.data[whole.size - 1] == '\\' && *index + 1 < script->line_count) {
        whole.data[--whole.size] = '\0';
        text_add(&whole, "%s", script->lines[++*index]);
    }
    char *copy = arena_copy(&script->arena, text_string(&whole), whole.size);
    text_fini(&whole);
    return copy;
}

bool script_read(struct script *script, const char *path)
{
    struct text bytes = {0};
    struct reader reader = {.script = script, .next_case = &script->cases};
    *script = (struct script){.path = path};
    if (!slurp(&bytes, path)) {
        (void)fprintf(stderr, "%s: cannot be read\n", path);
        text_fini(&bytes);
        return false;
    }
    split_lines(script, text_string(&bytes));
    text_fini(&bytes);
    for (size_t i = 0; i < script->line_count && !reader.problem; i++) {
        reader.line = (int)i + 1;
        read_line(&reader, joined_line(script, &i));
    }
    if (!reader.problem && (reader.in_step || !script->cases))
        reader.problem = reader.in_step ? "a step { without }" : "no case in it";
    if (reader.problem)
        (void)fprintf(stderr, "%s:%d: %s\n", path, reader.line, reader.problem);
    return !reader.problem;
}

void script_fini(struct script *script)
{
    arena_fini(&script->arena);
}
