/*
 * json.c - run.json: everything that a reader needs to judge or repeat a run.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "../clock/pace.h"
#include "json.h"
#include "keep.h"
#include "report.h"
#include "version.h"

json_t *json_of_text(const char *text)
{
	json_t *string = json_string(text);
	char *ascii;

	if (string != NULL || (ascii = strdup(text)) == NULL)
		return string;
	for (char *byte = ascii; *byte != '\0'; byte++)
		if (*byte & 0x80)
			*byte = '?';
	string = json_string(ascii);
	free(ascii);
	return string;
}

/* The value of the first line "key : value" of a file in /proc. */
static void read_proc(const char *path, const char *key, char *value,
                      size_t capacity)
{
	FILE *file = fopen(path, "r");
	char line[512];

	snprintf(value, capacity, "unknown");
	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		const char *colon = strchr(line, ':');
		if (colon == NULL || strncmp(line, key, strlen(key)) != 0)
			continue;
		colon += 1 + strspn(colon + 1, " \t");
		snprintf(value, capacity, "%.*s", (int)strcspn(colon, "\n"),
		         colon);
		break;
	}
	if (file != NULL)
		fclose(file);
}

/* The only line of a file in /sys, or "unknown". */
static void read_line(const char *path, char *line, size_t capacity)
{
	FILE *file = fopen(path, "r");

	if (file == NULL || fgets(line, (int)capacity, file) == NULL)
		snprintf(line, capacity, "unknown");
	line[strcspn(line, "\n")] = '\0';
	if (file != NULL)
		fclose(file);
}

static json_t *describe_machine(void)
{
	char model[256], memory[64], governor[64], huge[64];
	struct utsname system = {0};

	read_proc("/proc/cpuinfo", "model name", model, sizeof model);
	read_proc("/proc/meminfo", "MemTotal", memory, sizeof memory);
	read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
	          governor, sizeof governor);
	read_line("/sys/kernel/mm/transparent_hugepage/enabled", huge,
	          sizeof huge);
	uname(&system);
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s}", "processor",
	                 model, "cores", (int)sysconf(_SC_NPROCESSORS_ONLN),
	                 "memory", memory, "kernel", system.release,
	                 "architecture", system.machine, "governor", governor,
	                 "transparent_huge_pages", huge);
}

/* Bytes of all blocks that are ever made, before any realloc. */
static uint64_t allocated_bytes(const struct trace *trace)
{
	uint64_t bytes = 0;

	for (uint64_t i = 0; i < trace->events; i++)
		if (trace->ops[i].kind <= TRACE_ALIGNED)
			bytes += trace->ops[i].size;
	return bytes;
}

static json_t *describe_trace(const struct run *run)
{
	const struct trace *trace = &run->workload->trace;
	char checksum[32];

	snprintf(checksum, sizeof checksum, "%016lx", trace->checksum);
	return json_pack(
		"{s:o, s:o, s:s, s:I, s:I, s:I, s:i, s:I, s:I, s:I, s:I, s:I}",
		"name", json_of_text(run->workload->name), "source",
		json_of_text(trace->source != NULL ? trace->source : ""),
		"checksum", checksum, "events", (json_int_t)trace->events,
		"calls", (json_int_t)trace->calls, "slots",
		(json_int_t)trace->slots, "threads", (int)trace->threads,
		"peak_live_bytes", (json_int_t)trace->peak_live_bytes,
		"allocated_bytes", (json_int_t)allocated_bytes(trace),
		"size_p50_bytes", (json_int_t)run->sizes[0], "size_p90_bytes",
		(json_int_t)run->sizes[1], "size_p99_bytes",
		(json_int_t)run->sizes[2]);
}

static json_t *describe_knobs(const struct subject *subject)
{
	const struct knob *knobs = subject->allocator->knobs;
	json_t *object = json_object();

	for (size_t i = 0; knobs[i].name != NULL; i++) {
		uint64_t value = subject->values.of[i];
		json_object_set_new(
			object, knobs[i].name,
			knobs[i].choices != NULL
				? json_string(knobs[i].choices[value])
				: json_integer((json_int_t)value));
	}
	return object;
}

json_t *json_of_library(const struct library *library)
{
	json_t *environment = json_array();

	for (int i = 0; i < library->variable_count; i++)
		json_array_append_new(environment,
		                      json_of_text(library->variables[i]));
	return json_pack("{s:o, s:o, s:s, s:o}", "preloaded",
	                 json_of_text(library->preload), "path",
	                 json_of_text(library->facts.path), "version",
	                 library->facts.version, "environment", environment);
}

static json_t *describe_subject(const struct subject *subject,
                                const struct verdict *verdict)
{
	json_t *row = json_pack("{s:o, s:o, s:s, s:I, s:o}", "allocator",
	                        json_of_text(subject->label), "knobs",
	                        describe_knobs(subject), "status",
	                        verdict_word(verdict->kind), "event",
	                        (json_int_t)verdict->event, "sentence",
	                        json_of_text(verdict->sentence));

	if (subject->is_library)
		json_object_set_new(row, "library",
		                    json_of_library(&subject->library));
	if (subject->is_resident_known)
		json_object_set_new(
			row, "huge_pages",
			json_pack("{s:b, s:I}", "disabled",
		                  subject->residency.huge_pages_are_off,
		                  "bytes",
		                  (json_int_t)subject->residency.huge_bytes));
	return row;
}

