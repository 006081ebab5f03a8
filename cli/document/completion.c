/* SPDX-License-Identifier: Apache-2.0 */
/* The tables in the completions for shells: which options a command has, and what may follow them. */
#include "../commands.h"
#include "document.h"
#include <stdbool.h>
#include <string.h>

static bool is_option(const struct option_spec *spec)
{
    return spec != NULL && (spec->name != NULL || spec->letter != 0);
}

static bool names_queue(const struct option_spec *spec)
{
    return spec->name != NULL && (strcmp(spec->name, "to") == 0 || strcmp(spec->name, "dead-letter") == 0);
}

static void put_choices(FILE *to, const struct option_spec *spec)
{
    for (const char *const *choice = spec->choices; *choice != NULL; choice++)
        fprintf(to, "%s%s", choice == spec->choices ? "" : " ", *choice);
}

/* ---- bash ------------------------------------------------------------------------------------------------------------- */

static void bash_value(FILE *to, const struct command *command, const struct option_spec *spec)
{
    fputs("    ", to);
    if (spec->letter != 0)
        fprintf(to, "%s:-%c%s", command->name, spec->letter, spec->name != NULL ? " | " : "");
    if (spec->name != NULL)
        fprintf(to, "%s:--%s", command->name, spec->name);
    fputs(")", to);
    if (names_queue(spec))
        fputs(" _joinq_queues", to);
    if (spec->choices != NULL) {
        fputs(" _joinq_among \"", to);
        put_choices(to, spec);
        fputs("\"", to);
    }
    fputs(" ;;\n", to);
}

void bash_values(FILE *to)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        for (const struct option_spec *spec = commands[i]->options; is_option(spec); spec++) {
            if (spec->value != NULL)
                bash_value(to, commands[i], spec);
        }
    }
}

static void bash_option(void *context, const struct option_spec *spec)
{
    if (spec->letter != 0)
        fprintf(context, " -%c", spec->letter);
    if (spec->name != NULL)
        fprintf(context, " --%s", spec->name);
}

void bash_options(FILE *to)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        fprintf(to, "    %s) echo \"", commands[i]->name);
        arguments_options(commands[i], bash_option, to);
        fputs("\" ;;\n", to);
    }
}

void bash_commands(FILE *to)
{
    fputs("        _joinq_among \"", to);
    for (size_t i = 0; commands[i] != NULL; i++)
        fprintf(to, "%s%s", i > 0 ? " " : "", commands[i]->name);
    fputs("\"\n", to);
}

/* ---- zsh -------------------------------------------------------------------------------------------------------------- */

/* Within single quotes; brackets and colons mean something to _arguments and _describe. */
static void zsh_text(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", to);
        else if (*text == '[' || *text == ']' || *text == ':')
            fprintf(to, "\\%c", *text);
        else
            fputc(*text, to);
    }
}

static void zsh_form(FILE *to, const struct option_spec *spec, const char *dashes, const char *name)
{
    fprintf(to, " \\\n            '%s%s[", dashes, name);
    zsh_text(to, spec->help);
    fputs("]", to);
    if (spec->value != NULL) {
        fputs(":", to);
        zsh_text(to, spec->value);
        fputs(":", to);
    }
    if (names_queue(spec))
        fputs("_joinq_queues", to);
    if (spec->choices != NULL) {
        fputs("(", to);
        put_choices(to, spec);
        fputs(")", to);
    }
    fputs("'", to);
}

static void zsh_option(void *context, const struct option_spec *spec)
{
    const char letter[] = {spec->letter, '\0'};
    if (spec->letter != 0)
        zsh_form(context, spec, "-", letter);
    if (spec->name != NULL)
        zsh_form(context, spec, "--", spec->name);
}

void zsh_arguments(FILE *to)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        fprintf(to, "    %s)\n        _arguments -S", commands[i]->name);
        arguments_options(commands[i], zsh_option, to);
        if (commands[i]->takes_program && commands[i]->offline)
            fputs(" \\\n            '*:::program:_normal'", to);
        else if (commands[i]->words_max > 0)
            fputs(" \\\n            '*:queue:_joinq_queues'", to);
        fputs("\n        ;;\n", to);
    }
}

void zsh_commands(FILE *to)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        fprintf(to, "        '%s:", commands[i]->name);
        zsh_text(to, commands[i]->summary);
        fputs("'\n", to);
    }
}
