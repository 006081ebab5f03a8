/* SPDX-License-Identifier: Apache-2.0 */
/* What a person wrote about a command beside its entry in the table: a text in the macros of man(7), in sections. It knows no command. */
#ifndef JOINQ_CLI_FRAGMENT_H
#define JOINQ_CLI_FRAGMENT_H

#include <stddef.h>

/* The whole text of a file, to be freed; NULL: errno. */
char *fragment_read(const char *path);
/* What stands behind ".SH NAME", up to the next section or the end; of size 0 if there is no such section. */
const char *fragment_section(const char *text, const char *name, size_t *size);

#endif
