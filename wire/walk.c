/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over msgpack: a table of heads, and a count of what is left. */
#include "walk.h"
#include "wire_limits.h"

/* The heads 0xc0 to 0xdf: their type, and how many bytes of number follow. SIGNED and FIXED are not types of values: a signed
 * integer is UINT or NEGATIVE, and an ext of fixed size has its size in `width`. */
enum { SIGNED = 100, FIXED };
static const struct {
    uint8_t type;
    uint8_t width;
} heads[32] = {
    {JQW_TYPE_NIL, 0},   {JQW_TYPE_NONE, 0},  {JQW_TYPE_BOOL, 0},  {JQW_TYPE_BOOL, 0},  /* c0 */
    {JQW_TYPE_BIN, 1},   {JQW_TYPE_BIN, 2},   {JQW_TYPE_BIN, 4},   {JQW_TYPE_EXT, 1},   /* c4 */
    {JQW_TYPE_EXT, 2},   {JQW_TYPE_EXT, 4},   {JQW_TYPE_FLOAT, 4}, {JQW_TYPE_FLOAT, 8}, /* c8 */
    {JQW_TYPE_UINT, 1},  {JQW_TYPE_UINT, 2},  {JQW_TYPE_UINT, 4},  {JQW_TYPE_UINT, 8},  /* cc */
    {SIGNED, 1},         {SIGNED, 2},         {SIGNED, 4},         {SIGNED, 8},         /* d0 */
    {FIXED, 1},          {FIXED, 2},          {FIXED, 4},          {FIXED, 8},          /* d4 */
    {FIXED, 16},         {JQW_TYPE_STR, 1},   {JQW_TYPE_STR, 2},   {JQW_TYPE_STR, 4},   /* d8 */
    {JQW_TYPE_ARRAY, 2}, {JQW_TYPE_ARRAY, 4}, {JQW_TYPE_MAP, 2},   {JQW_TYPE_MAP, 4},   /* dc */
};

static const struct jqw_token none = {JQW_TYPE_NONE, 0};

static uint64_t number_read(const uint8_t *at, unsigned width)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value = value << 8 | at[i];
    return value;
}

/* The heads that carry their value in themselves. */
static struct jqw_token token_fixed(uint8_t head)
{
    if (head < 0x80)
        return (struct jqw_token){JQW_TYPE_UINT, head};
    if (head < 0x90)
        return (struct jqw_token){JQW_TYPE_MAP, head & 0x0f};
    if (head < 0xa0)
        return (struct jqw_token){JQW_TYPE_ARRAY, head & 0x0f};
    if (head < 0xc0)
        return (struct jqw_token){JQW_TYPE_STR, head & 0x1f};
    return (struct jqw_token){JQW_TYPE_NEGATIVE, UINT64_MAX - 0xff + head};
}

static struct jqw_token token_signed(uint64_t value, unsigned width)
{
    uint64_t sign = UINT64_C(1) << (8 * width - 1);
    if (!(value & sign))
        return (struct jqw_token){JQW_TYPE_UINT, value};
    return (struct jqw_token){JQW_TYPE_NEGATIVE, (value ^ sign) - sign};
}

/* The heads c0 to df, of which `left` bytes follow. */
static struct jqw_token token_wide(const uint8_t *at, size_t left)
{
    unsigned width = heads[*at - 0xc0].width;
    uint8_t type = heads[*at - 0xc0].type;
    if (type == FIXED)
        return (struct jqw_token){JQW_TYPE_EXT, 1 + (uint64_t)width};
    if (width > left)
        return none;
    uint64_t value = number_read(at + 1, width);
    if (type == SIGNED)
        return token_signed(value, width);
    if (type == JQW_TYPE_BOOL)
        value = *at & 1;
    if (type == JQW_TYPE_EXT)
        value++;
    return (struct jqw_token){type, value};
}

/* Whether what a head announces can be there at all: compared with what remains, never added to. */
static bool announces_too_much(struct jqw_token token, size_t left)
{
    switch (token.type) {
    case JQW_TYPE_STR:
    case JQW_TYPE_BIN:
    case JQW_TYPE_EXT:
    case JQW_TYPE_ARRAY:
        return token.value > left;
    case JQW_TYPE_MAP:
        return token.value > left / 2;
    default:
        return false;
    }
}

struct jqw_token jqw_walk_token(struct jqw_walk *walk)
{
    if (walk->at == walk->end)
        return none;
    uint8_t head = *walk->at;
    size_t left = jqw_walk_left(walk) - 1;
    bool wide = head >= 0xc0 && head < 0xe0;
    struct jqw_token token = wide ? token_wide(walk->at, left) : token_fixed(head);
    if (token.type == JQW_TYPE_NONE)
        return none;
    size_t width = wide && heads[head - 0xc0].type != FIXED ? heads[head - 0xc0].width : 0;
    if (announces_too_much(token, left - width))
        return none;
    walk->at += 1 + width;
    return token;
}

bool jqw_walk_typed(struct jqw_walk *walk, enum jqw_type type, uint64_t *value)
{
    struct jqw_walk ahead = *walk;
    struct jqw_token token = jqw_walk_token(&ahead);
    if (token.type != type || type == JQW_TYPE_NONE)
        return false;
    *walk = ahead;
    *value = token.value;
    return true;
}

bool jqw_walk_skip(struct jqw_walk *walk, uint32_t depth, uint32_t *budget)
{
    if (*budget == 0)
        return false;
    --*budget;
    struct jqw_token token = jqw_walk_token(walk);
    uint64_t inner = 0;
    switch (token.type) {
    case JQW_TYPE_NONE:
        return false;
    case JQW_TYPE_STR:
    case JQW_TYPE_BIN:
    case JQW_TYPE_EXT:
        walk->at += token.value;
        return true;
    case JQW_TYPE_ARRAY:
        inner = token.value;
        break;
    case JQW_TYPE_MAP:
        inner = 2 * token.value;
        break;
    default:
        return true;
    }
    if (depth == 0)
        return false;
    for (uint64_t i = 0; i < inner; i++)
        if (!jqw_walk_skip(walk, depth - 1, budget))
            return false;
    return true;
}

bool jqw_walk_check(const uint8_t *bytes, size_t size)
{
    struct jqw_walk walk = {bytes, bytes + size};
    uint32_t budget = JQW_VALUES_MAX;
    return jqw_walk_skip(&walk, JQW_DEPTH_MAX, &budget) && walk.at == walk.end;
}
