/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a connection while it proves who it is. */
#ifndef JOINQ_SERVER_LOGIN_H
#define JOINQ_SERVER_LOGIN_H

#include "auth.h"
#include "connection.h"

struct login {
    struct auth_exchange *exchange;
    uint32_t mechanism; /* 0: no word of it yet */
    bool challenged;
    bool refused; /* and will be told in a while, as the answer to: */
    uint32_t refused_request;
    enum jqw_code refused_code;
    const char *refused_text;
    char said[AUTH_CHALLENGE_MAX + 1]; /* what the welcome proves us by */
};

enum { LOGIN_ADDRESS_MAX = 64 };
/* Where its attempts come from, as one counts them: an IPv4 address, the net of an IPv6 address, a user of this machine. */
void login_address(const struct jqw_transport *transport, char to[LOGIN_ADDRESS_MAX]);
/* Who it is, for logs: its user, or "nobody yet". */
const char *login_user(const struct connection *connection);

void login_free(struct connection *connection); /* nothing if there is none */

#endif
