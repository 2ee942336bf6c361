/*
 * test_knob.c - knobs from text and back, and every way to get one wrong.
 */
#include <stdio.h>
#include <string.h>

#include "allocators/registry.h"
#include "lab.h"

static const char *const orders[] = {"address", "lifo", "fifo", NULL};

enum { GROWTH, ORDER, COUNT };

static const struct knob knobs[] = {
	[GROWTH] = {.name = "growth",
                    .unit = "bytes",
                    .initial = 4096,
                    .min = 4096,
                    .max = (uint64_t)1 << 40,
                    .power_of_two = true,
                    .summary = "",
                    .source = ""},
	[ORDER] = {.name = "order",
                   .unit = "",
                   .initial = 1,
                   .choices = orders,
                   .summary = "",
                   .source = ""},
	[COUNT] = {.name = "count",
                   .unit = "blocks",
                   .initial = 3,
                   .min = 0,
                   .max = UINT64_MAX,
                   .summary = "",
                   .source = ""},
	{0},
};

static const struct knob none[] = {{0}};

static struct knob_values parsed(const char *text)
{
	struct knob_values values;
	char error[512] = "";

	knob_defaults(knobs, &values);
	if (!knob_parse(knobs, text, &values, error, sizeof error))
		fail_msg("\"%s\" was refused: %s", text, error);
	return values;
}

static void require_refused(const struct knob *of, const char *text,
                            const char *message)
{
	struct knob_values values;
	char error[512] = "";

	knob_defaults(of, &values);
	assert_false(knob_parse(of, text, &values, error, sizeof error));
	assert_string_equal(error, message);
}

static void defaults_are_the_initial_values(void **state)
{
	struct knob_values values = parsed("");

	(void)state;
	assert_int_equal(values.of[GROWTH], 4096);
	assert_int_equal(values.of[ORDER], 1);
	assert_int_equal(values.of[COUNT], 3);
}

static void numbers_take_a_suffix(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} cases[] = {
		{"count=0", 0},
		{"count=17", 17},
		{"count=4K", 4096},
		{"count=4k", 4096},
		{"count=3M", 3 << 20},
		{"count=7G", (uint64_t)7 << 30},
		{"count=18446744073709551615", UINT64_MAX},
		{"count=17179869183G", UINT64_MAX - (1 << 30) + 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(parsed(cases[i].text).of[COUNT],
		                 cases[i].value);
}

static void several_are_set_at_once(void **state)
{
	struct knob_values values = parsed("order=fifo,growth=64K,count=9");

	(void)state;
	assert_int_equal(values.of[GROWTH], 65536);
	assert_int_equal(values.of[ORDER], 2);
	assert_int_equal(values.of[COUNT], 9);
}

static void numbers_out_of_range_are_refused(void **state)
{
	static const char *const bad[] = {"0",
	                                  "4095",
	                                  "5000",
	                                  "2048",
	                                  "2048G",
	                                  "",
	                                  "-4096",
	                                  "4096.0",
	                                  "4KK",
	                                  "4T",
	                                  "K",
	                                  "0x1000",
	                                  " 4096",
	                                  "+4096",
	                                  "4096 ",
	                                  "lifo",
	                                  "18446744073709551616",
	                                  "18014398509481984K"};
	char text[64], message[256];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(text, sizeof text, "growth=%s", bad[i]);
		snprintf(message, sizeof message,
		         "knob growth cannot be \"%s\": it takes 4K..1024G, a "
		         "power of two; bytes",
		         bad[i]);
		require_refused(knobs, text, message);
	}
}

static void other_mistakes_are_refused_by_name(void **state)
{
	(void)state;
	require_refused(knobs, "count=18014398509481984K", /* 2^64 */
	                "knob count cannot be \"18014398509481984K\": it takes "
	                "0..18446744073709551615; blocks");
	require_refused(knobs, "order=size",
	                "knob order cannot be \"size\": it takes address | "
	                "lifo | fifo");
	require_refused(knobs, "order=",
	                "knob order cannot be \"\": it takes "
	                "address | lifo | fifo");
	require_refused(knobs, "ordr=lifo",
	                "there is no knob \"ordr\" (it has growth, order, "
	                "count)");
	require_refused(none, "order=lifo",
	                "there is no knob \"order\" (it has none)");
	require_refused(knobs, "lifo",
	                "\"lifo\" is not of the form knob=value");
	require_refused(knobs, "order=lifo,",
	                "\"\" is not of the form knob=value");
	require_refused(knobs, ",order=lifo",
	                "\"\" is not of the form knob=value");
	require_refused(knobs, "count=1,count=2", "knob count is set twice");
	char text[2000];
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	require_refused(knobs, text, "the knob settings are too long");
}

