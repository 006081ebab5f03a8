/* SPDX-License-Identifier: Apache-2.0 */
/* The tables in the completions for shells: which options a command has, and what may follow them. */
#include "../commands.h"
#include "document.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static bool is_option(const struct option_spec *spec)
{
    return spec != NULL && (spec->name != NULL || spec->letter != 0);
}

/* What a shell may offer for a value: of "QUEUE|drop|none" all three, of "N|auto" the last, of "T" nothing. QUEUE stands for the names of
 * all queues; any other word in capitals is for the user to know. */
static void put_offers(FILE *to, const char *value)
{
    const char *before = "";
    while (*value != '\0') {
        size_t size = strcspn(value, "|");
        if (islower((unsigned char)value[0]) || (size == strlen("QUEUE") && strncmp(value, "QUEUE", size) == 0)) {
            fprintf(to, "%s%.*s", before, (int)size, value);
            before = " ";
        }
        value += size + (value[size] == '|');
    }
}

/* How many words of a command, from the first on, are names of queues. */
static unsigned queue_words(const struct command *command)
{
    return command->bodies ? 1 : command->words_max;
}

/* ---- bash ------------------------------------------------------------------------------------------------------------- */

static void bash_value(FILE *to, const struct command *command, const struct option_spec *spec)
{
    fputs("    ", to);
    if (spec->letter != 0)
        fprintf(to, "%s:-%c%s", command->name, spec->letter, spec->name != NULL ? " | " : "");
    if (spec->name != NULL)
        fprintf(to, "%s:--%s", command->name, spec->name);
    fputs(") offers='", to);
    put_offers(to, spec->value);
    fputs("' ;;\n", to);
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
    fputs("        _joinq_offer '", to);
    for (size_t i = 0; commands[i] != NULL; i++)
        fprintf(to, "%s%s", i > 0 ? " " : "", commands[i]->name);
    fputs("'\n", to);
}

void bash_queues(FILE *to)
{
    for (size_t i = 0; commands[i] != NULL; i++)
        fprintf(to, "    %s) echo %u ;;\n", commands[i]->name, queue_words(commands[i]));
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

/* A value may stand in the same word ("-n5", "--max=5") or in the next. */
static void zsh_form(FILE *to, const struct option_spec *spec, const char *dashes, const char *name, const char *joint)
{
    fprintf(to, " \\\n            '%s%s%s[", dashes, name, spec->value != NULL ? joint : "");
    zsh_text(to, spec->help);
    fputs("]", to);
    if (spec->value != NULL) {
        fputs(":", to);
        zsh_text(to, spec->value);
        fputs(":_joinq_offer ", to);
        put_offers(to, spec->value);
    }
    fputs("'", to);
}

static void zsh_option(void *context, const struct option_spec *spec)
{
    const char letter[] = {spec->letter, '\0'};
    if (spec->letter != 0)
        zsh_form(context, spec, "-", letter, "+");
    if (spec->name != NULL)
        zsh_form(context, spec, "--", spec->name, "=");
}

static void zsh_words(FILE *to, const struct command *command)
{
    static const char line[] = " \\\n            '";
    unsigned queues = queue_words(command);
    if (queues > 2)
        fprintf(to, "%s*:queue:_joinq_offer QUEUE'", line);
    for (unsigned i = 1; queues <= 2 && i <= queues; i++)
        fprintf(to, "%s%u:queue:_joinq_offer QUEUE'", line, i);
    if (command->bodies)
        fprintf(to, "%s*:body:_joinq_bodies'", line);
    if (command->takes_program)
        fprintf(to, "%s*:::program:_joinq_program'", line);
}

void zsh_arguments(FILE *to)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        fprintf(to, "    %s)\n        _arguments%s", commands[i]->name, commands[i]->takes_program ? "" : " -S");
        arguments_options(commands[i], zsh_option, to);
        zsh_words(to, commands[i]);
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