static json_t *describe_subjects(const struct subject *subjects, int count)
{
	json_t *array = json_array();

	for (int i = 0; i < count; i++)
		json_array_append_new(
			array,
			describe_subject(&subjects[i], &subjects[i].verdict));
	return array;
}

static json_t *describe_options(const struct run *run)
{
	const struct run_options *options = run->options;
	char pace[PACE_BYTES];

	return json_pack("{s:i, s:s, s:i, s:f, s:f, s:I, s:s, s:b, s:I}",
	                 "threads",
	                 run->plan != NULL ? (int)run->plan->threads : 0,
	                 "pace", pace_print(options->pace, pace), "reps",
	                 (int)options->reps, "limit_seconds", options->seconds,
	                 "speed_budget_seconds", options->budget_seconds,
	                 "limit_bytes", (json_int_t)options->memory_bytes,
	                 "touch", touch_names[options->touch], "paranoid",
	                 options->paranoid, "seed", (json_int_t)options->seed);
}

json_t *json_of_run(const char *command)
{
	char when[64];
	time_t now = time(NULL);

	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:o}", "time", when,
	                 "command", json_of_text(command), "commit",
	                 BUILD_COMMIT, "compiler", __VERSION__, "flags",
	                 BUILD_FLAGS, "machine", describe_machine());
}

bool json_write(json_t *root, const char *path)
{
	int failed = root == NULL || json_dump_file(root, path, JSON_INDENT(2));

	json_decref(root);
	return failed == 0;
}

static json_t *describe_floors(const struct run *run)
{
	const struct subject *library = run->library_floor;
	json_t *floors = json_pack("{s:f, s:f}", "null_ns_per_op",
	                           run->null_estimate.median, "empty_ns_per_op",
	                           run->empty_ns);

	if (library != NULL && library->reps > 0)
		json_object_set_new(floors, "empty_library_ns_per_op",
		                    json_real(library->ns.median));
	return floors;
}

bool report_json(const struct run *run, const char *command, const char *path,
                 const char *old)
{
	json_t *root = json_of_run(command);
	json_t *allocators = describe_subjects(run->subjects, run->count);

	if (old != NULL)
		keep_subjects(old, run, allocators);
	json_object_set_new(root, "interrupted",
	                    json_boolean(run->interrupted));
	json_object_set_new(root, "trace", describe_trace(run));
	json_object_set_new(root, "options", describe_options(run));
	json_object_set_new(root, "allocators", allocators);
	json_object_set_new(root, "floors", describe_floors(run));
	return json_write(root, path);
}

/* The allocators of `scale`, all but the control. */
static json_t *describe_scaled(const struct scale *scale)
{
	json_t *array = json_array();

	for (int i = 0; i < scale->row_count; i++)
		if (scale->rows[i].subject != NULL)
			json_array_append_new(
				array,
				describe_subject(scale->rows[i].subject,
			                         &scale->rows[i].verdict));
	return array;
}

bool report_json_scale(const struct scale *scale, const char *command,
                       const char *path)
{
	const struct scale_options *options = scale->options;
	json_t *root = json_of_run(command);
	json_t *threads = json_array();

	for (unsigned i = 0; i < scale->count_count; i++)
		json_array_append_new(threads,
		                      json_integer((int)scale->counts[i]));
	json_object_set_new(root, "interrupted",
	                    json_boolean(scale->interrupted));
	json_object_set_new(root, "threads", threads);
	json_object_set_new(root, "options",
	                    json_pack("{s:i, s:I, s:i, s:I, s:I, s:I}", "reps",
	                              (int)options->reps, "steps",
	                              (json_int_t)options->steps, "live",
	                              (int)options->live, "max_bytes",
	                              (json_int_t)options->max_bytes,
	                              "limit_bytes",
	                              (json_int_t)options->memory_bytes, "seed",
	                              (json_int_t)options->seed));
	json_object_set_new(root, "allocators", describe_scaled(scale));
	return json_write(root, path);
}

/* Which library is behind each row that is one. */
static json_t *describe_libraries(const struct subject *subjects, int count)
{
	json_t *object = json_object();

	for (int i = 0; i < count; i++)
		if (subjects[i].is_library)
			json_object_set_new(
				object, subjects[i].label,
				json_of_library(&subjects[i].library));
	return object;
}

bool report_json_across(const char *command, const char (*workloads)[128],
                        int workload_count, const struct subject *subjects,
                        int subject_count, const char *path)
{
	json_t *root = json_of_run(command);
	json_t *names = json_array();

	for (int i = 0; i < workload_count; i++)
		json_array_append_new(names, json_of_text(workloads[i]));
	json_object_set_new(root, "workloads", names);
	json_object_set_new(root, "libraries",
	                    describe_libraries(subjects, subject_count));
	return json_write(root, path);
}
