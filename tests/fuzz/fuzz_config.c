/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file as it might be written. Whatever it is: it is refused with file and line, or what it makes can be written as a file
 * that makes the same. Parentheses are taken out, so that no file of the machine is read. */
#include "codes.h"
#include "config.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *dumped(const struct config *config, size_t *size)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, size);
    JQ_ASSERT(to);
    config_dump(config, to);
    JQ_ASSERT(fclose(to) == 0 && text);
    return text;
}

/* What holds, written and read again, is written alike. */
static void check_again(const struct config *config)
{
    struct config again;
    struct config_error error;
    size_t size, again_size;
    char *text = dumped(config, &size), *copy = strdup(text);
    JQ_ASSERT(copy);
    config_init(&again);
    int code = config_read_text(&again, "again", copy, size, &error);
    JQ_ASSERT(code == JQ_OK);
    char *again_text = dumped(&again, &again_size);
    JQ_ASSERT(size == again_size && memcmp(text, again_text, size) == 0);
    config_fini(&again);
    free(again_text);
    free(copy);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    struct config_error error;
    char *text = malloc(size + 1);
    JQ_ASSERT(text);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(data[i] == '(' ? '[' : data[i]);
    text[size] = '\0';
    config_init(&config);
    if (config_read_text(&config, "fuzz", text, size, &error) == JQ_OK && config_finish(&config, &error) == JQ_OK)
        check_again(&config);
    else
        JQ_ASSERT(strncmp(error.text, "fuzz:", 5) == 0 || strcmp(error.text, "out of memory") == 0);
    config_fini(&config);
    free(text);
    return 0;
}
