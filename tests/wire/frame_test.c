/* SPDX-License-Identifier: Apache-2.0 */
/* Frames cut out of bytes however these come, and the buffer that they come in. */
#include "buffer.h"
#include "codes.h"
#include "frame.h"
#include "wire_limits.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool refuses_memory;

void *__wrap_realloc(void *memory, size_t size);
void *__real_realloc(void *memory, size_t size);

void *__wrap_realloc(void *memory, size_t size)
{
    return refuses_memory ? NULL : __real_realloc(memory, size);
}

static const uint8_t two[] = {0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 1, 'd'};

static void one_after_the_other(void **state)
{
    (void)state;
    struct jqw_frame_parser parser = {.frame_max = 3};
    struct jqw_frame frame;
    size_t consumed, wanted = 99;
    assert_int_equal(jqw_frame_next(&parser, two, sizeof two, &frame, &consumed, &wanted), JQW_FRAME_ONE);
    assert_int_equal(consumed, 7);
    assert_int_equal(frame.size, 3);
    assert_ptr_equal(frame.data, two + 4);
    assert_int_equal(jqw_frame_next(&parser, two + 7, sizeof two - 7, &frame, &consumed, NULL), JQW_FRAME_ONE);
    assert_int_equal(consumed, 5);
    assert_int_equal(frame.data[0], 'd');
    assert_int_equal(jqw_frame_next(&parser, two + 12, 0, &frame, &consumed, &wanted), JQW_FRAME_NONE);
    assert_int_equal(wanted, 4);
}

static void byte_by_byte(void **state)
{
    (void)state;
    struct jqw_frame_parser parser = {.frame_max = 3};
    struct jqw_frame frame;
    size_t consumed, wanted;
    for (size_t size = 0; size < 7; size++) {
        assert_int_equal(jqw_frame_next(&parser, two, size, &frame, &consumed, &wanted), JQW_FRAME_NONE);
        assert_int_equal(wanted, size < 4 ? 4 : 7);
    }
    assert_int_equal(jqw_frame_next(&parser, two, 7, &frame, &consumed, &wanted), JQW_FRAME_ONE);
}

static void error_of(const uint8_t *bytes, size_t size, size_t frame_max)
{
    struct jqw_frame_parser parser = {.frame_max = frame_max};
    struct jqw_frame frame;
    size_t consumed;
    assert_int_equal(jqw_frame_next(&parser, bytes, size, &frame, &consumed, NULL), JQW_FRAME_ERROR);
    assert_int_equal(parser.error, JQ_PROTOCOL);
    assert_int_equal(jqw_frame_next(&parser, two, sizeof two, &frame, &consumed, NULL), JQW_FRAME_ERROR);
}

static void errors_stay(void **state)
{
    (void)state;
    static const uint8_t nothing[] = {0, 0, 0, 0}, huge[] = {0xff, 0xff, 0xff, 0xff, 1, 2, 3};
    error_of(nothing, sizeof nothing, JQW_FRAME_MAX);
    error_of(huge, sizeof huge, JQW_FRAME_MAX);
    error_of(huge, 4, JQW_FRAME_MAX);
    error_of(two, sizeof two, 2);
}

static void a_buffer_grows_with_what_is_written(void **state)
{
    (void)state;
    struct jqw_buffer buffer = {0};
    size_t grown = 0, capacity = 0;
    for (int i = 0; i < 100000; i++) {
        uint8_t byte = (uint8_t)(i % 251);
        assert_int_equal(jqw_buffer_append(&buffer, &byte, 1), JQ_OK);
        grown += buffer.capacity != capacity ? 1 : 0;
        capacity = buffer.capacity;
    }
    assert_int_equal(buffer.size, 100000);
    assert_in_range(grown, 1, 12);
    assert_in_range(buffer.capacity, 100000, 200000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buffer.data[i], i % 251);
    jqw_buffer_consume(&buffer, 99998);
    assert_int_equal(buffer.size, 2);
    assert_int_equal(buffer.data[1], 99999 % 251);
    jqw_buffer_consume(&buffer, 2);
    jqw_buffer_consume(&buffer, 0);
    assert_int_equal(buffer.size, 0);
    jqw_buffer_fini(&buffer);
    jqw_buffer_fini(&buffer);
    assert_null(buffer.data);
}

static void refused_memory_leaves_the_buffer(void **state)
{
    (void)state;
    struct jqw_buffer buffer = {0};
    assert_int_equal(jqw_buffer_append(&buffer, "abc", 3), JQ_OK);
    const uint8_t *data = buffer.data;
    refuses_memory = true;
    assert_int_equal(jqw_buffer_reserve(&buffer, buffer.capacity), JQ_OVERLOADED);
    refuses_memory = false;
    assert_int_equal(jqw_buffer_reserve(&buffer, SIZE_MAX), JQ_OVERLOADED);
    assert_int_equal(jqw_buffer_reserve(&buffer, SIZE_MAX - 3), JQ_OVERLOADED);
    assert_ptr_equal(buffer.data, data);
    assert_int_equal(buffer.size, 3);
    assert_int_equal(jqw_buffer_append(&buffer, NULL, 0), JQ_OK);
    jqw_buffer_fini(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(errors_stay),
        cmocka_unit_test(a_buffer_grows_with_what_is_written),
        cmocka_unit_test(refused_memory_leaves_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
