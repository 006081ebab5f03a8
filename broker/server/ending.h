/* SPDX-License-Identifier: Apache-2.0 */
/* How the broker ends: by a signal, within a bound. Clients are told and get the answers that are ready, what is not yet on the disk is
 * synced, and a disk that does not answer is not waited for. */
#ifndef JOINQ_SERVER_ENDING_H
#define JOINQ_SERVER_ENDING_H

struct server;

/* While the data is read back, which may take long, a signal ends the process at once: nobody has been told anything. */
void ending_init(struct server *server);
/* From here on a signal ends it in order, and a second one hurries. */
void ending_start(struct server *server);
void ending_stop(struct server *server);
/* At the end of a turn: leaves the loop if all is out and on the disk. */
void ending_turn(struct server *server);

#endif
