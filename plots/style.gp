# What all gnuplot charts share: the run, its colours, the terminal, and labels
# at the line.  Loaded first, with ARG1 = results folder and ARG2 = png or svg;
# the chart goes to standard output.

PLOTS = system(sprintf("dirname '%s'", ARG0))
DIR = ARG1
FORMAT = ARG2
load PLOTS."/style.conf"

set encoding utf8

# --- the run ---------------------------------------------------------------

# A table of the run as it is, and with numbers for the allocators' names.
table(name) = sprintf("%s/%s.csv", DIR, name)
only_rows(table_name, second) = sprintf("< awk -v only='%s' -f '%s/csv.awk' -f '%s/number.awk' '%s' '%s'", \
	second, PLOTS, PLOTS, table("summary"), table(table_name))
numbered(table_name) = only_rows(table_name, "")

MAX = 256
array NAME[MAX]
array COLOUR[MAX]
array DASH[MAX]
set datafile separator tab
N = 0
stats sprintf("< awk -f '%s/csv.awk' -f '%s/palette.awk' '%s/palette.csv' '%s'", \
	PLOTS, PLOTS, PLOTS, table("summary")) \
	using (N = N + 1, NAME[N] = strcol(1), COLOUR[N] = strcol(2), DASH[N] = strcol(3), N) nooutput

set datafile separator comma
set datafile columnheaders
array STATUS[MAX]
array END_EVENT[MAX]
j = 0
stats table("summary") using (j = j + 1, STATUS[j] = strcol("status"), END_EVENT[j] = column("status_event"), j) nooutput

# --- words -----------------------------------------------------------------

is_number(x) = x == x
elide(s, n) = strlen(s) <= n ? s : s[1:n / 2 - 1]."…".s[strlen(s) - n / 2 + 2:strlen(s)]
RUN = elide(system(sprintf("basename \"$(cd '%s' && pwd)\"", DIR)), 30)
name(i) = elide(NAME[i], 34)
ended(i) = STATUS[i] eq "ok" ? "" : STATUS[i] eq "out-of-memory" ? " † memory" : " † ".STATUS[i]
label_text(i) = elide(NAME[i], 34).ended(i)
bytes_text(x) = x < 1024 ? sprintf("%.0f bytes", x) : x < 1048576 ? sprintf("%.3g KiB", x / 1024.) : \
	x < 1073741824 ? sprintf("%.3g MiB", x / 1048576.) : sprintf("%.3g GiB", x / 1073741824.)
count_text(x) = x < 100 ? sprintf("%.3g", x) : sprintf("%.0f", x)
ns_text(x) = x < 1e3 ? sprintf("%.3g ns", x) : x < 1e6 ? sprintf("%.3g µs", x / 1e3) : sprintf("%.3g ms", x / 1e6)

# Breaks a text of more than `room` characters in two, behind the last `gap` that
# still lies in the room.
last_end(s, gap, n) = n <= 0 ? 0 : s[n:n + strlen(gap) - 1] eq gap ? n + strlen(gap) - 1 : last_end(s, gap, n - 1)
broken(s, n) = n > 0 ? s[1:n]."\n".s[n + 1:*] : s
wrapped(s, gap, room) = strlen(s) <= room ? s : broken(s, last_end(s, gap, room))

# A unit for numbers up to `top`: what to divide by, and its name.
byte_unit(top) = top < 4096 ? 1 : top < 4194304 ? 1024 : top < 4294967296 ? 1048576 : 1073741824
byte_name(top) = top < 4096 ? "bytes" : top < 4194304 ? "KiB" : top < 4294967296 ? "MiB" : "GiB"
event_unit(top) = top < 20000 ? 1 : top < 20000000 ? 1e3 : 1e6
event_name(top) = top < 20000 ? "event" : top < 20000000 ? "event (thousands)" : "event (millions)"
time_unit(top) = top < 2e3 ? 1 : top < 2e6 ? 1e3 : top < 2e9 ? 1e6 : top < 120e9 ? 1e9 : 60e9
time_name(top) = "recorded time (".(top < 2e3 ? "ns" : top < 2e6 ? "µs" : top < 2e9 ? "ms" : \
	top < 120e9 ? "s" : "min").")"

# The x axis of charts over time: by number of the event, or by its recorded time
# if that was replayed too.  WHEN is the column that says so, NOW the last of it.
fact(name) = system(sprintf("sed -n 's/.*\"%s\": *\"*\\([^\",]*\\).*/\\1/p' '%s/run.json' 2>/dev/null | head -n 1", name, DIR))
PACE = fact("pace")
WHEN = "event"
if (strlen(PACE) && PACE ne "none") {
	stats table("timeline") using (column("time_ns")) nooutput
	if (STATS_records > 0 && STATS_max > 0) { WHEN = "time_ns" }
}
moment_unit(top) = WHEN eq "time_ns" ? time_unit(top) : event_unit(top)
moment_name(top) = WHEN eq "time_ns" ? time_name(top) : event_name(top)

# How lines over time are drawn: in steps where these can be seen.  Elsewhere not,
# for gnuplot begins a dash anew with every step.
stairs(steps) = WHEN eq "time_ns" || LAST <= 100 ? steps : "lines"

# --- looks -----------------------------------------------------------------

# A chart is PANELS panels one above the other, each PANEL_PX high; the right
# margin holds the labels at the lines' ends, one LABEL_PX below the other.
LABEL_PX = 1.6 * TEXT_PT * 96 / 72
CHARACTER_PX = .67 * TEXT_PT * 96 / 72
at_least(x, low) = x > low ? x : low
LONGEST = 0
do for [i = 1:N] { LONGEST = at_least(strlen(label_text(i)), LONGEST) }
TITLE_LINE_PX = 1.35 * TITLE_PT * 96 / 72
LEFT_PX = 88
right_px(characters) = 76 + CHARACTER_PX * characters
RIGHT_PX = right_px(LONGEST)
TOP_PX = 78
GAP_PX = 22
BOTTOM_PX = 44
PANELS = 1
UNDERLAY = ""
STYLE = "lines"
PANEL_PX = 420
HEIGHT = 0
panel_top_px(k) = TOP_PX + (k - 1) * (PANEL_PX + GAP_PX)

terminal(format) = format eq "svg" \
	? sprintf("svg noenhanced size %d,%d font '%s,%g' background 'white'", \
		WIDTH, HEIGHT, FONT, TEXT_PT * 96 / 72.) \
	: sprintf("pngcairo noenhanced size %d,%d font '%s,%g' fontscale %g linewidth %g pointscale %g background 'white'", \
		WIDTH * PNG_ZOOM, HEIGHT * PNG_ZOOM, FONT, TEXT_PT, PNG_ZOOM, PNG_ZOOM, PNG_ZOOM)
title_font = sprintf("%s:Bold,%g", FONT, FORMAT eq "svg" ? TITLE_PT * 96 / 72. : TITLE_PT)

set border 3 lc rgb MUTED lw 1
set tics nomirror out scale .6 textcolor rgb TEXT
set grid ytics lc rgb GRID lw 1 dt 1
unset key
do for [i = 1:N] {
	if (strlen(DASH[i])) { set style line i lc rgb COLOUR[i] lw LINE_PT dt DASH[i]
	} else { set style line i lc rgb COLOUR[i] lw LINE_PT dt 1 }
}

