/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes one frame (without its length): no crash, both decoders agree, and what was decoded survives being encoded. */
#include "wire_agree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)agree_on(data, size);
    return 0;
}
