/* SPDX-License-Identifier: Apache-2.0 */
/* joinqd passwd: makes a user's line of the file of users. */
#ifndef JOINQ_BROKER_PASSWD_H
#define JOINQ_BROKER_PASSWD_H

/* Returns the exit status. */
int passwd_main(int argc, char **argv);

#endif
