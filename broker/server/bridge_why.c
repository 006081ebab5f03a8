/* SPDX-License-Identifier: Apache-2.0 */
/* Why an answer is what it is, as a sentence for people. */
#include "bridge_state.h"
#include <string.h>

static const char *const formats[] = {
#define FORMAT(name, format) [ENGINE_WHY_##name] = format,
    ENGINE_WHYS(FORMAT)
#undef FORMAT
};

struct text {
    char *to;
    size_t room;
    size_t size;
};

static void add(struct text *text, const char *bytes, size_t size)
{
    if (size > text->room - text->size)
        size = text->room - text->size;
    if (size > 0)
        memcpy(text->to + text->size, bytes, size);
    text->size += size;
}

static void add_number(struct text *text, uint64_t number)
{
    char digits[20];
    size_t start = sizeof digits;
    do
        digits[--start] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    add(text, digits + start, sizeof digits - start);
}

size_t bridge_why(const struct engine_effect *effect, char *to, size_t size)
{
    struct text text = {.to = to, .room = size};
    JQ_ASSERT((size_t)effect->why < sizeof formats / sizeof *formats);
    for (const char *at = formats[effect->why]; *at; at++) {
        if (*at != '%') {
            add(&text, at, 1);
        } else if (*++at == 'n') {
            add(&text, effect->name.data, effect->name.size);
        } else {
            JQ_ASSERT(*at == 'l');
            add_number(&text, effect->limit);
        }
    }
    return text.size;
}
