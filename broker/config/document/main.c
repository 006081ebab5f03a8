/* SPDX-License-Identifier: Apache-2.0 */
/* usage: joinqd_document FOLDER TEMPLATE: writes into a folder joinqd.conf, the example, and the manual page: the template without its ".in",
 * with what is made of the table of options in place of the line @OPTIONS@. */
#include "config.h"
#include <stdlib.h>
#include <string.h>

static FILE *open_or_end(const char *folder, const char *name, size_t size, const char *mode)
{
    char path[1024];
    snprintf(path, sizeof path, "%s%s%.*s", folder, *folder ? "/" : "", (int)size, name);
    FILE *file = fopen(path, mode);
    if (file)
        return file;
    perror(path);
    exit(1);
}

static void close_or_end(FILE *file)
{
    if (fclose(file) == 0)
        return;
    perror("joinqd_document");
    exit(1);
}

static void write_manual(const char *folder, const char *template)
{
    char line[1024];
    const char *slash = strrchr(template, '/'), *name = slash ? slash + 1 : template;
    FILE *from = open_or_end("", template, strlen(template), "r");
    FILE *to = open_or_end(folder, name, strlen(name) - strlen(".in"), "w");
    while (fgets(line, sizeof line, from)) {
        if (strcmp(line, "@OPTIONS@\n") == 0)
            config_manual(to);
        else
            fputs(line, to);
    }
    fclose(from);
    close_or_end(to);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: joinqd_document FOLDER TEMPLATE\n");
        return 2;
    }
    FILE *example = open_or_end(argv[1], "joinqd.conf", strlen("joinqd.conf"), "w");
    config_example(example);
    close_or_end(example);
    write_manual(argv[1], argv[2]);
    return 0;
}
