/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes from OpenSSL, the one source of chance in joinq. It does not know what they are for. */
#include "codes.h"
#include "transport.h"
#include <limits.h>
#include <openssl/rand.h>

int jqw_random(void *to, size_t size)
{
    if (size > INT_MAX)
        return JQ_INTERNAL;
    return RAND_bytes(to, (int)size) == 1 ? JQ_OK : JQ_INTERNAL;
}
