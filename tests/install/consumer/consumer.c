/* SPDX-License-Identifier: Apache-2.0 */
/* A program as a user writes it: joinq.h and nothing else of the project. */

#include <joinq.h>
#include <stdio.h>

int main(void)
{
    joinq *client;
    struct joinq_batch *batch;
    if (joinq_connect(&client, NULL, NULL) != JOINQ_OK || joinq_put(client, "greetings", "hello", 5, 0) != JOINQ_OK ||
        joinq_get(client, "greetings", 0, &batch) != JOINQ_OK || joinq_done(client, batch, 0, 1) != JOINQ_OK)
        return 1;
    const struct joinq_message *message = joinq_batch_message(batch, 0);
    printf("%.*s\n", (int)message->size, (const char *)message->data);
    joinq_batch_free(batch);
    joinq_free(client);
    return 0;
}
