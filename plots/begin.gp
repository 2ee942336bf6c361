# Opens a chart of PANELS panels, each PANEL_PX pixels high.  Its title is set
# before: FINDING, what the run shows, and WHAT, what is drawn.

FINDING = wrapped(FINDING, ", ", WIDTH / int(TITLE_PT * .95))
WHAT = wrapped(WHAT, " ", WIDTH / int(TEXT_PT * .86))
if (strstrt(FINDING, "\n")) { TOP_PX = TOP_PX + TITLE_LINE_PX }
if (strstrt(WHAT, "\n")) { TOP_PX = TOP_PX + LABEL_PX }
HEIGHT = TOP_PX + PANELS * (PANEL_PX + GAP_PX) + BOTTOM_PX
eval "set terminal ".terminal(FORMAT)
set multiplot
