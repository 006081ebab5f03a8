/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker says to whoever runs it: one line each, on standard error. */
#ifndef JOINQ_SERVER_LOG_H
#define JOINQ_SERVER_LOG_H

__attribute__((format(printf, 1, 2))) void server_log(const char *format, ...);

/* How far it has come: on a terminal each time in the place of the last. */
__attribute__((format(printf, 1, 2))) void server_progress(const char *format, ...);

#endif
