/* SPDX-License-Identifier: Apache-2.0 */
/* What a person wrote about a command beside its entry in the table: a text in the macros of man(7), in sections. It knows no command. */
#include "fragment.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *fragment_read(const char *path)
{
    char *text = NULL;
    size_t capacity = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return NULL;
    if (getdelim(&text, &capacity, '\0', file) < 0) {
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

const char *fragment_section(const char *text, const char *name, size_t *size)
{
    static const char heading[] = ".SH ";
    size_t length = strlen(name);
    for (const char *at = strstr(text, heading); at != NULL; at = strstr(at + 1, heading)) {
        const char *found = at + strlen(heading);
        if (strncmp(found, name, length) != 0 || found[length] != '\n')
            continue;
        found += length + 1;
        const char *next = strstr(found, heading);
        *size = next != NULL ? (size_t)(next - found) : strlen(found);
        return found;
    }
    *size = 0;
    return text;
}
