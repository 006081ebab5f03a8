/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages in the macros of man(7). */
#include "../commands.h"
#include "document.h"
#include <ctype.h>
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

static void put_statuses(FILE *to)
{
    static const char *const statuses[] = {"done",
                                           "failed",
                                           "usage",
                                           "would have to wait, or waited as long as told",
                                           "the queue is closed, or ended before what was asked for had come",
                                           "cannot connect",
                                           "refused"};
    fputs(".SH EXIT STATUS\n", to);
    for (unsigned i = 0; i < sizeof statuses / sizeof *statuses; i++)
        fprintf(to, ".TP\n%u\n%s\n", i, statuses[i]);
}

void manual_command(FILE *to, const struct command *command)
{
    char name[64];
    snprintf(name, sizeof name, "joinq-%s", command->name);
    put_heading(to, name, "1");
    fprintf(to, ".SH NAME\njoinq\\-%s \\- ", command->name);
    put_string(to, command->summary);
    fprintf(to, "\n.SH SYNOPSIS\n.B joinq %s\n", command->name);
    put_string(to, command->usage);
    fputs("\n.SH DESCRIPTION\n", to);
    put_lines(to, command->about);
    fputs(".SH OPTIONS\n", to);
    arguments_options(command, put_option, to);
    if (!command->takes_program || !command->offline)
        put_statuses(to);
    fputs(".SH EXAMPLE\n.nf\n", to);
    put_lines(to, command->example);
    fputs(".fi\n.SH SEE ALSO\n.BR joinq (1),\n.BR joinqd (8)\n", to);
}

void manual_commands(FILE *to)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        fprintf(to, ".TP\n.BR joinq\\-%s (1)\n", commands[i]->name);
        put_string(to, commands[i]->summary);
        fputc('\n', to);
    }
}
