/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes by number, name and text, made from codes.def. Shared by both ends; the engine includes it
 * as well, for it is nothing but numbers: it knows no wire format. */
#ifndef JOINQ_WIRE_CODES_H
#define JOINQ_WIRE_CODES_H

enum jqw_code {
#define JQ_CODE(name, number, text) JQ_##name = number,
#include "codes.def"
#undef JQ_CODE
};

/* The name ("FULL") or text of a code; "UNKNOWN" for a number that is none. Static strings. */
const char *jqw_code_name(int code);
const char *jqw_code_text(int code);

#endif
