/* SPDX-License-Identifier: Apache-2.0 */
/* Variables of the environment as configuration, for containers: after the file, before the command line. It must not know what options
 * there are. */
#ifndef JOINQ_BROKER_ENVIRONMENT_H
#define JOINQ_BROKER_ENVIRONMENT_H

#include "config.h"

/* JOINQD_LISTEN: URLs with spaces, more than what the file says. JOINQD_<SECTION>_<OPTION>: any other option that is not of a section
 * with a title; JOINQD_DATA and JOINQD_MAX_MEMORY for short, and STATE_DIRECTORY of systemd where there is no data folder. JOINQD_USER and
 * JOINQD_PASSWORD_FILE: a user who may do everything, the only one unless the configuration has users. JQ_OK, or JQ_INVALID with what
 * is wrong: what options say together is config_finish's to look at. */
JQ_MUST_USE int environment_config(struct config *config, struct config_error *error);

#endif
