/* SPDX-License-Identifier: Apache-2.0 */
/* Names of operations and records, for reports. */
#ifndef JOINQ_SIM_NAMES_H
#define JOINQ_SIM_NAMES_H

#include "engine.h"
#include "sim_model.h"
#include <stdio.h>

const char *name_op(enum engine_op op);
const char *name_effect(enum engine_effect_kind kind);
const char *name_record(enum engine_record_kind kind);
void print_command(FILE *out, const struct engine_command *command);
/* An effect with the arrays that it indexes. */
void print_effect(FILE *out, const struct model_effect *effect, const struct model_item *items,
                  const struct model_lost *lost, const struct model_stat *stats);

#endif
