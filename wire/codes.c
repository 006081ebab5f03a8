/* SPDX-License-Identifier: Apache-2.0 */
/* Names and texts of the codes, from codes.def. It knows nothing of who answers what. */
#include "codes.h"

const char *jqw_code_name(int code)
{
    switch (code) {
#define JQ_CODE(name, number, text) \
    case number:                    \
        return #name;
#include "codes.def"
#undef JQ_CODE
    default:
        return "UNKNOWN";
    }
}

const char *jqw_code_text(int code)
{
    switch (code) {
#define JQ_CODE(name, number, text) \
    case number:                    \
        return text;
#include "codes.def"
#undef JQ_CODE
    default:
        return "UNKNOWN";
    }
}
