/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that came and are not yet parsed. They are read into counted chunks, so that a batch can lie where its frame was read and
 * nothing is copied; only a frame that a chunk's end cuts in two is moved. Knows frames' lengths as a number it is told. */
#ifndef JOINQ_JQC_INPUT_H
#define JOINQ_JQC_INPUT_H

#include "jqc_pool.h"

struct jqc_input {
    struct jqc_pool *pool;   /* borrowed */
    struct jqc_chunk *chunk; /* NULL before the first room */
    size_t start, end;       /* of what is not yet parsed, in the chunk */
    size_t wanted;           /* bytes that a frame that has begun needs in all; 0: none has begun, or not known */
};

void jqc_input_init(struct jqc_input *input, struct jqc_pool *pool);
void jqc_input_fini(struct jqc_input *input);

/* Room to read into, at least half an ordinary chunk where no frame has begun. JQ_OK, or JQ_OVERLOADED with nothing changed. */
JQ_MUST_USE int jqc_input_room(struct jqc_input *input, uint8_t **to, size_t *size);
/* So many bytes were read there. */
void jqc_input_filled(struct jqc_input *input, size_t size);
/* The first so many bytes are done with; batches on the chunk hold it by themselves. */
void jqc_input_consume(struct jqc_input *input, size_t size);

#endif
