/*
 * results.c - rows of a comparison as CSV and JSON.
 */
#include "results.h"

#include "../report/csv.h"
#include "../report/json.h"
#include "pairs.h"

static int first_of(const struct compare *compare)
{
	return contenders_find(&compare->contenders, "system");
}

static void put_row(const struct compare *compare, int p, int c, FILE *out)
{
	csv_text(out, compare->programs[p].name);
	putc(',', out);
	csv_text(out, compare->contenders.of[c].label);
}

/* ---- programs.csv -------------------------------------------------------- */

static const char programs_header[] =
	"program,allocator,kind,status,number,calls,is_telling,rounds,"
	"wall_ns,wall_ns_lo,wall_ns_hi,cpu_ns,cpu_ns_lo,cpu_ns_hi,"
	"peak_resident_bytes,peak_resident_bytes_lo,peak_resident_bytes_hi,"
	"tree_peak_resident_bytes,mean_resident_bytes,drained_resident_bytes,"
	"page_faults,wall_ratio,wall_ratio_lo,wall_ratio_hi,cpu_ratio,"
	"cpu_ratio_lo,cpu_ratio_hi,peak_ratio,peak_ratio_lo,peak_ratio_hi,"
	"output_hash,output_bytes";

/* ",median,low,high", or empty fields. */
static void put_estimate(const struct estimate *estimate, const char *format,
                         FILE *out)
{
	const double values[] = {estimate->median, estimate->low,
	                         estimate->high};

	for (int i = 0; i < 3; i++) {
		putc(',', out);
		if (estimate->n > 0)
			fprintf(out, format, values[i]);
	}
}

static void put_median(const struct compare *compare, int p, int c,
                       enum figure figure, FILE *out)
{
	struct estimate estimate = compare_figure(compare, p, c, figure);

	putc(',', out);
	if (estimate.n > 0)
		fprintf(out, "%.0f", estimate.median);
}

static void put_figures(const struct compare *compare, int p, int c, FILE *out)
{
	static const enum figure whole[] = {FIGURE_WALL_NS, FIGURE_CPU_NS,
	                                    FIGURE_PEAK_BYTES};
	static const enum figure medians[] = {
		FIGURE_TREE_PEAK_BYTES, FIGURE_MEAN_BYTES, FIGURE_DRAINED_BYTES,
		FIGURE_FAULTS};
	struct estimate estimate;

	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
		estimate = compare_figure(compare, p, c, whole[i]);
		put_estimate(&estimate, "%.0f", out);
	}
	for (size_t i = 0; i < sizeof medians / sizeof *medians; i++)
		put_median(compare, p, c, medians[i], out);
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
		estimate = compare_ratio(compare, p, c, first_of(compare),
		                         whole[i]);
		put_estimate(&estimate, "%.4f", out);
	}
}

static void write_program_row(const struct compare *compare, int p, int c,
                              FILE *out)
{
	const struct cell_row *row = compare_row(compare, p, c);
	const struct contender *contender = &compare->contenders.of[c];

	put_row(compare, p, c, out);
	fprintf(out, ",%s,%s,%d,", contender_kind_names[contender->kind],
	        outcome_words[row->outcome], row->number);
	if (row->is_counted)
		fprintf(out, "%lu", row->calls);
	fprintf(out, ",%d,%u", compare_is_telling(compare, p), row->rounds);
	put_figures(compare, p, c, out);
	if (row->is_counted)
		fprintf(out, ",%016lx,%lu\n", row->output_hash,
		        row->output_bytes);
	else
		fprintf(out, ",,\n");
}

/* ---- program_runs.csv ---------------------------------------------------- */

static const char runs_header[] =
	"program,allocator,round,position,wall_ns,cpu_ns,peak_resident_bytes,"
	"tree_peak_resident_bytes,mean_resident_bytes,drained_resident_bytes,"
	"page_faults";

static void write_run_rows(const struct compare *compare, int p, int c,
                           FILE *out)
{
	const struct cell_row *row = compare_row(compare, p, c);

	for (unsigned r = 0; r < row->rounds; r++) {
		put_row(compare, p, c, out);
		fprintf(out, ",%u,%u", r + 1, row->position[r]);
		for (int f = 0; f < FIGURES; f++)
			fprintf(out, ",%.0f", row->figures[f][r]);
		putc('\n', out);
	}
}

/* ---- run.json ------------------------------------------------------------ */

