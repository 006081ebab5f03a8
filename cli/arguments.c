/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of one command: a table of options fills a struct; the rest are words. Also the --help that follows from
 * the same table. It knows no command and no connection. */
#include "arguments.h"
#include "cli.h"
#include "units.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int arguments_error(const struct cli *cli, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return cli_error(cli, CLI_USAGE, "%s (try: joinq %s%s--help)", text, cli->command != NULL ? cli->command : "",
                     cli->command != NULL ? " " : "");
}

/* ---- one option ------------------------------------------------------------------------------------------------------- */

static bool is_end(const struct option_spec *spec)
{
    return spec == NULL || (spec->name == NULL && spec->letter == 0);
}

/* "--max" or "-n". */
static const char *spelled(const struct option_spec *spec, char *to, size_t size)
{
    if (spec->name != NULL)
        snprintf(to, size, "--%s", spec->name);
    else
        snprintf(to, size, "-%c", spec->letter);
    return to;
}

static bool read_choice(const struct option_spec *spec, const char *text, uint64_t *out)
{
    for (uint64_t i = 0; spec->choices[i] != NULL; i++) {
        if (strcmp(spec->choices[i], text) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool in_range(const struct option_spec *spec, uint64_t value)
{
    return value >= spec->min && (spec->max == 0 || value <= spec->max);
}

/* Stores a value where the table says; false: it is none of the kind. */
static bool store(const struct option_spec *spec, const char *text, void *settings)
{
    void *field = (char *)settings + spec->at;
    uint64_t number;
    switch (spec->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return true;
    case OPTION_COUNT:
        if (!units_count(text, &number) || !in_range(spec, number))
            return false;
        *(uint64_t *)field = number;
        return true;
    case OPTION_SIZE:
        return units_size(text, field);
    case OPTION_TIME:
        if (spec->choices != NULL && strcmp(text, spec->choices[0]) == 0) {
            *(int64_t *)field = 0;
            return true;
        }
        return units_time_ms(text, field);
    case OPTION_TEXT:
        *(const char **)field = text;
        return text[0] != '\0';
    case OPTION_CHOICE:
        return read_choice(spec, text, field);
    }
    return false;
}

static void store_initials(const struct option_spec *options, void *settings)
{
    for (const struct option_spec *spec = options; !is_end(spec); spec++) {
        void *field = (char *)settings + spec->at;
        if (spec->kind == OPTION_TIME)
            *(int64_t *)field = spec->initial;
        else if (spec->kind == OPTION_COUNT || spec->kind == OPTION_SIZE || spec->kind == OPTION_CHOICE)
            *(uint64_t *)field = (uint64_t)spec->initial;
    }
}

static int wrong_value(const struct cli *cli, const struct option_spec *spec, const char *text)
{
    char name[64], choices[128] = "";
    spelled(spec, name, sizeof name);
    switch (spec->kind) {
    case OPTION_TIME:
        return arguments_error(cli, "%s: '%s' is not a time; write 500ms, 2s, 5m or 1h", name, text);
    case OPTION_SIZE:
        return arguments_error(cli, "%s: '%s' is not a size; write 4096, 64K, 10M or 2G", name, text);
    case OPTION_CHOICE:
        for (unsigned i = 0; spec->choices[i] != NULL; i++) {
            size_t used = strlen(choices);
            snprintf(choices + used, sizeof choices - used, "%s%s", i == 0 ? "" : " or ", spec->choices[i]);
        }
        return arguments_error(cli, "%s: '%s' is not %s", name, text, choices);
    case OPTION_COUNT:
        if (spec->max != 0)
            return arguments_error(cli, "%s: '%s' is not a number from %" PRIu64 " to %" PRIu64, name, text, spec->min,
                                   spec->max);
        return arguments_error(cli, "%s: '%s' is not a number%s", name, text, spec->min > 0 ? " above 0" : "");
    default:
        return arguments_error(cli, "%s: an empty value", name);
    }
}

/* ---- the line --------------------------------------------------------------------------------------------------------- */

/* --json, --url URL, --url=URL, --reconnect T. */
/* The value of "NAME VALUE" or "NAME=VALUE" in *value, and how many arguments that takes; 0: it is not this one; -1: no value. */
static int common_value(const struct cli *cli, char **argv, const char *name, const char **value)
{
    size_t size = strlen(name);
    if (strncmp(argv[0], name, size) != 0 || (argv[0][size] != '\0' && argv[0][size] != '='))
        return 0;
    *value = argv[0][size] == '=' ? argv[0] + size + 1 : argv[1];
    if (*value != NULL)
        return argv[0][size] == '=' ? 1 : 2;
    arguments_error(cli, "%s: its value is missing", name);
    return -1;
}

int arguments_common(struct cli *cli, char **argv)
{
    const char *value;
    if (strcmp(argv[0], "--json") == 0) {
        cli->json = true;
        return 1;
    }
    int took = common_value(cli, argv, "--url", &value);
    if (took > 0)
        cli->url = value;
    if (took != 0)
        return took;
    took = common_value(cli, argv, "--reconnect", &value);
    if (took <= 0 || units_time_ms(value, &cli->reconnect_ms))
        return took;
    arguments_error(cli, "--reconnect: '%s' is not a time; write 500ms, 2s, 5m or 1h", value);
    return -1;
}

/* What argv[0] begins: the spec, and the value if it is in the same argument. */
static const struct option_spec *find(const struct option_spec *options, const char *text, const char **value)
{
    const char *equals = strchr(text, '=');
    size_t size = equals != NULL ? (size_t)(equals - text) : strlen(text);
    *value = NULL;
    for (const struct option_spec *spec = options; !is_end(spec); spec++) {
        if (spec->name != NULL && strncmp(text, "--", 2) == 0 && strlen(spec->name) == size - 2 &&
            strncmp(spec->name, text + 2, size - 2) == 0) {
            *value = equals != NULL ? equals + 1 : NULL;
            return spec;
        }
        if (spec->letter != 0 && text[1] == spec->letter && (text[2] == '\0' || spec->kind != OPTION_FLAG)) {
            *value = text[2] != '\0' ? text + 2 : NULL;
            return spec;
        }
    }
    return NULL;
}

static int unknown(const struct cli *cli, const struct command *command, const char *text)
{
    size_t size = strcspn(text, "=");
    for (const char *const *later = command->later; later != NULL && *later != NULL; later++) {
        if (strncmp(text, "--", 2) == 0 && strlen(*later) == size - 2 && strncmp(*later, text + 2, size - 2) == 0)
            return arguments_error(cli, "--%s: this version of joinq does not have it", *later);
    }
    return arguments_error(cli, "no option %.*s", (int)size, text);
}

/* One option at argv[0]; returns how many arguments it took, or -1 after having said what is wrong. */
static int take_option(struct cli *cli, const struct command *command, char **argv, void *settings)
{
    int common = arguments_common(cli, argv);
    if (common != 0)
        return common;
    const char *value;
    const struct option_spec *spec = find(command->options, argv[0], &value);
    char name[64];
    if (spec == NULL) {
        unknown(cli, command, argv[0]);
        return -1;
    }
    if (spec->kind == OPTION_FLAG && value != NULL) {
        arguments_error(cli, "%s takes no value", spelled(spec, name, sizeof name));
        return -1;
    }
    int took = 1;
    if (spec->kind != OPTION_FLAG && value == NULL) {
        value = argv[1];
        took = 2;
    }
    if (spec->kind != OPTION_FLAG && value == NULL) {
        arguments_error(cli, "%s: its value is missing", spelled(spec, name, sizeof name));
        return -1;
    }
    if (!store(spec, value, settings)) {
        wrong_value(cli, spec, value);
        return -1;
    }
    return took;
}

static int check_words(const struct cli *cli, const struct command *command, const struct words *words)
{
    if (words->count < command->words_min)
        return arguments_error(cli, "%s is missing", words->count == 0 ? "QUEUE" : "an argument");
    if (words->count > command->words_max)
        return arguments_error(cli, "one argument too many: '%s'", words->at[command->words_max]);
    if (command->takes_program && (words->program == NULL || words->program[0] == NULL))
        return arguments_error(cli, "-- CMD is missing");
    if (cli->json && command->no_json)
        return arguments_error(cli, "%s has no --json", command->name);
    if (cli->url != NULL && command->offline)
        return arguments_error(cli, "%s has no --url: it needs no broker", command->name);
    return ARGUMENTS_OK;
}

int arguments_parse(struct cli *cli, const struct command *command, char **argv, void *settings, char **into,
                    struct words *words)
{
    *words = (struct words){.at = into};
    store_initials(command->options, settings);
    while (*argv != NULL) {
        if (strcmp(*argv, "--help") == 0) {
            arguments_help(cli, command);
            return CLI_DONE;
        }
        if (strcmp(*argv, "--") == 0) {
            argv++;
            break;
        }
        int took = 1;
        if (argv[0][0] == '-' && argv[0][1] != '\0')
            took = take_option(cli, command, argv, settings);
        else
            words->at[words->count++] = argv[0];
        if (took < 0)
            return CLI_USAGE;
        argv += took;
    }
    if (command->takes_program)
        words->program = argv;
    else
        while (*argv != NULL)
            words->at[words->count++] = *argv++;
    int status = check_words(cli, command, words);
    if (status == ARGUMENTS_OK && command->check != NULL)
        status = command->check(cli, settings, words);
    return status;
}

/* ---- help ------------------------------------------------------------------------------------------------------------- */

static void help_line(struct printer *out, const char *left, const char *text)
{
    printer_format(out, "  %-24s%s%s\n", left, strlen(left) > 23 ? " " : "", text);
}

static void help_option(void *context, const struct option_spec *spec)
{
    struct printer *out = context;
    char left[96] = "", letter[8] = "";
    if (spec->letter != 0)
        snprintf(letter, sizeof letter, "-%c%s", spec->letter, spec->name != NULL ? ", " : "");
    snprintf(left, sizeof left, "%s%s%s%s%s", letter, spec->name != NULL ? "--" : "",
             spec->name != NULL ? spec->name : "", spec->value != NULL ? " " : "",
             spec->value != NULL ? spec->value : "");
    help_line(out, left, spec->help);
}

/* For every command, but where they make no sense. */
static const struct option_spec json_option = {.name = "json", .help = "results as JSON, one object a line"};
static const struct option_spec connection_options[] = {
    {.name = "url", .kind = OPTION_TEXT, .value = "URL", .help = "the broker (JOINQ_URL unless told)"},
    {.name = "reconnect",
     .kind = OPTION_TIME,
     .value = "T",
     .help = "try for so long to make a connection again that broke (30s)"},
    {0},
};
static const struct option_spec help_spec = {.name = "help", .help = "say this"};

void arguments_options(const struct command *command, void (*each)(void *context, const struct option_spec *spec),
                       void *context)
{
    for (const struct option_spec *spec = command->options; !is_end(spec); spec++)
        each(context, spec);
    if (!command->no_json)
        each(context, &json_option);
    for (const struct option_spec *spec = connection_options; !command->offline && !is_end(spec); spec++)
        each(context, spec);
    each(context, &help_spec);
}

void arguments_help(struct cli *cli, const struct command *command)
{
    struct printer *out = &cli->out;
    printer_format(out, "usage: joinq %s%s%s\n\n%s", command->name, command->usage[0] != '\0' ? " " : "",
                   command->usage, command->summary);
    printer_text(out, "\n\n");
    printer_text(out, command->about);
    printer_text(out, "\noptions:\n");
    arguments_options(command, help_option, out);
    printer_text(out, "\nexample:\n");
    printer_text(out, command->example);
}
