/* SPDX-License-Identifier: Apache-2.0 */
/* Where failed attempts came from: a table of fixed size. An address has a few places that it may stand in, by a hash that nobody
 * outside can know; a new one takes the place of the one that has been quiet for longest. */
#include "state.h"
#include "transport.h"
#include <stdlib.h>
#include <string.h>

enum { SETS = 512, WAYS = 8 };

struct failure {
    uint64_t address;  /* its hash; 0: none */
    uint64_t until_ns; /* by then the failures are paid for */
};

struct auth_failures {
    uint8_t secret[JQW_SCRAM_KEY];
    struct failure places[SETS][WAYS];
};

int auth_failures_new(struct auth_failures **out)
{
    struct auth_failures *failures = calloc(1, sizeof *failures);
    if (!failures)
        return JQ_OVERLOADED;
    int code = jqw_random(failures->secret, sizeof failures->secret);
    if (code == JQ_OK)
        *out = failures;
    else
        free(failures);
    return code;
}

void auth_failures_free(struct auth_failures *failures)
{
    free(failures);
}

static const struct failure *find(const struct auth_failures *failures, uint64_t address)
{
    const struct failure *set = failures->places[address % SETS];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].address == address)
            return &set[i];
    return NULL;
}

/* Each failure takes AUTH_FAILURE_NS to be forgotten, one after the other. */
bool auth_failures_allow(const struct auth_failures *failures, const char *address, uint64_t now_ns)
{
    const struct failure *known = find(failures, auth_text_number(failures->secret, address));
    return !known || known->until_ns + AUTH_FAILURE_NS <= now_ns + AUTH_FAILURES_MAX * AUTH_FAILURE_NS;
}

void auth_failures_add(struct auth_failures *failures, const char *address, uint64_t now_ns)
{
    uint64_t number = auth_text_number(failures->secret, address);
    struct failure *set = failures->places[number % SETS], *place = &set[0];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].address == number || (place->address != number && set[i].until_ns < place->until_ns))
            place = &set[i];
    if (place->address != number)
        *place = (struct failure){.address = number};
    place->until_ns = (place->until_ns > now_ns ? place->until_ns : now_ns) + AUTH_FAILURE_NS;
}
