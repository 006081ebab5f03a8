/* SPDX-License-Identifier: Apache-2.0 */
/* usage: joinq_document FOLDER FRAGMENTS TEMPLATE...: writes into a folder the manual pages of all commands, each with what its fragment
 * (joinq-NAME.inc) says, and each template without its ".in", with what is made of the table of commands in place of a line such as
 * @COMMANDS@. */
#include "../commands.h"
#include "document.h"
#include "fragment.h"
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *line;
    void (*write)(FILE *to);
} makers[] = {
    {"@COMMANDS@\n", manual_commands},    {"@BASH_COMMANDS@\n", bash_commands}, {"@BASH_OPTIONS@\n", bash_options},
    {"@BASH_VALUES@\n", bash_values},     {"@BASH_QUEUES@\n", bash_queues},     {"@ZSH_COMMANDS@\n", zsh_commands},
    {"@ZSH_ARGUMENTS@\n", zsh_arguments},
};

static FILE *open_or_end(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    if (file != NULL)
        return file;
    perror(path);
    exit(1);
}

static void close_or_end(FILE *file)
{
    if (fclose(file) == 0)
        return;
    perror("joinq_document");
    exit(1);
}

static char *read_or_end(const char *path)
{
    char *text = fragment_read(path);
    if (text != NULL)
        return text;
    perror(path);
    exit(1);
}

static void write_page(const char *folder, const char *fragments, const struct command *command)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/joinq-%s.inc", fragments, command->name);
    char *fragment = read_or_end(path);
    snprintf(path, sizeof path, "%s/joinq-%s.1", folder, command->name);
    FILE *page = open_or_end(path, "w");
    manual_command(page, command, fragment);
    close_or_end(page);
    free(fragment);
}

static void write_line(FILE *to, const char *line)
{
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        if (strcmp(line, makers[i].line) == 0) {
            makers[i].write(to);
            return;
        }
    }
    fputs(line, to);
}

static void write_template(const char *folder, const char *template)
{
    char path[1024], line[1024];
    const char *slash = strrchr(template, '/');
    const char *name = slash != NULL ? slash + 1 : template;
    snprintf(path, sizeof path, "%s/%.*s", folder, (int)(strlen(name) - strlen(".in")), name);
    FILE *from = open_or_end(template, "r"), *to = open_or_end(path, "w");
    while (fgets(line, sizeof line, from) != NULL)
        write_line(to, line);
    fclose(from);
    close_or_end(to);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: joinq_document FOLDER FRAGMENTS TEMPLATE...\n");
        return 2;
    }
    for (size_t i = 0; commands[i] != NULL; i++)
        write_page(argv[1], argv[2], commands[i]);
    for (int i = 3; i < argc; i++)
        write_template(argv[1], argv[i]);
    return 0;
}