static void a_short_buffer_is_not_overrun(void **state)
{
	struct knob_values values;
	char text[16];

	(void)state;
	knob_defaults(knobs, &values);
	memset(text, '#', sizeof text);
	assert_false(knob_parse(knobs, "ordr=1", &values, text, 8));
	assert_string_equal(text, "there i");
	assert_int_equal(text[8], '#');
	knob_print(knobs, &values, false, text, 8);
	assert_string_equal(text, "growth=");
	assert_int_equal(text[8], '#');
	knob_print_range(&knobs[ORDER], text, 8);
	assert_string_equal(text, "address");
	assert_int_equal(text[8], '#');
}

static void require_printed(const char *settings, bool changed_only,
                            const char *expected)
{
	struct knob_values values = parsed(settings);
	char text[256];

	knob_print(knobs, &values, changed_only, text, sizeof text);
	assert_string_equal(text, expected);
	assert_memory_equal(parsed(text).of, values.of, sizeof values.of);
}

static void what_is_printed_can_be_parsed(void **state)
{
	(void)state;
	require_printed("", true, "");
	require_printed("", false, "growth=4K,order=lifo,count=3");
	require_printed("count=0", true, "count=0");
	require_printed("count=1536", true, "count=1536");
	require_printed("count=1536K", true, "count=1536K");
	require_printed("order=address,growth=1G", true,
	                "growth=1G,order=address");
	require_printed("count=10000000000", true, "count=10000000000");
	require_printed("count=17179869184M", true, "count=16777216G");
	require_printed("count=18446744073709551615", true,
	                "count=18446744073709551615");
}

static void ranges_are_printed(void **state)
{
	char text[128];

	(void)state;
	knob_print_range(&knobs[GROWTH], text, sizeof text);
	assert_string_equal(text, "4K..1024G, a power of two");
	knob_print_range(&knobs[ORDER], text, sizeof text);
	assert_string_equal(text, "address | lifo | fifo");
	knob_print_range(&knobs[COUNT], text, sizeof text);
	assert_string_equal(text, "0..18446744073709551615");
}

/* The knob arrays of the allocators keep their own rules. */
static void every_allocator_declares_sound_knobs(void **state)
{
	(void)state;
	for (size_t i = 0; allocator_registry[i] != NULL; i++) {
		const struct allocator *allocator = allocator_registry[i];
		struct knob_values values, again;
		char text[1024], error[512];
		const struct knob *knob = allocator->knobs;
		knob_defaults(knob, &values);
		for (; knob->name != NULL; knob++) {
			assert_non_null(knob->unit);
			assert_true(knob->summary[0] != '\0');
			assert_non_null(knob->source);
		}
		knob_print(allocator->knobs, &values, false, text, sizeof text);
		knob_defaults(allocator->knobs, &again);
		if (!knob_parse(allocator->knobs, text, &again, error,
		                sizeof error))
			fail_msg("%s: its own default: %s", allocator->name,
			         error);
		assert_memory_equal(&values, &again, sizeof values);
		if (allocator->refuse != NULL)
			assert_null(allocator->refuse(&values));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_the_initial_values),
		cmocka_unit_test(numbers_take_a_suffix),
		cmocka_unit_test(several_are_set_at_once),
		cmocka_unit_test(numbers_out_of_range_are_refused),
		cmocka_unit_test(other_mistakes_are_refused_by_name),
		cmocka_unit_test(a_short_buffer_is_not_overrun),
		cmocka_unit_test(what_is_printed_can_be_parsed),
		cmocka_unit_test(ranges_are_printed),
		cmocka_unit_test(every_allocator_declares_sound_knobs),
	};
	return cmocka_run_group_tests_name("knob", tests, NULL, NULL);
}
