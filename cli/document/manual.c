/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages in the macros of man(7). */
#include "../commands.h"
#include "document.h"
#include "fragment.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* ---- text ------------------------------------------------------------------------------------------------------------- */

/* One line of text, nothing in which is taken for a request. */
static void put_text(FILE *to, const char *text, size_t size)
{
    if (size > 0 && (text[0] == '.' || text[0] == '\''))
        fputs("\\&", to);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\\')
            fputs("\\e", to);
        else if (text[i] == '-')
            fputs("\\-", to);
        else if (text[i] == '\'')
            fputs("\\(aq", to);
        else if (text[i] == '`')
            fputs("\\(ga", to);
        else
            fputc(text[i], to);
    }
}

static void put_string(FILE *to, const char *text)
{
    put_text(to, text, strlen(text));
}

/* Whole lines; what stands between backticks is bold. */
static void put_prose(FILE *to, const char *text)
{
    bool bold = false;
    while (*text != '\0') {
        size_t size = strcspn(text, "`\n");
        put_text(to, text, size);
        text += size;
        if (*text == '`')
            fputs((bold = !bold) ? "\\fB" : "\\fR", to);
        else if (*text == '\n')
            fputc('\n', to);
        text += *text != '\0';
    }
}

/* Whole lines, as they stand. */
static void put_lines(FILE *to, const char *lines)
{
    while (*lines != '\0') {
        size_t size = strcspn(lines, "\n");
        put_text(to, lines, size);
        fputc('\n', to);
        lines += size + (lines[size] == '\n');
    }
}

static void put_heading(FILE *to, const char *name, const char *section)
{
    fprintf(to, ".\\\" made from the table of commands: not to be edited\n.TH \"");
    for (const char *at = name; *at != '\0'; at++)
        fputc(toupper((unsigned char)*at), to);
    fprintf(to, "\" \"%s\" \"2026-11-21\" \"joinq " JOINQ_VERSION "\" \"joinq manual\"\n", section);
}

/* ---- a command -------------------------------------------------------------------------------------------------------- */

static void put_option(void *context, const struct option_spec *spec)
{
    FILE *to = context;
    fputs(".TP\n", to);
    if (spec->letter != 0)
        fprintf(to, "\\fB\\-%c\\fR%s", spec->letter, spec->name != NULL ? ", " : "");
    if (spec->name != NULL) {
        fputs("\\fB\\-\\-", to);
        put_string(to, spec->name);
        fputs("\\fR", to);
    }
    if (spec->value != NULL) {
        fputs(" \\fI", to);
        put_string(to, spec->value);
        fputs("\\fR", to);
    }
    fputc('\n', to);
    put_string(to, spec->help);
    fputs(".\n", to);
}

/* A section of the fragment, raw; empty if it has none. */
static void put_section(FILE *to, const char *fragment, const char *name)
{
    size_t size;
    const char *section = fragment_section(fragment, name, &size);
    fwrite(section, 1, size, to);
}

/* What the fragment says of an exit status, in a line that begins with the number, or what it means to any command. Those that the
 * queue decides on (3 and 4) not every command has. */
static void put_status(FILE *to, const char *fragment, unsigned number)
{
    static const char *const common[] = {"Done.",
                                         "Failed; the reason is on standard error.",
                                         "The command line makes no sense; nothing was done.",
                                         NULL,
                                         NULL,
                                         "Cannot connect to the broker.",
                                         "Refused by the broker."};
    const char *text = common[number];
    size_t size, length = text != NULL ? strlen(text) : 0;
    const char *at = fragment_section(fragment, "EXIT STATUS", &size);
    for (const char *end = at + size; at < end; at += strcspn(at, "\n") + 1) {
        if (at[0] != (char)('0' + number))
            continue;
        text = at + 2;
        length = strcspn(text, "\n");
    }
    if (text != NULL)
        fprintf(to, ".TP\n%u\n%.*s\n", number, (int)length, text);
}

static void put_statuses(FILE *to, const struct command *command, const char *fragment)
{
    fputs(".SH EXIT STATUS\n", to);
    if (command->offline) {
        put_section(to, fragment, "EXIT STATUS");
        return;
    }
    for (unsigned number = CLI_DONE; number <= CLI_REFUSED; number++)
        put_status(to, fragment, number);
}

void manual_command(FILE *to, const struct command *command, const char *fragment)
{
    char name[64];
    snprintf(name, sizeof name, "joinq-%s", command->name);
    put_heading(to, name, "1");
    fprintf(to, ".SH NAME\njoinq\\-%s \\- ", command->name);
    put_string(to, command->summary);
    fprintf(to, "\n.SH SYNOPSIS\n.B joinq %s\n", command->name);
    put_string(to, command->usage);
    fputs("\n.SH DESCRIPTION\n", to);
    put_prose(to, command->about);
    put_section(to, fragment, "DESCRIPTION");
    fputs(".SH OPTIONS\n", to);
    arguments_options(command, put_option, to);
    put_statuses(to, command, fragment);
    fputs(".SH EXAMPLES\n.nf\n", to);
    put_lines(to, command->example);
    fputs(".fi\n", to);
    put_section(to, fragment, "EXAMPLES");
    fputs(".SH SEE ALSO\n", to);
    put_section(to, fragment, "SEE ALSO");
    fputs(".BR joinq (1),\n.BR joinqd (8)\n", to);
}

void manual_commands(FILE *to)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        fprintf(to, ".TP\n.BR joinq\\-%s (1)\n", commands[i]->name);
        put_string(to, commands[i]->summary);
        fputc('\n', to);
    }
}
