/* SPDX-License-Identifier: Apache-2.0 */
/* What every module may use: compiler attributes and the assertion that stays on in release builds.
 * JQ_ASSERT is for our own bugs only, never for what a peer sent. */
#ifndef JOINQ_WIRE_BASE_H
#define JOINQ_WIRE_BASE_H

#define JQ_MUST_USE            __attribute__((warn_unused_result))
#define JQ_ASSERT(condition)   ((condition) ? (void)0 : __builtin_trap())
#define JQ_LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define JQ_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#endif
