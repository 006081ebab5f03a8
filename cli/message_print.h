/* SPDX-License-Identifier: Apache-2.0 */
/* A message on standard output: its body and a separator, or one JSON object a line. */
#ifndef JOINQ_CLI_MESSAGE_PRINT_H
#define JOINQ_CLI_MESSAGE_PRINT_H

#include <joinq.h>

struct cli;

/* Message `index` of a batch, as `cli` asks for: JSON, or the body and then `separator`. */
void message_print(struct cli *cli, const char *queue, const struct joinq_batch *batch, size_t index, char separator);

#endif
