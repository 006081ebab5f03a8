/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, sizes and times as people write them. It knows nothing else. */
#include "units.h"
#include <stddef.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* Digits, then what is left in *rest. Signs and spaces are no digits. */
static bool read_digits(const char *text, uint64_t *out, const char **rest)
{
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return false;
    }
    if (at == text)
        return false;
    *out = value;
    *rest = at;
    return true;
}

static bool read_with_unit(const char *text, const struct unit *units, size_t count, uint64_t *out)
{
    uint64_t value;
    const char *rest;
    if (!read_digits(text, &value, &rest))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rest, units[i].name) == 0 && !__builtin_mul_overflow(value, units[i].factor, &value)) {
            *out = value;
            return true;
        }
    }
    return false;
}

bool units_count(const char *text, uint64_t *out)
{
    static const struct unit none[] = {{"", 1}};
    return read_with_unit(text, none, 1, out);
}

bool units_size(const char *text, uint64_t *out)
{
    static const struct unit sizes[] = {
        {"", 1}, {"K", UINT64_C(1) << 10}, {"M", UINT64_C(1) << 20}, {"G", UINT64_C(1) << 30}};
    return read_with_unit(text, sizes, sizeof sizes / sizeof sizes[0], out);
}

bool units_time_ms(const char *text, int64_t *out)
{
    static const struct unit times[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}};
    uint64_t value;
    if (!read_with_unit(text, times, sizeof times / sizeof times[0], &value)) {
        if (strcmp(text, "0") != 0)
            return false;
        value = 0;
    }
    if (value > INT64_MAX)
        return false;
    *out = (int64_t)value;
    return true;
}