static json_t *describe_arguments(char *const *argv)
{
	json_t *array = json_array();

	for (; *argv != NULL; argv++)
		json_array_append_new(array, json_of_text(*argv));
	return array;
}

static json_t *describe_programs(const struct compare *compare)
{
	json_t *array = json_array();

	for (int p = 0; p < compare->program_count; p++) {
		const struct program *program = &compare->programs[p];
		json_array_append_new(
			array,
			json_pack("{s:o, s:o, s:o, s:b}", "name",
		                  json_of_text(program->name), "command",
		                  describe_arguments(program->argv), "bypasses",
		                  json_of_text(program->why_bypass),
		                  "output_varies", program->varies));
	}
	return array;
}

static json_t *describe_contenders(const struct compare *compare)
{
	json_t *array = json_array();

	for (int c = 0; c < compare->contenders.count; c++) {
		const struct contender *contender = &compare->contenders.of[c];
		json_array_append_new(
			array, json_pack("{s:o, s:s, s:o}", "allocator",
		                         json_of_text(contender->label), "kind",
		                         contender_kind_names[contender->kind],
		                         "library",
		                         json_of_library(&contender->library)));
	}
	return array;
}

/* The rows that have something to explain. */
static json_t *describe_findings(const struct compare *compare)
{
	json_t *array = json_array();

	for (int p = 0; p < compare->program_count; p++)
		for (int c = 0; c < compare->contenders.count; c++) {
			const struct cell_row *row = compare_row(compare, p, c);
			if (row->outcome == OUTCOME_OK)
				continue;
			json_array_append_new(
				array,
				json_pack(
					"{s:o, s:o, s:s, s:o}", "program",
					json_of_text(compare->programs[p].name),
					"allocator",
					json_of_text(compare->contenders.of[c]
			                                     .label),
					"status", outcome_words[row->outcome],
					"sentence",
					json_of_text(row->sentence)));
		}
	return array;
}

static bool write_run_json(const struct compare *compare, const char *command,
                           const struct folder *folder,
                           struct trace_error *error)
{
	char path[4096];
	json_t *root = json_of_run(command);

	snprintf(path, sizeof path, "%s/run.json", folder->temp);
	json_object_set_new(root, "interrupted",
	                    json_boolean(compare->interrupted));
	json_object_set_new(root, "options",
	                    json_pack("{s:i, s:i, s:f, s:I}", "rounds",
	                              (int)compare->rounds, "rounds_wanted",
	                              (int)compare->rounds_wanted,
	                              "limit_seconds", compare->seconds, "seed",
	                              (json_int_t)compare->seed));
	json_object_set_new(root, "programs", describe_programs(compare));
	json_object_set_new(root, "allocators", describe_contenders(compare));
	json_object_set_new(root, "findings", describe_findings(compare));
	return json_write(root, path) || folder_cannot_write(folder, error);
}

/* ---- the folder ---------------------------------------------------------- */

/* Writes the rows of one program under one malloc. */
typedef void rows_writer(const struct compare *compare, int program,
                         int contender, FILE *out);

static bool write_csv(const struct compare *compare,
                      const struct folder *folder, const char *name,
                      const char *header, rows_writer *write,
                      struct trace_error *error)
{
	FILE *out = folder_csv_open(folder, name, header);

	for (int p = 0; out != NULL && p < compare->program_count; p++)
		for (int c = 0; c < compare->contenders.count; c++)
			write(compare, p, c, out);
	return folder_csv_close(folder, out, error);
}

/* Means are of several programs. */
static bool write_pairs(const struct compare *compare,
                        const struct folder *folder, struct trace_error *error)
{
	if (compare->program_count == 1)
		return true;
	FILE *out = folder_csv_open(folder, "pairs.csv", pairs_header);
	if (out != NULL)
		pairs_write(compare, out);
	return folder_csv_close(folder, out, error);
}

bool programs_write(const struct compare *compare, const char *command,
                    struct folder *folder, struct trace_error *error)
{
	if (compare->interrupted)
		folder_step_aside(folder);
	return write_csv(compare, folder, "programs.csv", programs_header,
	                 write_program_row, error) &&
	       write_csv(compare, folder, "program_runs.csv", runs_header,
	                 write_run_rows, error) &&
	       write_pairs(compare, folder, error) &&
	       write_run_json(compare, command, folder, error) &&
	       folder_commit(folder, error);
}
