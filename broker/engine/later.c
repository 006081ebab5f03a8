/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that are not built yet. */
#include "model.h"

static int not_yet(struct engine *e, struct engine_effect *a)
{
    return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_NOT_YET, NULL, 0);
}

int handle_explain(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    (void)s;
    (void)c;
    return not_yet(e, a);
}

int handle_export(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    (void)s;
    (void)c;
    return not_yet(e, a);
}
